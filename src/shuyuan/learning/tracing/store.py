"""Every query on states and adopted versions. One read and one write per answer, whatever the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db
from shuyuan.learning.tracing.tables import adopted, state
from shuyuan.science import memory
from shuyuan.science.tracing import online

GENERAL = ""
_KEY = ("learner_id", "point_id")
_NUMBERS = ("mean", "variance", "wins", "losses", "form", "last_at_s", "stability_days", "difficulty")
_WHOLE = db.Prepared(
    select(state.c.point_id, *(state.c[name] for name in _NUMBERS)).where(
        state.c.learner_id == bindparam("learner"), state.c.school_id == bindparam("school")
    )
)


@dataclass
class Known:
    """What is stored of one learner: in general (None: nobody has seen them), and what is known and remembered per
    point."""

    general: online.LearnerState | None = None
    points: dict[str, online.PointState] = field(default_factory=dict)
    memories: dict[str, memory.Trace] = field(default_factory=dict)


def of_learner(conn: Connection, learner_id: str, points: Sequence[str]) -> Known:
    """The general state and those of `points`, in one statement."""
    given = {"learner": learner_id, **{f"point_{at}": point for at, point in enumerate(points)}}
    known = Known()
    for row in _select_few(len(points)).rows(conn, given):
        _take(known, *_split(row, 0))
    return known


def of_learners(
    conn: Connection, principal: Principal, learner_ids: Sequence[str], points: Sequence[str]
) -> dict[str, Known]:
    """Many learners in one statement; whoever asks sees their school, a learner only themselves."""
    found = {learner_id: Known() for learner_id in learner_ids}
    query = select(state.c.learner_id, state.c.point_id, *(state.c[name] for name in _NUMBERS)).where(
        state.c.school_id == principal.school_id,
        state.c.learner_id.in_(learner_ids),
        state.c.point_id.in_([GENERAL, *points]),
    )
    if principal.role not in ("teacher", "admin"):
        query = query.where(state.c.learner_id == principal.account_id)
    for row in conn.execute(query):
        _take(found[row[0]], *_split(row, 1))
    return found


def whole(conn: Connection, school_id: str, learner_id: str) -> Known:
    """All states of one learner, in a statement that is built once."""
    known = Known()
    for row in _WHOLE.rows(conn, {"school": school_id, "learner": learner_id}):
        _take(known, *_split(row, 0))
    return known


def save(
    conn: Connection,
    school_id: str,
    learner_id: str,
    general: online.LearnerState,
    points: Mapping[str, online.PointState],
    memories: Mapping[str, memory.Trace],
) -> None:
    """Write the states an answer moved. Every point has its memory."""
    who = {"school_id": school_id, "learner_id": learner_id}
    rows = [{**who, "point_id": GENERAL, **general._asdict(), "stability_days": None, "difficulty": None}]
    for point, moved in points.items():
        trace = memories[point]
        remembered = {"stability_days": trace.stability_days, "difficulty": trace.difficulty}
        rows.append({**who, "point_id": point, **moved._asdict(), **remembered})
    _upsert(conn.dialect.name).run_many(conn, rows)


def forget(conn: Connection, school_id: str, learner_id: str) -> None:
    conn.execute(delete(state).where(state.c.school_id == school_id, state.c.learner_id == learner_id))


def adopted_version(conn: Connection, school_id: str) -> Row[Any, Any, Any] | None:  # Any: a row's values
    """Its version, arrays and sha256."""
    columns = (adopted.c.version, adopted.c.arrays, adopted.c.sha256)
    return conn.execute(select(*columns).where(adopted.c.school_id == school_id)).one_or_none()


def adopt(uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes, sha256: str) -> None:
    told = {"school_id": school_id, "version": version, "arrays": arrays, "sha256": sha256, "adopted_at": uow.now}
    uow.conn.execute(delete(adopted).where(adopted.c.school_id == school_id))
    uow.conn.execute(adopted.insert().values(told))


def note_rebuilt(uow: db.UnitOfWork, school_id: str, version: str) -> None:
    """The states of a school are now those of `version`."""
    uow.conn.execute(
        update(adopted).where(adopted.c.school_id == school_id, adopted.c.version == version).values(rebuilt_at=uow.now)
    )


def waits_for_rebuild(conn: Connection, school_id: str) -> bool:
    """Whether a version was adopted whose states were never rebuilt, or there are states from before memory."""
    version = select(adopted.c.version).where(adopted.c.school_id == school_id, adopted.c.rebuilt_at.is_(None))
    bare = select(state.c.point_id).where(
        state.c.school_id == school_id, state.c.point_id != GENERAL, state.c.stability_days.is_(None)
    )
    return any(conn.execute(query.limit(1)).first() is not None for query in (version, bare))


def _split(row: Row[Any], at: int) -> tuple[str, tuple[Any, ...]]:  # Any: a row's values
    return row[at], tuple(row[at + 1 :])


def _take(known: Known, point_id: str, numbers: tuple[Any, ...]) -> None:
    *of_tracer, stability_days, difficulty = numbers
    if point_id == GENERAL:
        known.general = online.LearnerState(*of_tracer)
        return
    known.points[point_id] = moved = online.PointState(*of_tracer)
    if stability_days is not None:
        known.memories[point_id] = memory.Trace(stability_days, difficulty, moved.last_at_s)


@lru_cache
def _select_few(points: int) -> db.Prepared:
    """A statement for this number of points, built once: an expanding IN would be rendered for every answer."""
    wanted: list[BindParameter[str]] = [bindparam(f"point_{at}") for at in range(points)]
    wanted.append(bindparam("general", GENERAL))
    return db.Prepared(
        select(state.c.point_id, *(state.c[name] for name in _NUMBERS)).where(
            state.c.learner_id == bindparam("learner"), state.c.point_id.in_(wanted)
        )
    )


@lru_cache
def _upsert(dialect: str) -> db.Prepared:
    statement = postgresql.insert(state) if dialect == "postgresql" else sqlite.insert(state)
    values = {name: statement.excluded[name] for name in _NUMBERS}
    whole = statement.on_conflict_do_update(index_elements=_KEY, set_=values)
    return db.Prepared(whole, "school_id", *_KEY, *_NUMBERS)
