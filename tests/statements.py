"""What is sent to a database on the way, by whichever of the two ways. Any below: what SQLAlchemy hands over."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import event

from shuyuan.kernel import db


@contextmanager
def noted(database: db.Database) -> Iterator[list[tuple[str, int]]]:
    """(statement, rows it is run with), in order; without those that only begin a transaction or a savepoint's ends."""
    seen: list[tuple[str, int]] = []

    def note(
        _conn: Any, _cursor: Any, statement: str, given: Any, _context: Any, many: bool
    ) -> None:  # Any: SQLAlchemy
        seen.append((statement, len(given) if many else 1))

    def noting(way: Callable[..., Any], many: bool) -> Callable[..., Any]:
        def noted_way(prepared: db.Prepared, conn: Any, given: Any) -> Any:
            given = list(given) if many else given
            seen.append((prepared._of(conn).text, len(given) if many else 1))
            return way(prepared, conn, given)

        return noted_way

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with ExitStack() as patched:
            for name, many in (("rows", False), ("run", False), ("run_many", True)):
                patched.enter_context(mock.patch.object(db.Prepared, name, noting(getattr(db.Prepared, name), many)))
            yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
