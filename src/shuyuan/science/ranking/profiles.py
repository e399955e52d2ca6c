"""Profiles as numbers: what a person stated and did, field by field, made into one row of floats.

Three kinds of field: `category` (one word), `tags` (several words), `number`. A word met fewer than `rare` times is
"other"; a missing field is its own column and never a guess. The encoder travels with the model it feeds.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["category", "tags", "number"]
Value = str | float | tuple[str, ...] | None
Row = Mapping[str, Value]
Rows32 = npt.NDArray[np.float32]
MISSING, OTHER = "∅", "…"
REACH = 4.0  # numbers are clipped at this many standard deviations


@dataclass(frozen=True)
class Encoder:
    """words: field → the words that have a column. scales: field → (mean, standard deviation)."""

    kinds: Mapping[str, Kind]
    words: Mapping[str, tuple[str, ...]]
    scales: Mapping[str, tuple[float, float]]

    @staticmethod
    def fit(rows: Sequence[Row], kinds: Mapping[str, Kind], *, rare: int = 5) -> "Encoder":
        """Words and scales of these rows. Raises ValueError without rows."""
        if not rows:
            raise ValueError("rows must hold at least one profile, got none")
        words, scales = {}, {}
        for field, kind in kinds.items():
            if kind == "number":
                known = [float(value) for row in rows if isinstance(value := row.get(field), int | float)]
                scales[field] = (float(np.mean(known)), float(np.std(known)) or 1.0) if known else (0.0, 1.0)
            else:
                counted = Counter(word for row in rows for word in _words(row.get(field)))
                words[field] = (*sorted(word for word, n in counted.items() if n >= rare), OTHER, MISSING)
        return Encoder(dict(kinds), words, scales)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(field, word) of every column; a number has the columns "" and MISSING."""
        found: list[tuple[str, str]] = []
        for field, kind in self.kinds.items():
            found += [(field, word) for word in (("", MISSING) if kind == "number" else self.words[field])]
        return tuple(found)

    def encode(self, rows: Sequence[Row]) -> Rows32:
        """(rows, columns)."""
        place = {column: number for number, column in enumerate(self.columns)}
        x = np.zeros((len(rows), len(place)), dtype=np.float32)
        for line, row in zip(x, rows, strict=True):
            for field, kind in self.kinds.items():
                value = row.get(field)
                if kind == "number":
                    self._number(line, place, field, value)
                    continue
                known = self.words[field]
                for word in _words(value) or (MISSING,):
                    line[place[(field, word if word in known else OTHER)]] = 1.0
        return x

    def _number(self, line: Rows32, place: Mapping[tuple[str, str], int], field: str, value: Value) -> None:
        if isinstance(value, int | float) and np.isfinite(value):
            mean, spread = self.scales[field]
            line[place[(field, "")]] = np.clip((value - mean) / spread, -REACH, REACH)
        else:
            line[place[(field, MISSING)]] = 1.0

    def to_json(self) -> str:
        """Everything, as text."""
        return json.dumps({"kinds": self.kinds, "words": self.words, "scales": self.scales}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> "Encoder":
        """The reverse of `to_json`."""
        parts = json.loads(text)
        words = {field: tuple(known) for field, known in parts["words"].items()}
        return Encoder(parts["kinds"], words, {field: (one[0], one[1]) for field, one in parts["scales"].items()})


def _words(value: Value) -> tuple[str, ...]:
    if value is None or isinstance(value, float | int):
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
