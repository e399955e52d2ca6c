"""Numbers: standardised by train; what is missing becomes its median, and an indicator tells."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from shuyuan.science.features import base

CLIP = 1e6  # standard deviations: keeps what was never seen finite in float32


@dataclass(frozen=True)
class Number:
    """Kinds number, integer and boolean (0 and 1, not scaled)."""

    name: str
    median: float
    mean: float
    scale: float
    dense = True

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """Median, mean and standard deviation of what is there."""
        found = truths(name, values) if kind == "boolean" else base.numbers(name, values)
        known = found[~np.isnan(found)]
        if not known.size:
            return cls(name, 0.0, 0.0, 1.0)
        median = float(np.median(known))
        if kind == "boolean":
            return cls(name, round(median), 0.0, 1.0)
        mean, scale = float(known.mean()), float(known.std())
        return cls(name, median, mean, scale if scale > 1e-12 * max(1.0, abs(mean)) else 1.0)

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """Value and indicator."""
        return (base.Input(self.name, "float32", (2,)),)

    @property
    def names(self) -> tuple[str, ...]:
        """Value and indicator."""
        return (self.name, f"{self.name} missing")

    def transform(self, values: base.Values) -> base.Arrays:
        """(n, 2) float32."""
        found = truths(self.name, values)
        missing = np.isnan(found)
        scaled = (np.where(missing, self.median, found) - self.mean) / self.scale
        return {self.name: np.stack([np.clip(scaled, -CLIP, CLIP), missing], axis=1).astype(np.float32)}

    def state(self) -> base.State:
        """As JSON."""
        return {"median": self.median, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_state(cls, name: str, state: base.State) -> Self:
        """From JSON."""
        return cls(name, state["median"], state["mean"], state["scale"])


_TRUTHS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def truths(name: str, values: base.Values) -> "np.typing.NDArray[np.float64]":
    """Numbers, with the words true, false, yes and no among them."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return base.numbers(name, values)
    said = [_TRUTHS.get(one.lower(), one) if isinstance(one, str) else one for one in values]
    return base.numbers(name, said)
