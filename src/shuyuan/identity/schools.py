"""Schools: the tenants, and what each of them has set."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from shuyuan.identity import base, store, tables
from shuyuan.identity.interface import School, Setting
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db, errors, ids

MAX_SCHOOL_NAME, MAX_SETTING_NAME = 120, 64
AGE_LINE = 13  # years; below it the tutor is off unless a teacher turns it on


class Schools(base.Base):
    """The school verbs of `interface.Identity`."""

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
        return self._db.write(lambda uow: self._create_school(uow, name, demo))

    def setting(self, school_id: str, name: str) -> Setting | None:
        """What the school has set under `name`; None while it has not."""
        with self._db.read() as conn:
            row = store.setting_of(conn, school_id, name)
        return None if row is None else Setting(row.name, row.value, row.updated_at)

    def set_setting(self, uow: db.UnitOfWork, *, school_id: str, name: str, value: Mapping[str, object]) -> None:
        """Replace what stands under `name`, inside `uow`. Whoever sets it notes it in the activity log too."""
        if not 0 < len(name) <= MAX_SETTING_NAME:
            raise errors.BadInput(f"a setting's name has {len(name)} characters", fix=f"use 1 to {MAX_SETTING_NAME}")
        store.set_setting(uow.conn, school_id, name, value, uow.now)

    def _create_school(self, uow: db.UnitOfWork, name: str, demo: bool = False) -> School:
        plain, school_id = " ".join(name.split()), ids.new_id()
        if not 0 < len(plain) <= MAX_SCHOOL_NAME:
            raise errors.BadInput(f"the school's name has {len(plain)} characters", fix=f"use 1 to {MAX_SCHOOL_NAME}")
        uow.conn.execute(
            tables.school.insert().values(
                id=school_id,
                name=plain,
                demo=demo,
                age_line=AGE_LINE,
                created_at=uow.now,
            )
        )
        self._record(uow, school_id, kernel_audit.SYSTEM, "school.created", school_id, demo=demo)
        return School(school_id, plain, demo, AGE_LINE)


def _school(row: Row[Any]) -> School:  # Any: a row's values
    return School(id=row.id, name=row.name, demo=row.demo, age_line=row.age_line)
