"""Rows that were there before. Done by the aggregate (`processing`), which sees the hashes of all rows: this file only
tells of it."""

from shuyuan.maas.datasets.rules.base import Rule


class Duplicates(Rule):
    """See steps.Duplicates."""

    @property
    def action(self) -> str:
        """Rows go."""
        return "dropped rows"


RULE = Duplicates
