"""What the verbs of people share: rows made into classes and learners, under the caller's eyes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row

from shuyuan.identity.interface import Identity, Principal, pupil_login
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.people import store
from shuyuan.learning.people.interface import AgeBand, Class, Learner, Purpose

NAME_FIELD, NUMBER_FIELD = "people_learner.name", "people_learner.number"
FROM_YEARS: dict[str, int] = {"under_13": 0, "unknown": 0, "13_15": 13, "16_17": 16, "adult": 18}


class Base:
    """Holds the other parts; one per process."""

    def __init__(
        self,
        db: db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        identity: Identity,
        outbox: kernel_outbox.Outbox,
    ) -> None:
        self._db, self._vault, self._audit, self._identity, self._outbox = db, vault, audit, identity, outbox
        self._listed: dict[tuple[str, str], datetime] = {}  # reader and learner → when that was last noted

    def _class_row(self, conn: Connection, principal: Principal, class_id: str) -> Row[Any]:  # Any: a row's values
        rows = store.classes(conn, principal, class_id)
        if not rows:
            raise no_class(class_id)
        return rows[0]

    def _learner_row(self, conn: Connection, principal: Principal, learner_id: str) -> Row[Any]:
        row = store.learner_(conn, principal, learner_id)
        if row is None:
            raise no_learner(learner_id)
        return row

    def _classes(self, conn: Connection, school_id: str, rows: Sequence[Row[Any]]) -> list[Class]:
        sizes = store.sizes(conn, [row.id for row in rows])
        age_line = self._identity.school(school_id).age_line if rows else 0
        return [_class(row, sizes.get(row.id, {}), age_line) for row in rows]

    def _learners(self, conn: Connection, rows: Sequence[Row[Any]]) -> list[Learner]:
        self._vault.warm(conn, [row.id for row in rows])
        agreed = store.consents(conn, [row.id for row in rows])
        return [self._learner(conn, row, agreed.get(row.id, set())) for row in rows]

    def _learner(self, conn: Connection, row: Row[Any], agreed: set[str]) -> Learner:
        return Learner(
            id=row.id,
            school_id=row.school_id,
            class_id=row.class_id,
            age_band=cast(AgeBand, row.age_band),
            number=self._vault.open(conn, row.id, NUMBER_FIELD, row.number),
            name=self._vault.open(conn, row.id, NAME_FIELD, row.name),
            simulated=row.simulated,
            consent=frozenset(cast(set[Purpose], agreed)),
        )

    def _number_hash(self, code: str, number: str) -> str:
        return self._vault.keyed_hash("people.number", pupil_login(code, number))

    def _record(
        self, uow: db.UnitOfWork, principal: Principal, action: str, object_id: str, **detail: str | int | bool | None
    ) -> None:
        self._audit.record(
            uow,
            school_id=principal.school_id,
            actor_id=principal.account_id,
            action=action,
            object_id=object_id,
            **detail,
        )


def no_learner(learner_id: str) -> errors.NotFound:
    """The same words for a learner who is not there and one the caller may not see."""
    return errors.NotFound(f"learner {learner_id} is not here", fix="open them from their class")


def no_class(class_id: str) -> errors.NotFound:
    """The same words for a class that is not there and one the caller may not see."""
    return errors.NotFound(f"class {class_id} is not here", fix="open it from your list of classes")


def _class(row: Row[Any], bands: dict[str, int], age_line: int) -> Class:
    old_enough = bool(bands) and all(FROM_YEARS[band] >= age_line for band in bands)
    return Class(
        id=row.id,
        school_id=row.school_id,
        name=row.name,
        code=row.code,
        course_ids=tuple(row.course_ids),
        tutor_on=old_enough if row.tutor_on is None else row.tutor_on,
        size=sum(bands.values()),
    )
