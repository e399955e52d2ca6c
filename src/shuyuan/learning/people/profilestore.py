"""Every query of profiles. Whom a principal may see is decided by `people.learner` before."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from shuyuan.kernel import audit
from shuyuan.learning.people.tables import learner, profile, profile_consent

MOST_DECISIONS = 50


def row(conn: Connection, learner_id: str) -> Row[Any] | None:  # Any: a row's values
    return conn.execute(select(profile).where(profile.c.learner_id == learner_id)).one_or_none()


def rows_agreed(conn: Connection, school_id: str, purpose: str) -> list[Row[Any]]:
    """(learner_id, stated or None) of those who agreed and are still here, in a stable order."""
    mine = profile_consent.c
    query = (
        select(mine.learner_id, profile.c.stated)
        .join(learner, learner.c.id == mine.learner_id)
        .outerjoin(profile, profile.c.learner_id == mine.learner_id)
        .where(mine.school_id == school_id, mine.purpose == purpose, learner.c.erased_at.is_(None))
    )
    return list(conn.execute(query.order_by(mine.learner_id)))


def who_agreed(conn: Connection, school_id: str, purpose: str) -> frozenset[str]:
    """Those of `rows_agreed`, without what they state."""
    mine = profile_consent.c
    query = (
        select(mine.learner_id)
        .join(learner, learner.c.id == mine.learner_id)
        .where(mine.school_id == school_id, mine.purpose == purpose, learner.c.erased_at.is_(None))
    )
    return frozenset(conn.execute(query).scalars())


def given(conn: Connection, learner_id: str) -> dict[str, tuple[datetime, str]]:
    """purpose → when it was agreed to, and who said so."""
    mine = profile_consent.c
    query = select(mine.purpose, mine.given_at, mine.given_by).where(mine.learner_id == learner_id)
    return {row.purpose: (row.given_at, row.given_by) for row in conn.execute(query)}


def decisions(conn: Connection, school_id: str, learner_id: str, action: str) -> list[Row[Any]]:
    """(at, actor_id, detail) of each time it was done to the learner, from the audit trail, newest first."""
    entry = audit.entry.c
    query = select(entry.at, entry.actor_id, entry.detail).where(
        entry.school_id == school_id, entry.action == action, entry.object_id == learner_id
    )
    return list(conn.execute(query.order_by(entry.seq.desc()).limit(MOST_DECISIONS)))


def agreed(conn: Connection, learner_id: str) -> set[str]:
    query = select(profile_consent.c.purpose).where(profile_consent.c.learner_id == learner_id)
    return set(conn.execute(query).scalars())


def put(conn: Connection, *, school_id: str, learner_id: str, stated: bytes, now: datetime) -> None:
    remove(conn, learner_id)
    conn.execute(profile.insert().values(learner_id=learner_id, school_id=school_id, stated=stated, changed_at=now))


def remove(conn: Connection, learner_id: str) -> None:
    conn.execute(delete(profile).where(profile.c.learner_id == learner_id))


def set_agreed(
    conn: Connection, *, school_id: str, learner_id: str, purposes: Iterable[str], now: datetime, by: str
) -> set[str]:
    """Exactly these from now on; what stays keeps its date. Returns the purposes taken back."""
    wanted, there = set(purposes), agreed(conn, learner_id)
    gone = there - wanted
    mine = profile_consent.c
    conn.execute(delete(profile_consent).where(mine.learner_id == learner_id, mine.purpose.in_(sorted(gone))))
    fresh = [
        {"learner_id": learner_id, "purpose": one, "school_id": school_id, "given_at": now, "given_by": by}
        for one in sorted(wanted - there)
    ]
    if fresh:
        conn.execute(profile_consent.insert(), fresh)
    return gone
