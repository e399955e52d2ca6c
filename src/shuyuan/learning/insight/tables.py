"""The early warning of a school: its model, which holds no row of anybody, and what teachers dismissed."""

from sqlalchemy import Column, String, Table

from shuyuan.kernel import db, ids

model = Table(
    "insight_model",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("model", db.Json, nullable=False),  # {}: too little evidence, or not good enough
    Column("trust", db.Json, nullable=False),  # {}: too little evidence
    Column("evidence", db.Json, nullable=False),
    Column("made_at", db.UtcDateTime, nullable=False),
)
dismissal = Table(
    "insight_dismissal",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    Column("course_id", String(64), primary_key=True),
    db.school_column(),
    Column("until", db.UtcDateTime, nullable=False),
    Column("by", String(ids.LENGTH), nullable=False),
)
