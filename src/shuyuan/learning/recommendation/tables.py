"""What recommendation derives: what is foretold (sealed per person), what activities and courses brought (pooled)."""

from sqlalchemy import Column, Float, Integer, String, Table

from shuyuan.kernel import crypto, db, ids

outlook = Table(
    "recommendation_outlook",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    db.school_column(),
    Column("foretold", crypto.EncryptedText, nullable=False),
    Column("made_at", db.UtcDateTime, nullable=False),
    Column("expires_at", db.UtcDateTime, nullable=False),
    Column("dismissed_at", db.UtcDateTime, nullable=True),
    Column("dismissed_by", String(ids.LENGTH), nullable=True),
)
gains = Table(  # pooled over learners who agreed; holds no row of any of them
    "recommendation_gains",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("inverse", db.Json, nullable=False),
    Column("weighted", db.Json, nullable=False),
    Column("tried", Integer, nullable=False),
    Column("learners", Integer, nullable=False),
    Column("made_at", db.UtcDateTime, nullable=False),
)
course_gains = Table(  # pooled too, and only where enough learners stand behind a course
    "recommendation_course_gains",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("course_id", String(120), primary_key=True),
    Column("gain", Float, nullable=False),
    Column("tried", Integer, nullable=False),
    Column("learners", Integer, nullable=False),
    Column("made_at", db.UtcDateTime, nullable=False),
)
