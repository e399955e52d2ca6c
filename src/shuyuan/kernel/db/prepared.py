"""A statement whose text is made once a dialect and goes straight to the driver.

For the few that are run at every answer: there, what SQLAlchemy does around a statement costs more than the statement.
Values and rows are turned as its types say. Refuses: a statement whose text depends on the values (an expanding IN).
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Dialect, Select, UpdateBase
from sqlalchemy.sql.compiler import SQLCompiler

# Any below: values on their way to or from a driver; they carry the types of their columns only at run time.
Statement = Select[Any] | UpdateBase
_Turn = Callable[[Any], Any]


class Prepared:
    """One statement. It is given the values of its `bindparam`s, and of the `columns` an insert or update sets."""

    def __init__(self, statement: Statement, *columns: str) -> None:
        self._statement, self._columns = statement, columns
        self._made: dict[str, _Made] = {}

    def rows(self, conn: Connection, given: Mapping[str, object]) -> list[Any]:
        """What a SELECT finds, as named tuples, in the transaction of `conn`; one begins if there is none."""
        made = self._of(conn)
        with closing(driver(conn).cursor()) as cursor:
            cursor.execute(made.text, made.values(given))
            return made.read(cursor.description, cursor.fetchall())

    def run(self, conn: Connection, given: Mapping[str, object]) -> int:
        """Change rows; how many."""
        made = self._of(conn)
        with closing(driver(conn).cursor()) as cursor:
            cursor.execute(made.text, made.values(given))
            return int(cursor.rowcount)

    def run_many(self, conn: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """Once for each row."""
        made = self._of(conn)
        with closing(driver(conn).cursor()) as cursor:
            cursor.executemany(made.text, [made.values(row) for row in rows])

    def _of(self, conn: Connection) -> "_Made":
        made = self._made.get(conn.dialect.name)
        if made is None:
            made = self._made[conn.dialect.name] = _Made(self._statement, self._columns, conn.dialect)
        return made


def driver(conn: Connection) -> Any:
    """The driver's own connection, inside a transaction."""
    if not conn.in_transaction():
        conn.begin()
    return conn.connection.driver_connection


class _Made:
    """The text for one dialect, and how values and rows are turned."""

    def __init__(self, statement: Statement, columns: Sequence[str], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
            raise TypeError(f"the text of this statement depends on its values: {statement}")
        self.text, self._dialect = str(compiled), dialect
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._positional = compiled.positional
        self._binds: list[tuple[str, bool, Any, _Turn | None]] = [
            (name, binds[name].required, binds[name].value, _impl(binds[name].type, dialect).bind_processor(dialect))
            for name in (compiled.positiontup or () if compiled.positional else binds)
        ]
        chosen = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._types = [column.type for column in chosen]
        names = [str(column.key) for column in chosen]
        row: Any = namedtuple("Row", names)  # type: ignore[misc]  # its types are known at run time
        self._row: Callable[[Iterable[Any]], Any] = row._make
        self._turns: list[tuple[int, _Turn]] | None = None

    def values(self, given: Mapping[str, object]) -> Any:
        """As the driver takes them. Raises KeyError for one that is missing."""
        found = [
            (name, given[name] if required or name in given else default, turn)
            for name, required, default, turn in self._binds
        ]
        if self._positional:
            return [value if turn is None else turn(value) for _, value, turn in found]
        return {name: value if turn is None else turn(value) for name, value, turn in found}

    def read(self, description: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Named tuples of Python's values."""
        if self._turns is None:
            pairs = zip(self._types, description, strict=True)
            turns = [_impl(kind, self._dialect).result_processor(self._dialect, told[1]) for kind, told in pairs]
            self._turns = [(at, turn) for at, turn in enumerate(turns) if turn is not None]
        found = []
        for row in rows:
            values = list(row)
            for at, turn in self._turns:
                values[at] = turn(values[at])
            found.append(self._row(values))
        return found


def _impl(kind: Any, dialect: Dialect) -> Any:
    return kind.dialect_impl(dialect)
