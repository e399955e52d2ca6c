"""A course in memory: parsed once, items when first asked for. What the hot path of grading reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter
from sqlalchemy.engine import RowMapping

from shuyuan.kernel import db
from shuyuan.learning.courses import checks, interface, store

STALE_AFTER_S = 2.0
"""Another process may load a course; its hash is looked at again after this long."""
_ITEM: TypeAdapter[interface.Item] = TypeAdapter(interface.Item)


@dataclass(slots=True)
class Shelf:
    """One course of one school."""

    content_hash: str
    course: interface.Course
    items: int
    bodies: Mapping[str, str]
    keys: Mapping[str, str]
    by_point: Mapping[str, tuple[str, ...]]
    graph: interface.PointGraph
    parsed: dict[str, interface.Item] = field(default_factory=dict)

    def item(self, item_id: str) -> interface.Item:
        found = self.parsed.get(item_id)
        if found is None:
            if item_id not in self.bodies:
                raise interface.ItemNotFound(f'there is no item "{item_id}"', fix="look at the items of its point")
            found = self.parsed[item_id] = _ITEM.validate_json(self.bodies[item_id])
        return found


class Shelves:
    """Shelves by school and course, dropped when their course has changed."""

    def __init__(self, database: db.Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._current: dict[str, dict[str, str]] = {}
        self._looked: dict[str, float] = {}

    def ids(self, school_id: str) -> list[str]:
        """The courses of a school."""
        self._refresh(school_id)
        return sorted(self._current.get(school_id, ()))

    def of(self, school_id: str, some_id: str) -> Shelf:
        """The shelf of a course id, or of any id below it. Raises CourseNotFound."""
        self._refresh(school_id)
        course_id = some_id.partition(".")[0]
        return self._shelves.get((school_id, course_id)) or self._fill(school_id, course_id)

    def forget(self, school_id: str) -> None:
        """Look again at the next call."""
        self._looked.pop(school_id, None)

    def _refresh(self, school_id: str) -> None:
        if time.monotonic() - self._looked.get(school_id, -STALE_AFTER_S) < STALE_AFTER_S:
            return
        with self._lock:
            self._looked[school_id] = time.monotonic()  # before the query: a load meanwhile asks for another look
            with self._database.read() as conn:
                current = self._current[school_id] = store.hashes(conn, school_id)
            for key, shelf in list(self._shelves.items()):
                if key[0] == school_id and current.get(key[1]) != shelf.content_hash:
                    del self._shelves[key]

    def _fill(self, school_id: str, course_id: str) -> Shelf:
        with self._lock, self._database.read() as conn:
            row = store.course(conn, school_id, course_id)
            if row is None:
                raise interface.CourseNotFound(
                    f'there is no course "{course_id[:80]}"', fix="look at the list of courses"
                )
            shelf = _shelf(row, store.items(conn, school_id, course_id))
            self._shelves[school_id, course_id] = shelf
            return shelf


def _shelf(course: RowMapping, items: Sequence[RowMapping]) -> Shelf:
    by_point: dict[str, list[str]] = {}
    for item in items:
        for point in () if item["retired"] or item["needs_figure"] else item["points"]:
            by_point.setdefault(point, []).append(item["id"])
    whole = interface.Course.model_validate_json(course["body"])
    return Shelf(
        content_hash=course["content_hash"],
        course=whole,
        graph=interface.PointGraph(course_id=whole.id, points=checks.in_order(whole.points)),
        items=course["items"],
        bodies={item["id"]: item["body"] for item in items},
        keys={item["id"]: f"{item['id']}:{item['content_hash']}" for item in items},
        by_point={point: tuple(item_ids) for point, item_ids in by_point.items()},
    )
