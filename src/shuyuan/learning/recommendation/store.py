"""Every query of recommendation, each scoped to a school."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from shuyuan.learning.recommendation.tables import gains, outlook

# Any below: a row's values.


def outlook_of(conn: Connection, school_id: str, learner_id: str, now: datetime) -> Row[Any] | None:
    """What still holds and nobody dismissed."""
    mine = outlook.c
    query = select(outlook).where(mine.school_id == school_id, mine.learner_id == learner_id)
    return conn.execute(query.where(mine.expires_at > now, mine.dismissed_at.is_(None))).one_or_none()


def put_outlook(
    conn: Connection, *, school_id: str, learner_id: str, foretold: bytes, now: datetime, expires_at: datetime
) -> None:
    remove_outlooks(conn, school_id, [learner_id])
    values = {"foretold": foretold, "made_at": now, "expires_at": expires_at}
    conn.execute(outlook.insert().values(learner_id=learner_id, school_id=school_id, **values))


def dismiss(conn: Connection, school_id: str, learner_id: str, *, now: datetime, by: str) -> bool:
    mine = outlook.c
    change = update(outlook).where(mine.school_id == school_id, mine.learner_id == learner_id)
    return conn.execute(change.values(dismissed_at=now, dismissed_by=by)).rowcount > 0


def dismissed(conn: Connection, school_id: str, now: datetime) -> set[str]:
    """Learners whose dismissed outlook has not run out: it is not made anew behind the teacher's back."""
    mine = outlook.c
    query = select(mine.learner_id).where(mine.school_id == school_id, mine.dismissed_at.is_not(None))
    return set(conn.execute(query.where(mine.expires_at > now)).scalars())


def run_out(conn: Connection, school_id: str, now: datetime) -> set[str]:
    """Learners whose outlook holds no longer, dismissed or not."""
    mine = outlook.c
    query = select(mine.learner_id).where(mine.school_id == school_id, mine.expires_at <= now)
    return set(conn.execute(query).scalars())


def foretold(conn: Connection, school_id: str) -> set[str]:
    return set(conn.execute(select(outlook.c.learner_id).where(outlook.c.school_id == school_id)).scalars())


def remove_outlooks(conn: Connection, school_id: str, learner_ids: Iterable[str]) -> None:
    mine = outlook.c
    conn.execute(delete(outlook).where(mine.school_id == school_id, mine.learner_id.in_(list(learner_ids))))


def gains_of(conn: Connection, school_id: str) -> Row[Any] | None:
    return conn.execute(select(gains).where(gains.c.school_id == school_id)).one_or_none()


def put_gains(
    conn: Connection,
    *,
    school_id: str,
    inverse: Sequence[Sequence[float]],
    weighted: Sequence[float],
    tried: int,
    learners: int,
    now: datetime,
) -> None:
    remove_gains(conn, school_id)
    values = {"inverse": inverse, "weighted": weighted, "tried": tried, "learners": learners, "made_at": now}
    conn.execute(gains.insert().values(school_id=school_id, **values))


def remove_gains(conn: Connection, school_id: str) -> None:
    conn.execute(delete(gains).where(gains.c.school_id == school_id))
