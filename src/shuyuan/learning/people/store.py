"""Every query of people. Whom a principal may see is part of each query, not a check after it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, String, bindparam, delete, false, func, select, update

from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import audit, db
from shuyuan.learning.people.tables import class_, consent, learner, profile_consent, teaching

# Any below: SQLAlchemy rows carry the types of their columns only at run time.


def classes(conn: Connection, principal: Principal, class_id: str | None = None) -> list[Row[Any]]:
    """The classes the caller may see, by name; only `class_id` when given."""
    query = select(class_).where(_sees_class(principal))
    if class_id is not None:
        query = query.where(class_.c.id == class_id)
    return list(conn.execute(query.order_by(class_.c.name)))


def class_of_school(conn: Connection, school_id: str, class_id: str) -> Row[Any] | None:
    return conn.execute(select(class_).where(class_.c.school_id == school_id, class_.c.id == class_id)).one_or_none()


def code_taken(conn: Connection, code: str) -> bool:
    return conn.execute(select(class_.c.id).where(class_.c.code == code)).first() is not None


def name_taken(conn: Connection, school_id: str, name: str) -> bool:
    query = select(class_.c.id).where(class_.c.school_id == school_id, class_.c.name == name)
    return conn.execute(query).first() is not None


def sizes(conn: Connection, class_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """class id → age band → how many learners."""
    query = (
        select(learner.c.class_id, learner.c.age_band, func.count().label("n"))
        .where(
            learner.c.class_id.in_(list(class_ids)),
            learner.c.erased_at.is_(None),
        )
        .group_by(learner.c.class_id, learner.c.age_band)
    )
    found: dict[str, dict[str, int]] = {}
    for row in conn.execute(query):
        found.setdefault(row.class_id, {})[row.age_band] = row.n
    return found


def change_class(conn: Connection, class_id: str, **values: object) -> None:
    conn.execute(update(class_).where(class_.c.id == class_id).values(**values))


def teach(conn: Connection, school_id: str, class_id: str, account_id: str) -> None:
    unteach(conn, class_id, account_id)
    conn.execute(teaching.insert().values(class_id=class_id, account_id=account_id, school_id=school_id))


def unteach(conn: Connection, class_id: str, account_id: str) -> bool:
    gone = delete(teaching).where(teaching.c.class_id == class_id, teaching.c.account_id == account_id)
    return conn.execute(gone).rowcount > 0


def learners(conn: Connection, principal: Principal, class_id: str) -> list[Row[Any]]:
    """The learners of a class whom the caller may see."""
    query = _learners(principal).where(learner.c.class_id == class_id)
    return list(conn.execute(query.order_by(learner.c.created_at, learner.c.id)))


def learner_(conn: Connection, principal: Principal, learner_id: str) -> Row[Any] | None:
    return conn.execute(_learners(principal).where(learner.c.id == learner_id)).one_or_none()


def place(conn: Connection, principal: Principal, learner_id: str) -> list[Row[Any]]:
    """(course_ids, purpose) of a learner whom the caller may see, a row for each purpose; None: no purpose."""
    given = {"learner": learner_id, "account": principal.account_id, "school": principal.school_id}
    return _place(principal.role).rows(conn, given)


def by_number(conn: Connection, class_ids: Iterable[str]) -> dict[tuple[str, str], Row[Any]]:
    """(class id, hash of the number) → learner."""
    query = select(learner).where(learner.c.class_id.in_(list(class_ids)), learner.c.erased_at.is_(None))
    return {(row.class_id, row.number_hash): row for row in conn.execute(query)}


def number_taken(conn: Connection, class_id: str, number_hash: str) -> bool:
    query = select(learner.c.id).where(learner.c.class_id == class_id, learner.c.number_hash == number_hash)
    return conn.execute(query).first() is not None


def change_learner(conn: Connection, learner_id: str, **values: object) -> None:
    conn.execute(update(learner).where(learner.c.id == learner_id).values(**values))


def consents(conn: Connection, learner_ids: Iterable[str]) -> dict[str, set[str]]:
    """learner id → purposes agreed to."""
    found: dict[str, set[str]] = {}
    for row in conn.execute(select(consent).where(consent.c.learner_id.in_(list(learner_ids)))):
        found.setdefault(row.learner_id, set()).add(row.purpose)
    return found


def set_consents(
    conn: Connection, *, school_id: str, learner_id: str, purposes: Iterable[str], now: datetime, by: str
) -> None:
    """Add what is new and remove what is gone; what stays keeps its date."""
    wanted, there = set(purposes), consents(conn, [learner_id]).get(learner_id, set())
    gone = consent.c.purpose.in_(list(there - wanted))
    conn.execute(delete(consent).where(consent.c.learner_id == learner_id, gone))
    add_consents(conn, school_id=school_id, learner_id=learner_id, purposes=wanted - there, now=now, by=by)


def add_consents(
    conn: Connection, *, school_id: str, learner_id: str, purposes: Iterable[str], now: datetime, by: str
) -> None:
    """What a learner newly agreed to."""
    rows = [
        {"learner_id": learner_id, "purpose": purpose, "school_id": school_id, "given_at": now, "given_by": by}
        for purpose in sorted(purposes)
    ]
    if rows:
        conn.execute(consent.insert(), rows)


def consented(conn: Connection, school_id: str, purpose: str) -> frozenset[str]:
    query = (
        select(consent.c.learner_id)
        .join(learner, learner.c.id == consent.c.learner_id)
        .where(
            consent.c.school_id == school_id,
            consent.c.purpose == purpose,
            learner.c.erased_at.is_(None),
        )
    )
    return frozenset(conn.execute(query).scalars())


def views(
    conn: Connection, school_id: str, learner_id: str, actions: Sequence[str], limit: int
) -> list[tuple[datetime, str]]:
    """Who saw the learner's answers, from the audit trail, newest first."""
    entry = audit.entry.c
    query = select(entry.at, entry.actor_id).where(
        entry.school_id == school_id,
        entry.action.in_(actions),
        entry.object_id == learner_id,
    )
    return [(row.at, row.actor_id) for row in conn.execute(query.order_by(entry.seq.desc()).limit(limit))]


