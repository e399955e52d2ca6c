"""Attempts and their slots, assignments and what each learner got, papers; item numbers, adaptive tests and seats."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint

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
    Column("adaptive_id", _ID, nullable=True),  # of the adaptive test it sits: its slots grow one by one
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

number = Table(  # what the answers of a school say of each question; a question without a row keeps its author's word
    "assessment_number",
    db.metadata,
    Column("school_id", _ID, primary_key=True),
    Column("item_id", String(160), primary_key=True),
    Column("course_id", String(64), nullable=False),
    Column("a", Float, nullable=False),
    Column("b", Float, nullable=False),
    Column("c", Float, nullable=False),
    Column("error_a", Float, nullable=False),
    Column("error_b", Float, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("fitted", Boolean, nullable=False),  # False: too few answers, the author's word
    Column("infit", Float, nullable=True),
    Column("outfit", Float, nullable=True),
    Column("rest", Float, nullable=True),  # correlation with what the same learners got right elsewhere
)

calibration = Table(
    "assessment_calibration",
    db.metadata,
    Column("school_id", _ID, primary_key=True),
    Column("course_id", String(64), primary_key=True),
    Column("at", db.UtcDateTime, nullable=False),
    Column("seen", Integer, nullable=False),  # answers the school had then, whoever gave them
    Column("learners", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("items", Integer, nullable=False),
    Column("fitted", Integer, nullable=False),
)

adaptive = Table(
    "assessment_adaptive",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("class_id", _ID, nullable=False, index=True),
    Column("teacher_id", _ID, nullable=False),
    Column("course_id", String(64), nullable=False),
    Column("point_ids", db.Json, nullable=False),
    Column("least", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("each", Integer, nullable=False),  # questions of each point at least
    Column("error", Float, nullable=True),  # standard error that is enough; None: always `most` questions
    Column("bank", db.Json, nullable=False),  # [[item id, a, b, c, place of its point], …] as it was when set
    Column("due_at", db.UtcDateTime, nullable=True),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("undone_at", db.UtcDateTime, nullable=True),
)

seat = Table(
    "assessment_seat",
    db.metadata,
    Column("adaptive_id", _ID, primary_key=True),
    Column("learner_id", _ID, primary_key=True, index=True),
    db.school_column(),
    Column("attempt_id", _ID, nullable=True),
    Column("seed", Integer, nullable=False),
    Column("exposure", db.Json, nullable=True),  # [sittings, [given, …]] over the bank when the sitting began
    Column("ended", String(16), nullable=True),  # why the test ended by itself
)

exposure = Table(  # how often a question could have been given in adaptive tests of a school, and was
    "assessment_exposure",
    db.metadata,
    Column("school_id", _ID, primary_key=True),
    Column("item_id", String(160), primary_key=True),
    Column("offered", Integer, nullable=False),
    Column("given", Integer, nullable=False),
)
