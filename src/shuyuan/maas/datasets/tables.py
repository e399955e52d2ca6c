"""Tables of data sets: versions never change; works come and go; uses say what was made with a version."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

version = Table(
    "datasets_version",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("name", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("columns", db.Json, nullable=False),
    Column("parts", db.Json, nullable=False),
    Column("plan", db.Json, nullable=False),
    Column("findings", db.Json, nullable=False),
    Column("preview", db.Json, nullable=False),
    Column("purpose", String(400), nullable=False),
    Column("consent", Boolean, nullable=False),
    Column("personal", Boolean, nullable=False),
    Column("parent_id", String(ids.LENGTH), nullable=True, index=True),
    Column("source", String(400), nullable=False),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "name", "number"),
)
use = Table(
    "datasets_use",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("version_id", String(ids.LENGTH), nullable=False),
    Column("by", String(200), nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
    UniqueConstraint("version_id", "by"),
)
work = Table(
    "datasets_work",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("name", String(80), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("job", db.Json, nullable=False),
    Column("version", String(120), nullable=False),
    Column("error", db.Json, nullable=True),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=True),
)