@lru_cache
def _place(role: Role) -> db.Prepared:
    """Built once a role: it is asked after every answer."""
    account, school = bindparam("account", type_=String), bindparam("school", type_=String)
    anyone = Principal(cast(str, account), cast(str, school), role)  # whoever asks, filled in when it is asked
    mine = profile_consent.c
    rows = learner.join(class_, class_.c.id == learner.c.class_id)
    rows = rows.outerjoin(profile_consent, mine.learner_id == learner.c.id)
    query = select(class_.c.course_ids, mine.purpose).select_from(rows)
    one = learner.c.id == bindparam("learner")
    return db.Prepared(query.where(one, learner.c.erased_at.is_(None), _sees_learner(anyone)))


def _taught_by(principal: Principal) -> Select[tuple[str]]:
    return select(teaching.c.class_id).where(
        teaching.c.school_id == principal.school_id, teaching.c.account_id == principal.account_id
    )


def _sees_class(principal: Principal) -> ColumnElement[bool]:
    in_school = class_.c.school_id == principal.school_id
    if principal.role == "admin":
        return in_school
    if principal.role == "teacher":
        return in_school & class_.c.id.in_(_taught_by(principal))
    if principal.role == "student":
        own = select(learner.c.class_id).where(learner.c.id == principal.account_id, learner.c.erased_at.is_(None))
        return in_school & class_.c.id.in_(own)
    return false()


def _learners(principal: Principal) -> Select[Any]:  # Any: whole rows
    return select(learner).where(_sees_learner(principal), learner.c.erased_at.is_(None))


def _sees_learner(principal: Principal) -> ColumnElement[bool]:
    in_school = learner.c.school_id == principal.school_id
    if principal.role == "admin":
        return in_school
    if principal.role == "teacher":
        return in_school & learner.c.class_id.in_(_taught_by(principal))
    if principal.role == "student":
        return in_school & (learner.c.id == principal.account_id)
    return false()
