"""Single-use links: the first administrator, a forgotten password, the demo's doors. Only hashes are stored."""

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from shuyuan.identity import base, store, tables
from shuyuan.identity.accounts import Accounts
from shuyuan.identity.interface import Language, Link, SignedIn
from shuyuan.identity.schools import Schools
from shuyuan.identity.sessions import Sessions
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors, ids

FIRST_ADMIN = "first_admin"
ANOTHER = "each link opens once: ask for a new one, or print one with `shuyuan link` on the machine that serves"


class Links(Schools, Accounts, Sessions):
    """The link verbs of `interface.Identity`."""

    def create_link(
        self, purpose: str, *, account_id: str = "", school_id: str = "", ttl_s: int = 900, actor_id: str = "system"
    ) -> str:
        """A single-use token for `purpose` (a word of at most 32 letters), good for `ttl_s` seconds."""
        token = secrets.token_urlsafe(32)

        def create(uow: db.UnitOfWork) -> None:
            link_id = ids.new_id()
            uow.conn.execute(
                tables.link.insert().values(
                    id=link_id,
                    school_id=school_id,
                    token_hash=base.digest(token),
                    purpose=purpose,
                    account_id=account_id,
                    expires_at=uow.now + timedelta(seconds=ttl_s),
                )
            )
            self._record(uow, school_id or kernel_audit.SYSTEM, actor_id, "link.created", link_id, purpose=purpose)

        self._db.write(create)
        return token

    def peek_link(self, token: str) -> Link:
        """What a link opens, without using it up."""
        with self._db.read() as conn:
            return _link(store.open_link(conn, base.digest(token), clock.now()))

    def consume_link(self, token: str) -> Link:
        """Use the link up; NotFound when it is unknown, expired or already used."""
        return self._db.write(lambda uow: self._use(uow, token))

    def create_first_admin(
        self, token: str, *, school_name: str, name: str, login: str, secret: str, language: Language = "zh"
    ) -> SignedIn:
        """Consume a `first_admin` link: the school and its first administrator, in one unit."""
        hashed = self.hash_secret(secret, "admin")

        def create(uow: db.UnitOfWork) -> str:
            link = self._use(uow, token)
            if link.purpose != FIRST_ADMIN:
                raise errors.NotFound("this link is for something else", fix="use the link the terminal printed")
            school_id = link.school_id or self._create_school(uow, school_name).id
            return self.create_account(
                uow, school_id=school_id, role="admin", name=name, login=login, secret=hashed, language=language
            )

        return self.sign_in_as(self._db.write(create))

    def _use(self, uow: db.UnitOfWork, token: str) -> Link:
        row = store.use_link(uow.conn, base.digest(token), uow.now)
        link = _link(row)
        self._record(
            uow,
            link.school_id or kernel_audit.SYSTEM,
            link.account_id or kernel_audit.SYSTEM,
            "link.used",
            row.id if row else "",
            purpose=link.purpose,
        )
        return link


def _link(row: Row[Any] | None) -> Link:  # Any: a row's values
    if row is None:
        raise errors.NotFound("this link is unknown, used or too old", fix=ANOTHER)
    return Link(row.purpose, row.school_id, row.account_id, row.expires_at)
