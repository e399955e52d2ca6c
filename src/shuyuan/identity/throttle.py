"""Guessing made slow: failed sign-ins are counted per login and per client, and the pauses grow.

A login's attempt is counted before its secret is checked, so a hundred guesses sent at once gain nothing; a
client's only when it failed, so a class behind one address is not held back by its own number. Unknown logins
are counted like known ones. Rows hold keyed hashes, never a login or an address.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from shuyuan.identity.tables import failure
from shuyuan.kernel import db, errors


@dataclass(frozen=True)
class Limit:
    """`free` failures cost nothing; then the pause starts at 1 s and doubles every `step` failures up to `max_s`."""

    free: int
    step: int
    max_s: int
    forget_s: int

    def pause_s(self, failures: int) -> float:
        """How long after its last failure somebody with so many must wait."""
        if failures < self.free:
            return 0.0
        return min(2.0 ** min((failures - self.free) // self.step, 20), self.max_s)


LOGIN = Limit(free=5, step=1, max_s=900, forget_s=3600)
CLIENT = Limit(free=50, step=10, max_s=60, forget_s=900)
_KEEP = timedelta(days=1)


def begin(uow: db.UnitOfWork, login: str, client: str) -> None:
    """Count an attempt on `login` (a keyed hash). Raises RateLimited while `login` or `client` must wait.

    client: the keyed hash of an address, empty when there is none (a call inside this process)."""
    if client:
        _check(uow, client, CLIENT)
    _check(uow, login, LOGIN)
    _count(uow, login, LOGIN)


def failed(uow: db.UnitOfWork, client: str) -> None:
    """The attempt failed: count it for the client, and forget rows of long ago."""
    if client:
        _count(uow, client, CLIENT)
    uow.conn.execute(delete(failure).where(failure.c.last_at < uow.now - _KEEP))


def succeeded(uow: db.UnitOfWork, login: str, client: str) -> None:
    """The attempt succeeded: the login starts afresh, the client gets one failure back."""
    uow.conn.execute(delete(failure).where(failure.c.who == login))
    back = update(failure).where(failure.c.who == client, failure.c.failures > 0)
    uow.conn.execute(back.values(failures=failure.c.failures - 1))


def _check(uow: db.UnitOfWork, who: str, limit: Limit) -> None:
    failures, last_at = _so_far(uow, who, limit)
    left_s = limit.pause_s(failures) - (uow.now - last_at).total_seconds()
    if left_s > 0:
        raise errors.RateLimited(
            "too many failed sign-ins",
            fix=f"wait {math.ceil(left_s)} s, then try once more",
            retry_after_s=left_s,
        )


def _count(uow: db.UnitOfWork, who: str, limit: Limit) -> None:
    failures, _ = _so_far(uow, who, limit)
    values = {"failures": failures + 1, "last_at": uow.now}
    if not uow.conn.execute(update(failure).where(failure.c.who == who).values(values)).rowcount:
        uow.conn.execute(failure.insert().values(who=who, **values))


def _so_far(uow: db.UnitOfWork, who: str, limit: Limit) -> tuple[int, datetime]:
    row = uow.conn.execute(select(failure).where(failure.c.who == who)).one_or_none()
    if row is None or (uow.now - row.last_at).total_seconds() > limit.forget_s:
        return 0, uow.now
    return row.failures, row.last_at
