"""Every query on courses, each scoped to a school."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.engine import RowMapping

from shuyuan.learning.courses import interface, tables


def content_hash(content: BaseModel) -> str:
    """Equal content, equal hash: over the JSON in which it is stored."""
    return hashlib.sha256(content.model_dump_json(by_alias=True).encode()).hexdigest()


def hashes(conn: Connection, school_id: str) -> dict[str, str]:
    """Course id → content hash, for the whole school: what tells a cache that it is stale."""
    query = select(tables.course.c.id, tables.course.c.content_hash).where(tables.course.c.school_id == school_id)
    return {row.id: row.content_hash for row in conn.execute(query)}


def course(conn: Connection, school_id: str, course_id: str) -> RowMapping | None:
    query = select(tables.course).where(tables.course.c.school_id == school_id, tables.course.c.id == course_id)
    return conn.execute(query).mappings().one_or_none()


def items(conn: Connection, school_id: str, course_id: str) -> Sequence[RowMapping]:
    """Items of a course in its order, retired ones too."""
    query = select(
        tables.item.c.id,
        tables.item.c.body,
        tables.item.c.content_hash,
        tables.item.c.retired,
        tables.item.c.needs_figure,
        tables.item.c.points,
    ).where(tables.item.c.school_id == school_id, tables.item.c.course_id == course_id)
    return conn.execute(query.order_by(tables.item.c.position)).mappings().all()


def save(conn: Connection, school_id: str, content: interface.Content, *, by: str, at: datetime) -> None:
    """Put a course and its items in place of what was there; items that are gone are retired, not deleted."""
    values = {
        "version": content.course.version,
        "content_hash": content_hash(content),
        "body": content.course.model_dump_json(by_alias=True),
        "items": len(content.items),
        "loaded_by": by,
        "loaded_at": at,
    }
    row = tables.course
    mine = (row.c.school_id == school_id, row.c.id == content.course.id)
    if not conn.execute(update(row).where(*mine).values(**values)).rowcount:
        conn.execute(row.insert().values(school_id=school_id, id=content.course.id, **values))
    _save_items(conn, school_id, content)


def _save_items(conn: Connection, school_id: str, content: interface.Content) -> None:
    row = tables.item
    mine = (row.c.school_id == school_id, row.c.course_id == content.course.id)
    known = set(conn.scalars(select(row.c.id).where(*mine)))
    conn.execute(update(row).where(*mine).values(retired=True))
    values = [_item_values(school_id, content.course.id, position, item) for position, item in enumerate(content.items)]
    fresh = [value for value in values if value["id"] not in known]
    if fresh:
        conn.execute(row.insert(), fresh)
    changed = [{f"_{name}": part for name, part in value.items()} for value in values if value["id"] in known]
    if changed:
        fields = ("position", "kind", "needs_figure", "retired", "content_hash", "points", "body")
        mine = (row.c.school_id == bindparam("_school_id"), row.c.id == bindparam("_id"))
        conn.execute(
            update(row).where(*mine).values({name: bindparam(f"_{name}", type_=row.c[name].type) for name in fields}),
            changed,
        )


def _item_values(school_id: str, course_id: str, position: int, item: interface.Item) -> dict[str, object]:
    return {
        "school_id": school_id,
        "id": item.id,
        "course_id": course_id,
        "position": position,
        "kind": item.kind,
        "needs_figure": item.needs_figure,
        "retired": False,
        "content_hash": content_hash(item),
        "points": list(item.points),
        "body": item.model_dump_json(by_alias=True),
    }
