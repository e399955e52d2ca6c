"""Numbers far from the others, by quartiles or standard deviations of train: clipped, dropped from train, or told."""

import math
from collections import Counter
from collections.abc import Mapping

import polars as pl

from shuyuan.maas.datasets import steps
from shuyuan.maas.datasets.findings import Said
from shuyuan.maas.datasets.rules.base import Rule, State


class Outliers(Rule):
    """See steps.Outliers."""

    options: steps.Outliers

    def look(self) -> Mapping[str, pl.Expr]:
        """Two figures a column."""
        names = self.chosen("number", "integer")
        if self.options.by == "iqr":
            quartiles = ((0, 0.25), (1, 0.75))
            return {f"{at}:{n}": pl.col(n).quantile(share, "linear") for n in names for at, share in quartiles}
        return {f"{at}:{n}": pl.col(n).mean() if at == 0 else pl.col(n).std(ddof=0) for n in names for at in (0, 1)}

    def apply(self, frame: pl.DataFrame, part: str, state: State, counts: "Counter[str]") -> pl.DataFrame:
        """Clip every part alike; drop from train alone."""
        if self.options.action == "drop" and part != "train":
            return frame
        kept = pl.lit(True)
        clipped = []
        for name in self.chosen("number", "integer"):
            fence = self._fence(name, state)
            if fence is None or name not in frame.columns:
                continue
            column = pl.col(name)
            outside = (column < fence[0]) | (column > fence[1])
            found = int(frame.select(outside.sum()).item() or 0)
            counts[name] += found
            if found and self.options.action == "drop":
                kept = kept & ~outside.fill_null(False)
            elif found and self.options.action == "clip":
                clipped.append(column.clip(*fence) if frame[name].dtype == pl.Float64 else column.clip(*_whole(fence)))
        return (
            frame.with_columns(clipped) if clipped else frame.filter(kept) if self.options.action == "drop" else frame
        )

    def detail(self, column: str, state: State) -> Said | None:
        """The bounds."""
        fence = self._fence(column, state)
        return ("fence", {"low": f"{fence[0]:g}", "high": f"{fence[1]:g}"}) if fence else None

    def _fence(self, name: str, state: State) -> tuple[float, float] | None:
        low, high = state.get(f"0:{name}"), state.get(f"1:{name}")
        if low is None or high is None:
            return None
        reach = self.options.factor * ((high - low) if self.options.by == "iqr" else high)
        if reach <= 0:  # half of the column is one value: nothing can be said
            return None
        return (low - reach, high + reach) if self.options.by == "iqr" else (low - reach, low + reach)


def _whole(fence: tuple[float, float]) -> tuple[int, int]:
    """Whole numbers inside the fence."""
    return math.ceil(fence[0]), math.floor(fence[1])


RULE = Outliers
