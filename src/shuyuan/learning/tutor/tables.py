"""Turns of the tutor, sealed under the learner's key; and signs of harm: ids only, never the words."""

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

concern = Table(
    "tutor_concern",
    db.metadata,
    db.id_column(),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("account_id", String(ids.LENGTH), nullable=False),
    Column("class_id", String(ids.LENGTH), nullable=True),  # None: no pupil of a class
    Column("place", String(8), nullable=False),
    Column("source", String(40), nullable=False, unique=True),  # the turn or the event: told twice, stored once
    Column("turn_id", String(ids.LENGTH), nullable=True),
    Column("key_id", String(ids.LENGTH), nullable=True),
    Column("at", db.UtcDateTime, nullable=False),
    Column("seen_at", db.UtcDateTime, nullable=True),
    Column("seen_by", String(ids.LENGTH), nullable=True),
)
Index("ix_tutor_concern_school", concern.c.school_id, concern.c.at)
