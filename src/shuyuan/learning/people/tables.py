"""Tables of people. A learner's id is the account id; names and student numbers are sealed per person."""

from sqlalchemy import Boolean, Column, String, Table, UniqueConstraint

from shuyuan.kernel import crypto, db, ids

class_ = Table(
    "people_class",
    db.metadata,
    db.id_column(),  # also the identity group
    db.school_column(),
    Column("name", String(80), nullable=False),
    Column("code", String(8), nullable=False, unique=True),
    Column("course_ids", db.Json, nullable=False),
    Column("tutor_on", Boolean, nullable=True),  # None: nobody decided, the age line does
    Column("created_at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "name"),
)
teaching = Table(
    "people_teaching",
    db.metadata,
    Column("class_id", String(ids.LENGTH), primary_key=True),
    Column("account_id", String(ids.LENGTH), primary_key=True, index=True),
    db.school_column(),
)
learner = Table(
    "people_learner",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("class_id", String(ids.LENGTH), nullable=False),
    Column("number", crypto.EncryptedText, nullable=False),
    Column("number_hash", String(64), nullable=False),
    Column("name", crypto.EncryptedText, nullable=False),
    Column("age_band", String(16), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("erased_at", db.UtcDateTime, nullable=True),
    UniqueConstraint("class_id", "number_hash"),
)
consent = Table(
    "people_consent",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    Column("purpose", String(16), primary_key=True),
    db.school_column(),
    Column("given_at", db.UtcDateTime, nullable=False),
    Column("given_by", String(ids.LENGTH), nullable=False),
)
profile = Table(
    "people_profile",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    db.school_column(),
    Column("stated", crypto.EncryptedText, nullable=False),
    Column("changed_at", db.UtcDateTime, nullable=False),
)
profile_consent = Table(
    "people_profile_consent",
    db.metadata,
    Column("learner_id", String(ids.LENGTH), primary_key=True),
    Column("purpose", String(16), primary_key=True),
    db.school_column(),
    Column("given_at", db.UtcDateTime, nullable=False),
    Column("given_by", String(ids.LENGTH), nullable=False),
)
