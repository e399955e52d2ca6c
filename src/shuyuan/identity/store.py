"""Every query of identity. Whoever asks for somebody gives the school: another school's ids find nothing."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from shuyuan.identity.interface import Principal
from shuyuan.identity.tables import account, group_member, key, link, school, session, setting, suspension

# Any below: SQLAlchemy rows carry the types of their columns only at run time.
OPEN_TO_STAFF = ("teacher", "admin")


def schools(conn: Connection) -> list[Row[Any]]:
    return list(conn.execute(select(school).order_by(school.c.created_at, school.c.id)))


def school_by_id(conn: Connection, school_id: str) -> Row[Any] | None:
    return conn.execute(select(school).where(school.c.id == school_id)).one_or_none()


def setting_of(conn: Connection, school_id: str, name: str) -> Row[Any] | None:
    return conn.execute(select(setting).where(setting.c.school_id == school_id, setting.c.name == name)).one_or_none()


def set_setting(conn: Connection, school_id: str, name: str, value: Mapping[str, object], now: datetime) -> None:
    conn.execute(delete(setting).where(setting.c.school_id == school_id, setting.c.name == name))
    conn.execute(setting.insert().values(school_id=school_id, name=name, value=dict(value), updated_at=now))


def account_by_id(conn: Connection, school_id: str, account_id: str) -> Row[Any] | None:
    query = select(account).where(account.c.school_id == school_id, account.c.id == account_id)
    return conn.execute(query).one_or_none()


def any_account(conn: Connection, account_id: str) -> Row[Any] | None:
    """Whatever its school: only for the single-use link and the demo."""
    return conn.execute(select(account).where(account.c.id == account_id)).one_or_none()


def account_exists(conn: Connection, school_id: str, account_id: str) -> bool:
    return account_by_id(conn, school_id, account_id) is not None


def account_by_login(conn: Connection, login_hash: str) -> Row[Any] | None:
    """Logins are unique in the installation; nobody is signed in yet."""
    return conn.execute(select(account).where(account.c.login_hash == login_hash)).one_or_none()


def accounts(conn: Connection, school_id: str) -> list[Row[Any]]:
    query = select(account).where(account.c.school_id == school_id)
    return list(conn.execute(query.order_by(account.c.role, account.c.created_at, account.c.id)))


def known_accounts(conn: Connection, school_id: str, account_ids: Iterable[str]) -> set[str]:
    query = select(account.c.id).where(account.c.school_id == school_id, account.c.id.in_(list(account_ids)))
    return set(conn.execute(query).scalars())


def active_admins(conn: Connection, school_id: str) -> int:
    query = (
        select(func.count())
        .select_from(account)
        .where(
            account.c.school_id == school_id,
            account.c.role == "admin",
            account.c.active,
        )
    )
    return conn.execute(query).scalar_one()


def share_a_group(conn: Connection, school_id: str, one: str, other: str) -> bool:
    mine = select(group_member.c.group_id).where(group_member.c.account_id == one)
    query = select(group_member.c.group_id).where(
        group_member.c.school_id == school_id,
        group_member.c.account_id == other,
        group_member.c.group_id.in_(mine),
    )
    return conn.execute(query.limit(1)).first() is not None


def principal_of_session(conn: Connection, token_hash: str, now: datetime) -> Principal | None:
    """Who holds this session, unless it has ended or the account was closed."""
    query = _holder(session.c.id.label("session_id")).join(session, session.c.account_id == account.c.id)
    row = conn.execute(query.where(session.c.token_hash == token_hash, session.c.expires_at > now)).one_or_none()
    return None if row is None else _principal(conn, row, now, session_id=row.session_id)


def principal_of_key(conn: Connection, secret_hash: str, now: datetime) -> tuple[Principal, datetime | None] | None:
    """Who holds this key and when it was last used, unless it was revoked, has expired or the account was closed."""
    query = _holder(key.c.id.label("key_id"), key.c.scopes, key.c.age_band, key.c.last_used_at)
    valid = key.c.revoked_at.is_(None) & (key.c.expires_at.is_(None) | (key.c.expires_at > now))
    row = conn.execute(
        query.join(key, key.c.account_id == account.c.id).where(key.c.secret_hash == secret_hash, valid)
    ).one_or_none()
    if row is None:
        return None
    held = _principal(conn, row, now, key_id=row.key_id, scopes=frozenset(row.scopes), age_band=row.age_band)
    return held, row.last_used_at


def keys_of(conn: Connection, principal: Principal) -> list[Row[Any]]:
    query = select(key).where(key.c.school_id == principal.school_id, key.c.account_id == principal.account_id)
    return list(conn.execute(query.order_by(key.c.created_at.desc(), key.c.id)))


def keys_of_school(conn: Connection, school_id: str) -> list[Row[Any]]:
    return list(
        conn.execute(select(key).where(key.c.school_id == school_id).order_by(key.c.created_at.desc(), key.c.id))
    )


def key_exists(conn: Connection, school_id: str, key_id: str) -> bool:
    return conn.execute(select(key.c.id).where(key.c.school_id == school_id, key.c.id == key_id)).first() is not None


def note_use(conn: Connection, secret_hash: str, now: datetime) -> None:
    conn.execute(update(key).where(key.c.secret_hash == secret_hash).values(last_used_at=now))


def revoke_key(conn: Connection, principal: Principal, key_id: str, now: datetime) -> bool:
    """Own keys; an administrator also those of the school. False when there is no such key."""
    mine = [] if principal.role == "admin" else [key.c.account_id == principal.account_id]
    query = select(key.c.id).where(key.c.id == key_id, key.c.school_id == principal.school_id, *mine)
    found = conn.execute(query).first()
    if found is not None:
        conn.execute(update(key).where(key.c.id == key_id, key.c.revoked_at.is_(None)).values(revoked_at=now))
    return found is not None


def end_sessions(conn: Connection, account_id: str) -> int:
    return conn.execute(delete(session).where(session.c.account_id == account_id)).rowcount


def forget_ended_sessions(conn: Connection, account_id: str, now: datetime) -> None:
    conn.execute(delete(session).where(session.c.account_id == account_id, session.c.expires_at <= now))


def revoke_keys_of(conn: Connection, account_id: str, now: datetime) -> None:
    conn.execute(update(key).where(key.c.account_id == account_id, key.c.revoked_at.is_(None)).values(revoked_at=now))


def add_members(conn: Connection, school_id: str, group_id: str, account_ids: Iterable[str]) -> None:
    wanted = list(dict.fromkeys(account_ids))
    query = select(group_member.c.account_id).where(
        group_member.c.group_id == group_id, group_member.c.account_id.in_(wanted)
    )
    there = set(conn.execute(query).scalars())
    rows = [{"group_id": group_id, "account_id": a, "school_id": school_id} for a in wanted if a not in there]
    if rows:
        conn.execute(group_member.insert(), rows)


def remove_members(conn: Connection, school_id: str, account_id: str, group_id: str | None = None) -> None:
    """Take an account out of one group, or out of all."""
    of_group = [] if group_id is None else [group_member.c.group_id == group_id]
    conn.execute(
        delete(group_member).where(
            group_member.c.school_id == school_id,
            group_member.c.account_id == account_id,
            *of_group,
        )
    )


def group_exists(conn: Connection, school_id: str, group_id: str) -> bool:
    query = select(group_member.c.group_id).where(
        group_member.c.school_id == school_id,
        group_member.c.group_id == group_id,
    )
    return conn.execute(query.limit(1)).first() is not None


def suspend(conn: Connection, school_id: str, group_id: str, until: datetime | None) -> None:
    conn.execute(delete(suspension).where(suspension.c.school_id == school_id, suspension.c.group_id == group_id))
    if until is not None:
        conn.execute(suspension.insert().values(group_id=group_id, school_id=school_id, until=until))


def exam_until(conn: Connection, school_id: str) -> datetime | None:
    last: datetime | None = conn.execute(
        select(suspension.c.until)
        .where(suspension.c.school_id == school_id)
        .order_by(suspension.c.until.desc())
        .limit(1)
    ).scalar_one_or_none()
    return last


def open_link(conn: Connection, token_hash: str, now: datetime) -> Row[Any] | None:
    query = select(link).where(link.c.token_hash == token_hash, link.c.used_at.is_(None), link.c.expires_at > now)
    return conn.execute(query).one_or_none()


def use_link(conn: Connection, token_hash: str, now: datetime) -> Row[Any] | None:
    """Mark the link used, in one statement: of two at once only one gets the row."""
    return conn.execute(
        update(link)
        .where(link.c.token_hash == token_hash, link.c.used_at.is_(None), link.c.expires_at > now)
        .values(used_at=now)
        .returning(link)
    ).one_or_none()


def _holder(*more: Any) -> Select[Any]:  # Any: columns of different types
    who = select(account.c.id, account.c.school_id, account.c.role, account.c.language, *more)
    return who.select_from(account).where(account.c.active)


def _principal(conn: Connection, row: Row[Any], now: datetime, **how: Any) -> Principal:
    members = conn.execute(
        select(group_member.c.group_id, suspension.c.until)
        .outerjoin(
            suspension,
            (suspension.c.group_id == group_member.c.group_id) & (suspension.c.school_id == group_member.c.school_id),
        )
        .where(group_member.c.account_id == row.id)
    ).all()
    held = [until for _, until in members if until is not None and until > now]
    suspended = max(held) if held and row.role not in OPEN_TO_STAFF else None
    return Principal(
        account_id=row.id,
        school_id=row.school_id,
        role=row.role,
        language=row.language,
        groups=frozenset(group for group, _ in members),
        suspended_until=suspended,
        priority=0 if held else 1 if members else 2,
        **how,
    )
