"""Turns of the tutor. What was asked and answered is sealed under the learner's key."""

from sqlalchemy import Column, Index, Integer, String, Table

from shuyuan.kernel import crypto, db, ids

turn = Table(
    "tutor_turn",
    db.metadata,
    db.id_column(),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("learner_id", String(ids.LENGTH), nullable=False),
    Column("attempt_id", String(ids.LENGTH), nullable=False),
    Column("item_id", String(160), nullable=False),
    Column("language", String(2), nullable=False),
    Column("message", crypto.EncryptedText, nullable=False),
    Column("answer", crypto.EncryptedText, nullable=True),
    Column("sources", db.Json, nullable=False),
    Column("hint_number", Integer, nullable=True),
    Column("replaced", Integer, nullable=False, default=0),
    Column("model", String(160), nullable=False, default=""),
    Column("outcome", String(12), nullable=False, default="left"),
    Column("asked_at", db.UtcDateTime, nullable=False),
    Column("answered_at", db.UtcDateTime, nullable=True),
)
Index("ix_tutor_turn_learner", turn.c.school_id, turn.c.learner_id, turn.c.id)
