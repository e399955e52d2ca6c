"""Numbers that count up within something, as the versions of a model do. No two servers give out the same.

They and the activity log share one line: units that wait together are one transaction, in any order, so two lines would
be waited for crosswise.
"""

from typing import Any

from sqlalchemy import Column, Connection, func, select

_LINE = int.from_bytes(b"numbers", "big")  # PostgreSQL's lock, of this database


def stand_in_line(conn: Connection) -> None:
    """Inside a unit: until it is durable, no other server is past this. SQLite has one writer, and no line."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_LINE)))


def next_number(conn: Connection, column: Column[Any], **of: object) -> int:  # Any: tables know the types of columns
    """One more than the largest number in `column`, where other columns of its table have the values `of`.

    Inside a unit that inserts it.
    """
    stand_in_line(conn)
    same = [column.table.c[name] == value for name, value in of.items()]
    last: int | None = conn.execute(select(func.max(column)).where(*same)).scalar()
    return (last or 0) + 1
