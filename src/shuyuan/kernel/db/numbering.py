"""Numbers that count up within something, as the versions of a model do. No two servers give out the same."""

from typing import Any

from sqlalchemy import Column, Connection, func, select

_LOCK = int.from_bytes(b"numbers", "big")  # PostgreSQL's, of this database


def next_number(conn: Connection, column: Column[Any], **of: object) -> int:  # Any: tables know the types of columns
    """One more than the largest number in `column`, where other columns of its table have the values `of`.

    Inside a unit that inserts it. SQLite has one writer. On PostgreSQL another server that wants a number of any kind
    waits until this unit is durable: one lock for all, so that no two are waited for crosswise.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    same = [column.table.c[name] == value for name, value in of.items()]
    last: int | None = conn.execute(select(func.max(column)).where(*same)).scalar()
    return (last or 0) + 1
