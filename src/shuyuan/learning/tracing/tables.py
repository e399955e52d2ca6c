"""States of learners on points, and the version each school has adopted."""

from sqlalchemy import Column, Float, LargeBinary, String, Table

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
)
