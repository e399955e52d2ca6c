"""Every query on responses: each scoped to a school, and to the learner where the learner asks."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db
from shuyuan.learning.records.tables import response

Rows = Sequence[Row[Any]]  # Any: a row's values
_KEY = ["attempt_id", "item_id", "client_key"]
_INSERT = {
    name: db.Prepared(dialect.insert(response).on_conflict_do_nothing(index_elements=_KEY), *response.c.keys())
    for name, dialect in {"sqlite": sqlite, "postgresql": postgresql}.items()
}
_FIND = select(response).where(*(response.c[name] == bindparam(name) for name in _KEY))
_NEWEST = (response.c.at.desc(), response.c.id.desc())
_COUNTED = (response.c.counted_at, response.c.id)
_PAGE = 2000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def insert(conn: Connection, values: dict[str, object]) -> bool:
    """Add a response; False when its key is taken."""
    return _INSERT[conn.dialect.name].run(conn, values) == 1


def find(conn: Connection, attempt_id: str, item_id: str, client_key: str) -> Row[Any] | None:
    given = {"attempt_id": attempt_id, "item_id": item_id, "client_key": client_key}
    return conn.execute(_FIND, given).one_or_none()


def visible(principal: Principal) -> list[ColumnElement[bool]]:
    """What this person may see at all: their school; a learner only themselves and no open test."""
    rules: list[ColumnElement[bool]] = [response.c.school_id == principal.school_id]
    if principal.role not in ("teacher", "admin"):
        rules += [response.c.learner_id == principal.account_id, response.c.withheld.is_(False)]
    return rules


def of_learners(
    conn: Connection,
    principal: Principal,
    learner_ids: Sequence[str],
    *,
    point_id: str | None,
    since: datetime | None,
    limit: int,
) -> Rows:
    query = select(response).where(*visible(principal), response.c.learner_id.in_(learner_ids))
    if point_id is not None:
        query = query.where(response.c.points.contains(f"|{point_id}|", autoescape=True))
    if since is not None:
        query = query.where(response.c.at >= since)
    return conn.execute(query.order_by(*_NEWEST).limit(limit)).all()


def since(conn: Connection, principal: Principal, learner_id: str, after: tuple[datetime, str] | None) -> Rows:
    """What one learner answered after (at, id), the oldest first, in statements that are built once."""
    given: dict[str, object] = {"school": principal.school_id, "learner": learner_id}
    if principal.role not in ("teacher", "admin"):
        given["learner"] = learner_id if learner_id == principal.account_id else None
    at, row_id = after or (_BEGINNING, "")
    return _since(principal.role in ("teacher", "admin")).rows(conn, {**given, "at": at, "id": row_id})


def count_of(conn: Connection, principal: Principal, learner_id: str) -> int:
    query = select(func.count()).select_from(response).where(*visible(principal), response.c.learner_id == learner_id)
    return conn.execute(query).scalar_one()


def of_attempt(conn: Connection, principal: Principal, attempt_id: str) -> Rows:
    query = select(response).where(*visible(principal), response.c.attempt_id == attempt_id)
    return conn.execute(query.order_by(response.c.at, response.c.id)).all()


def last_of_attempt(conn: Connection, attempt_id: str) -> Rows:
    newest = select(response, _rank().label("rank")).where(response.c.attempt_id == attempt_id)
    return _first(conn, newest, "at", "id")


def latest_per_item(conn: Connection, principal: Principal, learner_id: str) -> Rows:
    """The newest response that counts, for each item."""
    counting = (response.c.learner_id == learner_id, response.c.counted_at.is_not(None))
    newest = select(response, _rank().label("rank")).where(*visible(principal), *counting)
    return _first(conn, newest, "at", "id")


def times_wrong(conn: Connection, principal: Principal, learner_id: str) -> dict[str, int]:
    wrong = (response.c.learner_id == learner_id, response.c.counted_at.is_not(None), response.c.correct.is_(False))
    query = select(response.c.item_id, func.count()).where(*visible(principal), *wrong)
    return {row[0]: row[1] for row in conn.execute(query.group_by(response.c.item_id))}


def evidence_page(conn: Connection, school_id: str, after: tuple[datetime, str] | None) -> Rows:
    """The next counting responses of a school after (counted_at, id), in that order."""
    query = select(response).where(response.c.school_id == school_id, response.c.counted_at.is_not(None))
    return conn.execute(_after(query, after).order_by(*_COUNTED).limit(_PAGE)).all()


def evidence(conn: Connection, principal: Principal, learner_id: str) -> Rows:
    """`evidence_of` as this person may see it."""
    counting = (response.c.learner_id == learner_id, response.c.counted_at.is_not(None))
    return conn.execute(select(response).where(*visible(principal), *counting).order_by(*_COUNTED)).all()


def evidence_of(conn: Connection, school_id: str, learner_id: str, after: tuple[datetime, str] | None) -> Rows:
    counting = (response.c.learner_id == learner_id, response.c.counted_at.is_not(None))
    query = _after(select(response).where(response.c.school_id == school_id, *counting), after)
    return conn.execute(query.order_by(*_COUNTED)).all()


def evidence_count(conn: Connection, school_id: str, learner_id: str) -> int:
    counting = (response.c.learner_id == learner_id, response.c.counted_at.is_not(None))
    query = select(func.count()).select_from(response).where(response.c.school_id == school_id, *counting)
    return conn.execute(query).scalar_one()


def count_as_evidence(conn: Connection, response_id: str, values: dict[str, object]) -> None:
    conn.execute(update(response).where(response.c.id == response_id).values(values))


def release(conn: Connection, attempt_id: str) -> None:
    conn.execute(update(response).where(response.c.attempt_id == attempt_id).values(withheld=False))


def counted(conn: Connection, school_id: str) -> dict[str, int]:
    query = select(response.c.learner_id, func.count()).where(
        response.c.school_id == school_id, response.c.counted_at.is_not(None)
    )
    return {row[0]: row[1] for row in conn.execute(query.group_by(response.c.learner_id))}


def learners(conn: Connection, school_id: str) -> list[str]:
    query = select(response.c.learner_id).where(response.c.school_id == school_id).distinct()
    return sorted(conn.execute(query).scalars())


def count(conn: Connection, school_id: str) -> int:
    return conn.execute(
        select(func.count()).select_from(response).where(response.c.school_id == school_id)
    ).scalar_one()


@lru_cache
def _since(sees_open_tests: bool) -> db.Prepared:
    at, row_id = bindparam("at", type_=response.c.at.type), bindparam("id", type_=response.c.id.type)
    mine = [response.c.school_id == bindparam("school"), response.c.learner_id == bindparam("learner")]
    if not sees_open_tests:
        mine.append(response.c.withheld.is_(False))
    later = (response.c.at > at) | (response.c.id > row_id)
    query = select(response).where(*mine, response.c.at >= at, later)
    return db.Prepared(query.order_by(response.c.at, response.c.id))


def _after(query: Select[Any], after: tuple[datetime, str] | None) -> Select[Any]:
    """What began to count after (counted_at, id)."""
    if after is None:
        return query
    at, row_id = after
    later = (response.c.counted_at == at) & (response.c.id > row_id)
    return query.where((response.c.counted_at >= at) & ((response.c.counted_at > at) | later))


def _rank() -> ColumnElement[int]:
    return func.row_number().over(partition_by=response.c.item_id, order_by=_NEWEST)


def _first(conn: Connection, ranked: Select[Any], *order: str) -> Rows:
    table = ranked.subquery()
    query = select(table).where(table.c.rank == 1)
    return conn.execute(query.order_by(*(table.c[name] for name in order))).all()
