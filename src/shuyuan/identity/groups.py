"""Opaque groups (classes, to the planes above) and exam mode."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from shuyuan.identity import base, store
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, db, errors

MAX_EXAM = timedelta(days=7)


class Groups(base.Base):
    """The group verbs of `interface.Identity`."""

    def add_to_group(self, uow: db.UnitOfWork, *, school_id: str, group_id: str, account_ids: Iterable[str]) -> None:
        """Make accounts of the school members of a group (a class)."""
        wanted = set(account_ids)
        if strangers := wanted - store.known_accounts(uow.conn, school_id, wanted):
            raise base.no_account(min(strangers))
        store.add_members(uow.conn, school_id, group_id, wanted)
        uow.after_commit(self._cache.clear)

    def remove_from_group(self, uow: db.UnitOfWork, *, school_id: str, group_id: str, account_id: str) -> None:
        """Take an account out of a group."""
        store.remove_members(uow.conn, school_id, account_id, group_id)
        uow.after_commit(self._cache.clear)

    def holds(self, school_id: str, kind: Literal["account", "key", "group"], object_id: str) -> bool:
        """See `interface.Identity.holds`."""
        there = {"account": store.account_exists, "key": store.key_exists, "group": store.group_exists}[kind]
        with self._db.read() as conn:
            return there(conn, school_id, object_id)

    def set_suspension(self, principal: Principal, group_id: str, until: datetime | None) -> None:
        """Exam mode for a group: an administrator of the school, or a teacher of the group."""
        principal.require("admin", "teacher")
        if until is not None and not clock.now() < until <= clock.now() + MAX_EXAM:
            raise errors.BadInput(f"exam mode until {until.isoformat()}", fix="give a time in the next 7 days")

        def suspend(uow: db.UnitOfWork) -> None:
            mine = principal.role == "admin" or group_id in principal.groups
            if not mine or not store.group_exists(uow.conn, principal.school_id, group_id):
                raise errors.NotFound(f"group {group_id} is not here", fix="open it from your list of classes")
            self.suspend_models(uow, school_id=principal.school_id, group_id=group_id, until=until)
            action = "models.opened" if until is None else "models.suspended"
            self._record(
                uow,
                principal.school_id,
                principal.account_id,
                action,
                group_id,
                until=until.isoformat() if until else None,
            )

        self._db.write(suspend)

    def exam_until(self, school_id: str) -> datetime | None:
        """When the last exam mode of the school ends; None: there is none."""
        with self._db.read() as conn:
            return store.exam_until(conn, school_id)

    def suspend_models(self, uow: db.UnitOfWork, *, school_id: str, group_id: str, until: datetime | None) -> None:
        """Exam mode: close the model API to the group until then; None opens it again."""
        store.suspend(uow.conn, school_id, group_id, until)
        uow.after_commit(self._cache.clear)
