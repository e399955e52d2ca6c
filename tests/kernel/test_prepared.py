"""Prepared statements against SQLAlchemy's own way, on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Boolean, Column, Float, Integer, MetaData, String, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.kernel import db

NOON = datetime(2026, 9, 7, 12, 0, 0, 125, tzinfo=UTC)
_things = Table(
    "prepared_thing",
    MetaData(),
    Column("name", String(20), primary_key=True),
    Column("size", Float, nullable=True),
    Column("times", Integer, nullable=False),
    Column("good", Boolean, nullable=False),
    Column("tags", db.Json, nullable=False),
    Column("at", db.UtcDateTime, nullable=True),
)
ROWS: list[dict[str, object]] = [
    {"name": "one", "size": 0.1, "times": 1, "good": True, "tags": ["a", "书"], "at": NOON},
    {"name": "two", "size": None, "times": 2, "good": False, "tags": [], "at": None},
]
_big = select(_things).where(_things.c.times >= bindparam("least")).order_by(_things.c.name)
BIG = db.Prepared(_big)
MORE = db.Prepared(
    update(_things).where(_things.c.name == bindparam("who")).values(at=bindparam("now"), times=_things.c.times + 10)
)
ADD = {
    name: db.Prepared(dialect.insert(_things).on_conflict_do_nothing(index_elements=["name"]), *_things.c.keys())
    for name, dialect in {"sqlite": sqlite, "postgresql": postgresql}.items()
}


@pytest.fixture
def things(database: db.Database) -> db.Database:
    database.write(lambda uow: _things.create(uow.conn))
    database.write(lambda uow: ADD[database.dialect].run_many(uow.conn, ROWS))
    return database


def test_rows_and_values_are_those_of_sqlalchemy(things: db.Database) -> None:
    with things.read() as conn:
        found = BIG.rows(conn, {"least": 1})
        assert [one._asdict() for one in found] == ROWS
        assert [tuple(one) for one in found] == [tuple(row) for row in conn.execute(_big, {"least": 1})]
        assert BIG.rows(conn, {"least": 3}) == []


def test_a_change_counts_its_rows_and_a_taken_key_none(things: db.Database) -> None:
    assert things.write(lambda uow: MORE.run(uow.conn, {"who": "two", "now": NOON})) == 1
    assert things.write(lambda uow: MORE.run(uow.conn, {"who": "nobody", "now": NOON})) == 0
    assert things.write(lambda uow: ADD[things.dialect].run(uow.conn, ROWS[0])) == 0
    with things.read() as conn:
        (two,) = BIG.rows(conn, {"least": 3})
    assert (two.name, two.times, two.at) == ("two", 12, NOON)


def test_a_read_stays_on_the_snapshot_of_its_first_statement(things: db.Database) -> None:
    with things.read() as conn:
        before = BIG.rows(conn, {"least": 1})
        things.write(lambda uow: MORE.run(uow.conn, {"who": "one", "now": NOON}))
        assert BIG.rows(conn, {"least": 1}) == before


def test_what_a_failing_unit_changed_is_undone(things: db.Database) -> None:
    def work(uow: db.UnitOfWork) -> None:
        MORE.run(uow.conn, {"who": "one", "now": NOON})
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        things.write(work)
    with things.read() as conn:
        assert BIG.rows(conn, {"least": 3}) == []


def test_a_missing_value_and_a_text_that_depends_on_values_are_refused(things: db.Database) -> None:
    several = db.Prepared(select(_things.c.name).where(_things.c.name.in_(bindparam("names", expanding=True))))
    with things.read() as conn:
        with pytest.raises(KeyError, match="least"):
            BIG.rows(conn, {})
        with pytest.raises(TypeError, match="depends on its values"):
            several.rows(conn, {"names": ["one"]})
