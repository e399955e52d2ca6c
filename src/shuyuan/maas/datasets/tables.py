"""Tables of data sets: versions, which never change until they are purged; works; and what was made with a version."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, UniqueConstraint, text

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
    Column("basis", String(400), nullable=False, server_default=text("''")),
    Column("personal", Boolean, nullable=False),
    Column("parent_id", String(ids.LENGTH), nullable=True, index=True),
    Column("source", String(400), nullable=False),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("purged_at", db.UtcDateTime, nullable=True),  # from then on the row is a tombstone
    Column("purged_by", String(ids.LENGTH), nullable=True),
    Column("purged_why", String(400), nullable=True),
    UniqueConstraint("school_id", "name", "number"),
)
part = Table(  # which versions hold a file: one row a part, none for a tombstone
    "datasets_part",
    db.metadata,
    Column("version_id", String(ids.LENGTH), primary_key=True),
    Column("part", String(16), primary_key=True),
    db.school_column(),
    Column("sha256", String(64), nullable=False, index=True),
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
    Column("home_id", String(64), nullable=False, server_default=text("''")),  # whose server does it; empty: any
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=True),
)
