"""A rule does up to four things, each in its place; what it does not need it leaves out.

rows      before the split, a slice of rows at a time, knowing nothing of the others.
look      one question to train as it stands after `rows`, duplicates and split: all rules look at the same moment, so
          that none depends on the order of the others; the answers are numbers and words, not rows.
apply     after the split, a slice of one part at a time, in the order of the plan, with what `look` answered.
finish    at the end, whole parts.

Counts add up over slices: {column: rows or values touched}.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl

from shuyuan.maas.datasets import findings, interface, steps
from shuyuan.maas.datasets.findings import Said

State = dict[str, Any]  # Any: scalars, as `look` asked for
Parts = dict[interface.Part, pl.DataFrame]


class Rule:
    """One step of a plan, with its options and the columns of the table."""

    ROWS: ClassVar[bool] = False  # whether it does anything in `rows`

    def __init__(self, name: str, options: steps.Options, columns: list[interface.Column], seed: int) -> None:
        self.name, self.options, self.seed = name, options, seed
        self.columns = columns

    def chosen(self, *kinds: interface.Kind, roles: tuple[interface.Role, ...] = ("feature",)) -> list[str]:
        """The columns it works on: those it was told, else those of these kinds (none: all) and roles."""
        told = self.options.columns
        return [
            one.name
            for one in self.columns
            if (one.name in told if told is not None else one.role in roles and (not kinds or one.kind in kinds))
        ]

    @property
    def label(self) -> interface.Column | None:
        """The label, if there is one."""
        return next((one for one in self.columns if one.role == "label"), None)

    def rows(self, frame: pl.DataFrame, counts: "Counter[str]") -> pl.DataFrame:
        """See above."""
        return frame

    def look(self) -> Mapping[str, pl.Expr]:
        """See above."""
        return {}

    def apply(self, frame: pl.DataFrame, part: interface.Part, state: State, counts: "Counter[str]") -> pl.DataFrame:
        """See above."""
        return frame

    def finish(self, parts: Parts, state: State, seen: list[interface.Finding]) -> Parts:
        """See above."""
        return parts

    def findings(self, counts: Mapping[str, int], state: State) -> list[interface.Finding]:
        """What is told of the counts: one line a column."""
        return [
            findings.found(self.name, self.detail(name, state), column=name, count=count, action=self.action)
            for name, count in sorted(counts.items())
            if count
        ]

    @property
    def action(self) -> str:
        """What was done, in a word or two."""
        return str(getattr(self.options, "action", ""))

    def detail(self, column: str, state: State) -> Said | None:
        """More, for this column."""
        return None
