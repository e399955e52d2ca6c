"""Outlook: from a profile to attitude and goals, as chances. Served with NumPy alone, trained in `neural`.

A deep net with one output a head (say "keeps_at_it", or "goal:exam"). The file is safetensors: weights, the encoder
of the profile and the names of the heads. `because` says which stated or observed fields moved a prediction: each
field is taken out in turn, and the change of the log-odds is its weight.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors import numpy as tensors

from shuyuan.science.ranking.profiles import Encoder, Row

Small = npt.NDArray[np.float32]
_ENCODER, _HEADS = "encoder.json", "heads.json"


@dataclass(frozen=True)
class Outlook:
    """layers: (weight (in, out), bias (out,)) in order. slope, offset: (heads,) calibration of the log-odds."""

    encoder: Encoder
    heads: tuple[str, ...]
    layers: tuple[tuple[Small, Small], ...]
    slope: Small
    offset: Small

    def log_odds(self, rows: Sequence[Row]) -> Small:
        """(rows, heads)."""
        return self._through(self.encoder.encode(rows))

    def predict(self, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
        """(rows, heads) chances. No rows, no chances."""
        return 1 / (1 + np.exp(-self.log_odds(rows).astype(np.float64)))

    def because(self, row: Row, head: str) -> list[tuple[str, float]]:
        """(field, change of log-odds it brings) for what is known of this person, strongest first."""
        known = [field for field in self.encoder.kinds if row.get(field) not in (None, ())]
        at = self.heads.index(head)
        asked = [row, *({**row, field: None} for field in known)]
        whole, *without = self.log_odds(asked)[:, at]
        moved = [(field, float(whole - one)) for field, one in zip(known, without, strict=True)]
        return sorted(moved, key=lambda one: -abs(one[1]))

    def only(self, heads: Sequence[str]) -> "Outlook":
        """The same net with these outputs."""
        kept = [self.heads.index(head) for head in heads]
        weight, bias = self.layers[-1]
        layers = (*self.layers[:-1], (weight[:, kept], bias[kept]))
        return Outlook(self.encoder, tuple(heads), layers, self.slope[kept], self.offset[kept])

    def to_bytes(self) -> bytes:
        """safetensors."""
        arrays: dict[str, npt.NDArray[np.generic]] = {"slope": self.slope, "offset": self.offset}
        for number, (weight, bias) in enumerate(self.layers):
            arrays |= {f"{number}.weight": np.ascontiguousarray(weight), f"{number}.bias": bias}
        arrays |= {_ENCODER: _packed(self.encoder.to_json()), _HEADS: _packed(json.dumps(self.heads))}
        return bytes(tensors.save(arrays))

    @staticmethod
    def from_bytes(blob: bytes) -> "Outlook":
        """The reverse of `to_bytes`. Raises ValueError for a file that is none."""
        try:
            arrays: Mapping[str, npt.NDArray[np.generic]] = tensors.load(blob)
            count = sum(1 for key in arrays if key.endswith(".weight"))
            layers = [(_small(arrays[f"{n}.weight"]), _small(arrays[f"{n}.bias"])) for n in range(count)]
            encoder = Encoder.from_json(_unpacked(arrays[_ENCODER]))
            heads = tuple(json.loads(_unpacked(arrays[_HEADS])))
            return Outlook(encoder, heads, tuple(layers), _small(arrays["slope"]), _small(arrays["offset"]))
        except Exception as wrong:  # safetensors and JSON raise their own kinds
            raise ValueError(f"this is no outlook model: {wrong}") from wrong

    def _through(self, x: Small) -> Small:
        for weight, bias in self.layers[:-1]:
            x = x @ weight + bias
            x = x / (1 + np.exp(-np.clip(x, -60, 60)))  # SiLU
        weight, bias = self.layers[-1]
        return np.asarray((x @ weight + bias) * self.slope + self.offset, dtype=np.float32)


def _packed(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _unpacked(array: npt.NDArray[np.generic]) -> str:
    return array.astype(np.uint8).tobytes().decode()


def _small(array: npt.NDArray[np.generic]) -> Small:
    return array.astype(np.float32)
