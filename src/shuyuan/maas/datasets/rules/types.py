"""Values that are not of their column's kind: missing, left out with their row, or a reason to refuse the table.

The casting itself is done for every plan (`partitions.dress`); this rule says what becomes of what could not be cast.
"""

from collections import Counter

import polars as pl

from shuyuan.maas.datasets import interface, steps
from shuyuan.maas.datasets.findings import Said
from shuyuan.maas.datasets.rules.base import Rule, State

LOST = "__lost"  # the column of `dress` that marks rows in which a value could not be cast


class Types(Rule):
    """See steps.Types."""

    ROWS = True
    options: steps.Types

    def rows(self, frame: pl.DataFrame, counts: "Counter[str]") -> pl.DataFrame:
        """Drop or refuse the marked rows."""
        if LOST not in frame.columns or self.options.bad == "missing":
            return frame
        lost = int(frame[LOST].sum() or 0)
        if lost and self.options.bad == "refuse":
            raise interface.WrongColumns(
                f"{lost} rows hold values that are not of their column's kind", fix="correct them, or use bad: missing"
            )
        counts[""] += lost
        return frame.filter(~pl.col(LOST))

    @property
    def action(self) -> str:
        """Rows go."""
        return "dropped rows"

    def detail(self, column: str, state: State) -> Said | None:
        """Which."""
        return "row_not_kind", {}


RULE = Types
