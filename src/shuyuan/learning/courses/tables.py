"""Tables of courses. Bodies are JSON as text, not JSONB: the order of params and derivations is meaning."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from shuyuan.kernel import db, ids

COURSE_ID = String(64)
ITEM_ID = String(160)

course = Table(
    "courses_course",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("id", COURSE_ID, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("loaded_by", String(ids.LENGTH), nullable=False),
    Column("loaded_at", db.UtcDateTime, nullable=False),
)
item = Table(
    "courses_item",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("id", ITEM_ID, primary_key=True),
    Column("course_id", COURSE_ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("needs_figure", Boolean, nullable=False),
    Column("retired", Boolean, nullable=False),  # gone from the newest version, kept for its answers
    Column("content_hash", String(64), nullable=False),
    Column("points", db.Json, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_courses_item_school_course", "school_id", "course_id", "position"),
)
