"""Times: how long since the first of train, and where in day, week and year."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shuyuan.science.features import base
from shuyuan.science.features.numeric import Number

_DAY_S, _WEEK_S, _YEAR_S = 86_400.0, 7 * 86_400.0, 365.2425 * 86_400.0
_CYCLES = (("day", _DAY_S), ("week", _WEEK_S), ("year", _YEAR_S))


@dataclass(frozen=True)
class Time:
    """Kind time: datetimes, ISO 8601 text (UTC where none is said) or seconds since 1970."""

    name: str
    since: Number
    dense = True

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """Median, mean and spread of the times."""
        return cls(name, Number.fit(name, "number", seconds(name, values), options))

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """Age, indicator, and sine and cosine of each cycle."""
        return (base.Input(self.name, "float32", (len(self.names),)),)

    @property
    def names(self) -> tuple[str, ...]:
        """Age, indicator, and sine and cosine of each cycle."""
        waves = (f"{self.name} {wave} of {cycle}" for cycle, _ in _CYCLES for wave in ("sine", "cosine"))
        return (*self.since.names, *waves)

    def transform(self, values: base.Values) -> base.Arrays:
        """(n, 8) float32."""
        found = seconds(self.name, values)
        turned = np.where(np.isnan(found), self.since.median, found)
        waves = [wave(2 * np.pi * (turned % length) / length) for _, length in _CYCLES for wave in (np.sin, np.cos)]
        aged = self.since.transform(found)[self.name]
        return {self.name: np.concatenate([aged, np.stack(waves, axis=1).astype(np.float32)], axis=1)}

    def state(self) -> base.State:
        """As JSON."""
        return self.since.state()

    @classmethod
    def from_state(cls, name: str, state: base.State) -> Self:
        """From JSON."""
        return cls(name, Number.from_state(name, state))


def seconds(name: str, values: base.Values) -> NDArray[np.float64]:
    """Seconds since 1970, NaN for what is missing. Raises BadColumn."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        found = values.astype("datetime64[us]").astype(np.int64) / 1e6
        return np.where(np.isnat(values), np.nan, found)
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return base.numbers(name, values)
    return np.fromiter((_second(name, value) for value in values), np.float64, len(values))


def _second(name: str, value: object) -> float:
    if base.is_missing(value):
        return np.nan
    if isinstance(value, np.datetime64):
        return float(value.astype("datetime64[us]").astype(np.int64)) / 1e6
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise base.BadColumn(f"column {name!r} holds {str(value)[:60]!r}, not a time; write 2026-09-01T08:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
