"""Attempts and their slots, assignments and what each learner got, papers."""

from sqlalchemy import Column, Index, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

_ID = String(ids.LENGTH)

attempt = Table(
    "assessment_attempt",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("learner_id", _ID, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("course_id", String(64), nullable=False),
    Column("point_id", String(160), nullable=True),
    Column("assignment_id", _ID, nullable=True),
    Column("started_at", db.UtcDateTime, nullable=False),
    Column("closed_at", db.UtcDateTime, nullable=True),
)
Index("ix_assessment_attempt_of_learner", attempt.c.learner_id, attempt.c.closed_at)

slot = Table(
    "assessment_slot",
    db.metadata,
    Column("attempt_id", _ID, primary_key=True),
    Column("item_id", String(160), primary_key=True),
    db.school_column(),
    Column("position", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("state", String(8), nullable=False),  # open, right, wrong; stays open in an open test
    Column("tries", Integer, nullable=False),
    Column("hints_used", Integer, nullable=False),
)

assignment = Table(
    "assessment_assignment",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("class_id", _ID, nullable=False, index=True),
    Column("teacher_id", _ID, nullable=False),
    Column("course_id", String(64), nullable=False),
    Column("point_id", String(160), nullable=False),
    Column("due_at", db.UtcDateTime, nullable=True),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("undone_at", db.UtcDateTime, nullable=True),
)

assigned = Table(
    "assessment_assigned",
    db.metadata,
    Column("assignment_id", _ID, primary_key=True),
    Column("learner_id", _ID, primary_key=True, index=True),
    db.school_column(),
    Column("item_ids", db.Json, nullable=False),
    Column("attempt_id", _ID, nullable=True),
)

paper = Table(
    "assessment_paper",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("class_id", _ID, nullable=False),
    Column("learner_id", _ID, nullable=False, index=True),
    Column("teacher_id", _ID, nullable=False),
    Column("course_id", String(64), nullable=False),
    Column("point_id", String(160), nullable=False),
    Column("code", String(16), nullable=False),
    Column("questions", db.Json, nullable=False),  # [[item id, seed], …] in printed order
    Column("created_at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "code"),
)
