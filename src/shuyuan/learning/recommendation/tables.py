"""What recommendation derives: the model of a school, what it foretold (sealed per person), what activities brought."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from shuyuan.kernel import crypto, db, ids

model = Table(
    "recommendation_model",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("arrays", LargeBinary, nullable=False),  # safetensors of an Outlook
    Column("learners", Integer, nullable=False),
    Column("figures", db.Json, nullable=False),
    Column("made_at", db.UtcDateTime, nullable=False),
)
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
