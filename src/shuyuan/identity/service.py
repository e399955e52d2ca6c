"""The verbs of identity in one class: schools here; accounts, sessions, groups, keys and links in their files.

Every change is audited in its own unit of work and empties the principal cache once it is durable.
"""

from typing import Any

from sqlalchemy import Row

from shuyuan.identity import store, tables
from shuyuan.identity.accounts import Accounts
from shuyuan.identity.groups import Groups
from shuyuan.identity.interface import School
from shuyuan.identity.keys import Keys
from shuyuan.identity.links import Links
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db, errors, ids


class IdentityService(Accounts, Groups, Keys, Links):
    """Implements `interface.Identity` on the database."""

    def school(self, school_id: str) -> School:
        """The school; NotFound when there is none with this id."""
        with self._db.read() as conn:
            row = store.school_by_id(conn, school_id)
        if row is None:
            raise errors.NotFound(f"school {school_id} is not here", fix="check the id")
        return _school(row)

    def schools(self) -> list[School]:
        """Every school of the installation, oldest first."""
        with self._db.read() as conn:
            return [_school(row) for row in store.schools(conn)]

    def create_school(self, name: str, *, demo: bool = False) -> School:
        """A new tenant."""
        return self._db.write(lambda uow: create_school(self._audit, uow, name, demo=demo))


def _school(row: Row[Any]) -> School:
    return School(id=row.id, name=row.name, demo=row.demo, age_line=row.age_line)
