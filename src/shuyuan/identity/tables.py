"""Tables of identity. Names are sealed per person; logins, tokens, keys and links are kept as hashes only."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from shuyuan.kernel import crypto, db, ids

HASH = String(64)

school = Table(
    "identity_school",
    db.metadata,
    db.id_column(),
    Column("name", String(120), nullable=False),
    Column("demo", Boolean, nullable=False),
    Column("age_line", Integer, nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
)
account = Table(
    "identity_account",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("role", String(16), nullable=False),
    Column("name", crypto.EncryptedText, nullable=False),
    Column("login_hash", HASH, nullable=False, unique=True),
    Column("secret_hash", String(160), nullable=True),
    Column("active", Boolean, nullable=False),
    Column("language", String(2), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
)
session = Table(
    "identity_session",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("account_id", String(ids.LENGTH), nullable=False, index=True),
    Column("token_hash", HASH, nullable=False, unique=True),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("expires_at", db.UtcDateTime, nullable=False),
)
key = Table(
    "identity_key",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("account_id", String(ids.LENGTH), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("prefix", String(12), nullable=False),
    Column("secret_hash", HASH, nullable=False, unique=True),
    Column("scopes", db.Json, nullable=False),
    Column("age_band", String(8), nullable=True),  # None: whatever the owner's role says
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("expires_at", db.UtcDateTime, nullable=True),
    Column("revoked_at", db.UtcDateTime, nullable=True),
    Column("last_used_at", db.UtcDateTime, nullable=True),
)
group_member = Table(
    "identity_group_member",
    db.metadata,
    Column("group_id", String(ids.LENGTH), primary_key=True),
    Column("account_id", String(ids.LENGTH), primary_key=True, index=True),
    db.school_column(),
)
suspension = Table(
    "identity_suspension",
    db.metadata,
    Column("group_id", String(ids.LENGTH), primary_key=True),
    db.school_column(),
    Column("until", db.UtcDateTime, nullable=False),
)
link = Table(
    "identity_link",
    db.metadata,
    db.id_column(),
    db.school_column(),  # empty for the first administrator: there is no school yet
    Column("token_hash", HASH, nullable=False, unique=True),
    Column("purpose", String(32), nullable=False),
    Column("account_id", String(ids.LENGTH), nullable=False),
    Column("expires_at", db.UtcDateTime, nullable=False),
    Column("used_at", db.UtcDateTime, nullable=True),
)
setting = Table(
    "identity_setting",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", db.Json, nullable=False),
    Column("updated_at", db.UtcDateTime, nullable=False),
)
failure = Table(
    "identity_failure",
    db.metadata,
    Column("who", HASH, primary_key=True),  # keyed hash of a login or of a client address
    Column("failures", Integer, nullable=False),
    Column("last_at", db.UtcDateTime, nullable=False),
)
Index("ix_identity_failure_last_at", failure.c.last_at)
