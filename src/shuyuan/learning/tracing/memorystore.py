"""Every query on what a version remembers of learners, on the version that is tried, and on what it foretold."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Insert, Row, Select, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.kernel import db, ids
from shuyuan.learning.tracing.tables import canary, foretold, memory
from shuyuan.science.tracing import serving

# Any below: a row's values
_KEY = ("learner_id", "version", "key")


def of_learner(
    conn: Connection, learner_id: str, version: str, points: Sequence[str], items: Sequence[str]
) -> serving.Memory:
    """What is needed to foretell and learn from answers on these, in one statement."""
    wanted = serving.keys(points, items)
    given = {"learner": learner_id, "of": version, **{f"key_{at}": key for at, key in enumerate(wanted)}}
    return serving.unpack((row.key, row.numbers) for row in conn.execute(_select_few(len(wanted)), given))


def of_learners(
    conn: Connection, school_id: str, learner_ids: Sequence[str], version: str, points: Iterable[str], items: list[str]
) -> dict[str, serving.Memory]:
    """The same of many, in one statement."""
    rows: dict[str, list[tuple[str, bytes]]] = {learner_id: [] for learner_id in learner_ids}
    query = select(memory.c.learner_id, memory.c.key, memory.c.numbers).where(
        memory.c.school_id == school_id,
        memory.c.learner_id.in_(learner_ids),
        memory.c.version == version,
        memory.c.key.in_(serving.keys(points, items)),
    )
    for row in conn.execute(query):
        rows[row.learner_id].append((row.key, row.numbers))
    return {learner_id: serving.unpack(some) for learner_id, some in rows.items()}


def save(conn: Connection, school_id: str, learner_id: str, version: str, rows: Mapping[str, bytes]) -> None:
    """Write the rows an answer moved."""
    who = {"school_id": school_id, "learner_id": learner_id, "version": version}
    if rows:
        values = [{**who, "key": key, "numbers": numbers} for key, numbers in rows.items()]
        conn.execute(_upsert(conn.dialect.name), values)


def forget(conn: Connection, school_id: str, learner_id: str, version: str) -> None:
    mine = (memory.c.school_id == school_id, memory.c.learner_id == learner_id, memory.c.version == version)
    conn.execute(delete(memory).where(*mine))


def others(conn: Connection, school_id: str, kept: Iterable[str]) -> list[tuple[str, str]]:
    """(learner, version) of what is remembered for versions that are neither in use nor tried."""
    over = (memory.c.school_id == school_id, memory.c.version.not_in(list(kept)), memory.c.key == "")
    return [
        (row.learner_id, row.version)
        for row in conn.execute(select(memory.c.learner_id, memory.c.version).where(*over))
    ]


def tried(conn: Connection, school_id: str) -> Row[Any] | None:
    """The school's canary."""
    return conn.execute(select(canary).where(canary.c.school_id == school_id)).one_or_none()


def known(conn: Connection, school_id: str, version: str) -> frozenset[str]:
    """Learners of whom a version remembers anything."""
    mine = (memory.c.school_id == school_id, memory.c.version == version, memory.c.key == "")
    return frozenset(conn.execute(select(memory.c.learner_id).where(*mine)).scalars())


def begin(uow: db.UnitOfWork, school_id: str, values: Mapping[str, Any]) -> None:
    uow.conn.execute(canary.insert().values(school_id=school_id, begun_at=uow.now, **values))


def end(conn: Connection, school_id: str) -> None:
    """The canary and all it foretold are gone; what it remembers goes learner by learner, by `others`."""
    conn.execute(delete(canary).where(canary.c.school_id == school_id))
    conn.execute(delete(foretold).where(foretold.c.school_id == school_id))


def leave(conn: Connection, school_id: str, version: str, gone: Sequence[str], left: Sequence[str]) -> None:
    """These leave the canary: what was foretold and is remembered of them goes."""
    mine = (canary.c.school_id == school_id, canary.c.version == version)
    conn.execute(update(canary).where(*mine).values(learner_ids=list(left)))
    conn.execute(delete(foretold).where(foretold.c.school_id == school_id, foretold.c.learner_id.in_(gone)))
    for learner_id in gone:
        forget(conn, school_id, learner_id, version)


def note(conn: Connection, values: Mapping[str, Any]) -> None:
    """What both versions said before one answer."""
    conn.execute(foretold.insert().values(id=ids.new_id(), **values))


def noted(conn: Connection, school_id: str, version: str) -> Sequence[Row[Any]]:
    """The oldest first."""
    mine = (foretold.c.school_id == school_id, foretold.c.version == version)
    return conn.execute(select(foretold).where(*mine).order_by(foretold.c.at, foretold.c.id)).all()


@lru_cache
def _select_few(keys: int) -> Select[Any]:
    """A statement for this number of rows, built once: an expanding IN would be rendered for every answer."""
    wanted: list[BindParameter[str]] = [bindparam(f"key_{at}") for at in range(keys)]
    mine = (memory.c.learner_id == bindparam("learner"), memory.c.version == bindparam("of"))
    return select(memory.c.key, memory.c.numbers).where(*mine, memory.c.key.in_(wanted))


@lru_cache
def _upsert(dialect: str) -> Insert:
    statement = postgresql.insert(memory) if dialect == "postgresql" else sqlite.insert(memory)
    return statement.on_conflict_do_update(index_elements=_KEY, set_={"numbers": statement.excluded.numbers})
