"""Every query on question numbers, their calibrations and how often they were shown, each scoped to a school."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Insert, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.kernel import db
from shuyuan.learning.assessment.calibrating import Number
from shuyuan.learning.assessment.interface import Calibrated
from shuyuan.learning.assessment.tables import calibration, exposure, number

_FIELDS = ("a", "b", "c", "error_a", "error_b", "answers", "fitted", "infit", "outfit", "rest")


def numbers(conn: Connection, school_id: str, course_id: str) -> dict[str, Number]:
    """item id → its numbers, of the questions that have some."""
    query = select(number).where(number.c.school_id == school_id, number.c.course_id == course_id)
    return {row.item_id: Number(**{name: getattr(row, name) for name in _FIELDS}) for row in conn.execute(query)}


def replace_numbers(
    uow: db.UnitOfWork, school_id: str, made: Calibrated, seen: int, found: Mapping[str, Number]
) -> None:
    """What a calibration found takes the place of what was there."""
    scope = {"school_id": school_id, "course_id": made.course_id}
    for table in (number, calibration):
        uow.conn.execute(delete(table).where(table.c.school_id == school_id, table.c.course_id == made.course_id))
    rows = [{**scope, "item_id": item, **{name: getattr(one, name) for name in _FIELDS}} for item, one in found.items()]
    if rows:
        uow.conn.execute(number.insert(), rows)
    uow.conn.execute(calibration.insert().values(**{**vars(made), **scope, "seen": seen}))


def calibrations(conn: Connection, school_id: str) -> dict[str, Calibrated]:
    """course id → its last calibration."""
    rows = conn.execute(select(calibration).where(calibration.c.school_id == school_id))
    return {
        row.course_id: Calibrated(row.course_id, row.at, row.learners, row.answers, row.items, row.fitted)
        for row in rows
    }


def seen(conn: Connection, school_id: str) -> dict[str, int]:
    """course id → answers the school had at its last calibration: an older number is one that a crash cut off."""
    query = select(calibration.c.course_id, calibration.c.seen).where(calibration.c.school_id == school_id)
    return {row.course_id: row.seen for row in conn.execute(query)}


def exposures(conn: Connection, school_id: str, item_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """item id → (sittings it could have been in, sittings it was in)."""
    query = select(exposure).where(exposure.c.school_id == school_id, exposure.c.item_id.in_(item_ids))
    return {row.item_id: (row.offered, row.given) for row in conn.execute(query)}


def offered(conn: Connection, school_id: str, item_ids: Iterable[str]) -> None:
    """A sitting begins whose bank holds these. In one order for all: of two at once neither waits for the other."""
    rows = [{"school_id": school_id, "item_id": item, "offered": 1, "given": 0} for item in sorted(item_ids)]
    conn.execute(_offer(conn.dialect.name), rows)


def given(conn: Connection, school_id: str, item_id: str) -> None:
    """A sitting shows this one."""
    mine = (exposure.c.school_id == school_id, exposure.c.item_id == item_id)
    conn.execute(update(exposure).where(*mine).values(given=exposure.c.given + 1))


@lru_cache
def _offer(dialect: str) -> Insert:
    statement = postgresql.insert(exposure) if dialect == "postgresql" else sqlite.insert(exposure)
    return statement.on_conflict_do_update(
        index_elements=("school_id", "item_id"), set_={"offered": exposure.c.offered + 1}
    )
