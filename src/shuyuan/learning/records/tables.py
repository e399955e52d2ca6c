"""Responses. `counted_at` orders the evidence: NULL is a later try, or a test that is still open."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import crypto, db, ids

response = Table(
    "records_response",
    db.metadata,
    db.id_column(),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("learner_id", String(ids.LENGTH), nullable=False),
    Column("attempt_id", String(ids.LENGTH), nullable=False),
    Column("item_id", String(160), nullable=False),
    Column("points", String(1000), nullable=False),  # "|a|b|": one column, no second insert per answer
    Column("seed", Integer, nullable=False),
    Column("answer", crypto.EncryptedText, nullable=False),
    Column("correct", Boolean, nullable=False),
    Column("misconception", String(160), nullable=True),
    Column("hints_used", Integer, nullable=False),
    Column("seconds", Float, nullable=True),
    Column("p_before", Float, nullable=True),
    Column("tracer_version", String(64), nullable=True),
    Column("client_key", String(64), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("withheld", Boolean, nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
    Column("counted_at", db.UtcDateTime, nullable=True),
    UniqueConstraint("attempt_id", "item_id", "client_key"),
)
Index("ix_records_response_of_learner", response.c.learner_id, response.c.at)
Index("ix_records_response_evidence", response.c.school_id, response.c.counted_at)
