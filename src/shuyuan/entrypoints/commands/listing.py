"""Tables on the command line: wrapped rather than cut in a narrow window, as wide as their words in a pipe or file."""

from collections.abc import Collection

from rich.console import Console
from rich.table import Column, Table

_WIDEST = 1_000  # columns of a table that is not shown in a window


def of(*columns: str, whole: Collection[str] = ("id",)) -> Table:
    """A table with these columns. whole: those whose words somebody copies, which stay in one piece."""
    return Table(*(Column(name, no_wrap=name in whole, overflow="fold") for name in columns))


def show(table: Table) -> None:
    """Print it."""
    window = Console(highlight=False)
    whole = window.measure(table, options=window.options.update(max_width=_WIDEST)).maximum
    out = Console(highlight=False, width=None if window.is_terminal else whole)
    out.print(table)
