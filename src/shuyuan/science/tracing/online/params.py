"""The numbers of one tracer version: global rates, item difficulties and point weights. Immutable.

Weights are never negative, which is why a right answer cannot lower a mastery, nor a wrong one raise it.
The defaults are the tracer for a school without data yet: fitted on ASSISTments 2009 (see bench/replay.py).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]  # float64 numbers and uint8 text, as safetensors stores them
FORMAT_VERSION = 1


class PointParams(NamedTuple):
    """One knowledge point. `difficulty` in logits above the average point; the weights are >= 0."""

    difficulty: float = 0.0
    ability_weight: float = 0.17
    practice_weight: float = 0.5


TYPICAL_POINT = PointParams()


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Params:
    """Everything `predict` and `update` need. Unseen items and points fall back to `typical_point` and zero."""

    bias: float = 0.05  # logit of a typical first answer
    general_weight: float = 0.35
    wins_weight: float = 0.5
    losses_weight: float = 0.4
    form_weight: float = 0.95
    general_variance: float = 0.65  # prior, logits squared
    general_drift: float = 0.001  # variance regained at each answer
    point_variance: float = 1.6
    point_drift: float = 0.045
    drift_per_day: float = 0.01  # point variance regained each day without an answer; 0 switches memory off
    form_rate: float = 0.35  # share of the newest surprise in `form`
    typical_point: PointParams = TYPICAL_POINT
    points: Mapping[str, PointParams] = field(default_factory=_empty)
    items: Mapping[str, float] = field(default_factory=_empty)  # item id -> difficulty beyond its points, logits
    guessed: frozenset[str] = frozenset()  # of these items: no answers told it, but what they say

    def __post_init__(self) -> None:
        for name in NUMBERS:
            _check(name, getattr(self, name), signed=name == "bias")
        for point_id, point in [("typical_point", self.typical_point), *self.points.items()]:
            _check(f"{point_id} difficulty", point.difficulty, signed=True)
            _check(f"{point_id} ability_weight", point.ability_weight)
            _check(f"{point_id} practice_weight", point.practice_weight)
        for item_id, difficulty in self.items.items():
            _check(f"item {item_id}", difficulty, signed=True)

    def point(self, point_id: str) -> PointParams:
        """The weights of a point, those of the typical point when it was not in the fit."""
        return self.points.get(point_id, self.typical_point)

    def met(self, item_id: str) -> bool:
        """Whether answers to an item were in the fit."""
        return item_id in self.items and item_id not in self.guessed

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` gives an equal object back."""
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return {
            "format": FORMAT_VERSION,
            **numbers,
            "typical_point": self.typical_point._asdict(),
            "points": {key: point._asdict() for key, point in self.points.items()},
            "items": dict(self.items),
            "guessed": sorted(self.guessed),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Params":
        """Raises ValueError on another format or on a number out of range, KeyError on a missing one."""
        _check_format(data["format"])
        return cls(
            **{name: float(data[name]) for name in NUMBERS},
            typical_point=PointParams(**data["typical_point"]),
            points=MappingProxyType({key: PointParams(**point) for key, point in data["points"].items()}),
            items=MappingProxyType({key: float(value) for key, value in data["items"].items()}),
            guessed=frozenset(data.get("guessed", ())),
        )

    def to_arrays(self) -> Arrays:
        """Plain arrays for safetensors; ids travel as UTF-8 JSON in uint8."""
        points = [self.typical_point, *self.points.values()]
        guessed = {"guessed_ids": _text(sorted(self.guessed))} if self.guessed else {}  # others stay what they were
        return {
            **guessed,
            "format": np.asarray([FORMAT_VERSION], dtype=np.int64),
            "numbers": np.asarray([getattr(self, name) for name in NUMBERS], dtype=np.float64),
            "point_ids": _text(list(self.points)),
            "points": np.asarray(points, dtype=np.float64),  # (1 + points, 3), the typical point first
            "item_ids": _text(list(self.items)),
            "items": np.asarray(list(self.items.values()), dtype=np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "Params":
        """The reverse of `to_arrays`, exact to the last bit."""
        _check_format(int(arrays["format"][0]))
        typical, *rest = (PointParams(*map(float, row)) for row in arrays["points"])
        return cls(
            **dict(zip(NUMBERS, map(float, arrays["numbers"]), strict=True)),
            typical_point=typical,
            points=MappingProxyType(dict(zip(_words(arrays["point_ids"]), rest, strict=True))),
            items=MappingProxyType(dict(zip(_words(arrays["item_ids"]), map(float, arrays["items"]), strict=True))),
            guessed=frozenset(_words(arrays["guessed_ids"]) if "guessed_ids" in arrays else ()),
        )


NUMBERS = tuple(f.name for f in fields(Params) if f.type in ("float", float))


def _check(name: str, value: float, *, signed: bool = False) -> None:
    if not math.isfinite(value) or (value < 0 and not signed):
        raise ValueError(f"{name} must be a finite number{'' if signed else ' >= 0'}, got {value}")


def _check_format(found: int) -> None:
    if found != FORMAT_VERSION:
        raise ValueError(f"tracer format {found} is not supported, this release reads {FORMAT_VERSION}: refit it")


def _text(ids: list[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(ids, ensure_ascii=False).encode(), dtype=np.uint8).copy()


def _words(raw: npt.NDArray[Any]) -> list[str]:
    words: list[str] = json.loads(raw.astype(np.uint8).tobytes().decode())
    return words
