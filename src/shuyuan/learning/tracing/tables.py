"""States of learners on points, the version each school has adopted, and the one that is tried beside it."""

from sqlalchemy import Boolean, Column, Float, Index, LargeBinary, String, Table

from shuyuan.kernel import db, ids

state = Table(
    "tracing_state",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    Column("point_id", String(160), primary_key=True),  # "" is the learner in general
    db.school_column(),
    Column("mean", Float, nullable=False),
    Column("variance", Float, nullable=False),
    Column("wins", Float, nullable=False),
    Column("losses", Float, nullable=False),
    Column("form", Float, nullable=False),  # in general: average surprise; on a point: share right of the last answers
    Column("last_at_s", Float, nullable=False),  # POSIX seconds, UTC, as the tracer counts
    Column("stability_days", Float, nullable=True),  # of memory; None in general, and on points until rebuilt
    Column("difficulty", Float, nullable=True),
)
adopted = Table(
    "tracing_adopted",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("arrays", LargeBinary, nullable=False),  # safetensors
    Column("adopted_at", db.UtcDateTime, nullable=False),
    Column("rebuilt_at", db.UtcDateTime, nullable=True),  # None: states are still those of the version before
    Column("sha256", String(64), nullable=True),  # of `arrays`; None: adopted before this was noted
)
memory = Table(  # what a net in use, and a version that is tried, remember of a learner: a few rows of bytes an answer
    "tracing_memory",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("key", String(170), primary_key=True),  # as `serving.keys` names them
    db.school_column(),
    Column("numbers", LargeBinary, nullable=False),
)
canary = Table(
    "tracing_canary",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("arrays", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("learner_ids", db.Json, nullable=False),  # whose answers both versions foretell
    Column("begun_at", db.UtcDateTime, nullable=False),
)
foretold = Table(  # what both said before one answer; goes with the canary
    "tracing_foretold",
    db.metadata,
    db.id_column(),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("version", String(64), nullable=False),
    Column("learner_id", String(ids.LENGTH), nullable=False),
    Column("correct", Boolean, nullable=False),
    Column("p_in_use", Float, nullable=False),
    Column("p_tried", Float, nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
)
Index("ix_tracing_foretold_of_version", foretold.c.school_id, foretold.c.version)
