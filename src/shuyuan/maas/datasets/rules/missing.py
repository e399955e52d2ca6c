"""Values that are not there: drop the row, or fill in the median, the most frequent value or a constant of train."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from shuyuan.kernel import errors
from shuyuan.maas.datasets import steps
from shuyuan.maas.datasets.findings import Said
from shuyuan.maas.datasets.rules.base import Rule, State


class Missing(Rule):
    """See steps.Missing. median: numbers (other kinds take the most frequent value)."""

    ROWS = True
    options: steps.Missing

    def rows(self, frame: pl.DataFrame, counts: "Counter[str]") -> pl.DataFrame:
        """Drop."""
        if self.options.by != "drop":
            return frame
        names = [name for name in self.chosen(roles=("feature", "label")) if name in frame.columns]
        for name in names:
            counts[name] += frame[name].null_count()
        return frame.drop_nulls(names) if names else frame

    def look(self) -> Mapping[str, pl.Expr]:
        """Median or mode of train."""
        if self.options.by in ("drop", "constant"):
            return {}
        asked = {}
        for name in self._filled():
            number = self.options.by == "median" and self._kind(name) in ("number", "integer")
            asked[name] = pl.col(name).median() if number else _mode(name)
        return asked

    def apply(self, frame: pl.DataFrame, part: str, state: State, counts: "Counter[str]") -> pl.DataFrame:
        """Fill."""
        if self.options.by == "drop":
            return frame
        fills = []
        for name in self._filled():
            gaps = frame[name].null_count() if name in frame.columns else 0
            value = self._constant(name) if self.options.by == "constant" else state.get(name)
            if not gaps or value is None:
                continue
            counts[name] += gaps
            if self._kind(name) == "integer" and isinstance(value, float):
                value = round(value)
            fills.append(pl.col(name).fill_null(value))
        return frame.with_columns(fills) if fills else frame

    @property
    def action(self) -> str:
        """What was done."""
        return "dropped rows" if self.options.by == "drop" else f"filled by {self.options.by}"

    def detail(self, column: str, state: State) -> Said | None:
        """With what."""
        value = self.options.value if self.options.by == "constant" else state.get(column)
        if value is None:
            return None
        return "filled", {"value": f"{value:g}" if isinstance(value, float) else str(value)[:60]}

    def _filled(self) -> list[str]:
        return self.chosen("number", "integer", "boolean", "category", "text", "time")

    def _kind(self, name: str) -> str:
        return next(one.kind for one in self.columns if one.name == name)

    def _constant(self, name: str) -> object:
        value, kind = self.options.value, self._kind(name)
        if value is None:
            raise errors.BadInput("missing by constant needs a value", fix='write {"by": "constant", "value": 0}')
        if kind in ("number", "integer"):
            try:
                return float(value) if kind == "number" else int(value)
            except ValueError as wrong:
                raise errors.BadInput(
                    f"{value!r} is no number, as column {name!r} needs", fix="give a number, or name the columns"
                ) from wrong
        if kind == "boolean":
            return value in (True, 1, "true", "yes")
        return str(value) if kind in ("category", "text") else None


def _mode(name: str) -> pl.Expr:
    """The most frequent value; of several, the smallest."""
    return pl.col(name).drop_nulls().mode().min()


RULE = Missing
