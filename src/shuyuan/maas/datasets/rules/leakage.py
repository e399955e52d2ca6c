"""Features that give the label away: equal to it in nearly every row of train, or following it exactly."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from shuyuan.maas.datasets import findings, interface, steps
from shuyuan.maas.datasets.findings import Said
from shuyuan.maas.datasets.rules.base import Rule, State

_NUMBERS = ("number", "integer", "boolean")
_FEW = 200  # values up to which a one-to-one relation says something


class Leakage(Rule):
    """See steps.Leakage."""

    options: steps.Leakage

    def look(self) -> Mapping[str, pl.Expr]:
        """Share of equal rows; correlation; whether value and label name each other."""
        label = self.label
        if label is None:
            return {}
        target, asked = pl.col(label.name), dict[str, pl.Expr]()
        for column in self.columns:
            if column.role != "feature" or column.kind in ("image", "sequence"):
                continue
            name, feature = column.name, pl.col(column.name)
            asked[f"equal:{name}"] = (feature.cast(pl.String) == target.cast(pl.String)).mean()
            if column.kind in _NUMBERS and label.kind in _NUMBERS:
                asked[f"correlated:{name}"] = pl.corr(feature.cast(pl.Float64), target.cast(pl.Float64)).abs()
            elif label.kind in ("category", "boolean", "integer"):
                pairs = pl.struct(feature.cast(pl.String), target.cast(pl.String)).n_unique()
                few = (feature.n_unique() <= _FEW) & (feature.n_unique() > 1)
                asked[f"renamed:{name}"] = (few & (pairs == feature.n_unique()) & (pairs == target.n_unique())).cast(
                    int
                )
        return asked

    def apply(self, frame: pl.DataFrame, part: str, state: State, counts: "Counter[str]") -> pl.DataFrame:
        """Drop the columns from every part."""
        found = [name for name in self._suspects(state) if name in frame.columns]
        return frame.drop(found) if self.options.action == "drop" else frame

    def findings(self, counts: Mapping[str, int], state: State) -> list[interface.Finding]:
        """One line a column."""
        action = "dropped column" if self.options.action == "drop" else "report"
        return [
            findings.found(self.name, said, column=name, count=1, action=action)
            for name, said in self._suspects(state).items()
        ]

    def _suspects(self, state: State) -> dict[str, Said]:
        found = dict[str, Said]()
        for key, value in state.items():
            how, _, name = key.partition(":")
            if value is None or value != value or value < self.options.limit:
                continue
            found.setdefault(name, (f"leak_{how}", {"value": f"{value:.4f}"} if how != "renamed" else {}))
        return found


RULE = Leakage
