"""Columns with one value in train, or none: they tell nothing."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from shuyuan.maas.datasets import findings, interface, steps
from shuyuan.maas.datasets.rules.base import Rule, State


class Constant(Rule):
    """See steps.Constant."""

    options: steps.Constant

    def look(self) -> Mapping[str, pl.Expr]:
        """Whether smallest and largest are the same."""
        names = self.chosen("number", "integer", "boolean", "category", "text", "time", "identifier")
        return {name: (pl.col(name).min() == pl.col(name).max()).fill_null(True) for name in names}

    def apply(self, frame: pl.DataFrame, part: str, state: State, counts: "Counter[str]") -> pl.DataFrame:
        """Drop the columns from every part."""
        found = [name for name, same in state.items() if same and name in frame.columns]
        return frame.drop(found) if self.options.action == "drop" else frame

    def findings(self, counts: Mapping[str, int], state: State) -> list[interface.Finding]:
        """One line a column."""
        action = "dropped column" if self.options.action == "drop" else "report"
        return [
            findings.found(self.name, ("one_value", {}), column=name, count=1, action=action)
            for name, same in state.items()
            if same
        ]


RULE = Constant
