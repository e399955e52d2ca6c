"""One row a compression: what was asked, how far it is, what came of it."""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, UniqueConstraint, text

from shuyuan.kernel import db, ids

REFERENCE = String(200)

compression = Table(
    "compression_compression",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("number", Integer, nullable=False),
    Column("method", String(40), nullable=False),
    Column("config", db.Json, nullable=False),
    Column("parent_id", String(ids.LENGTH), nullable=False),
    Column("parent", REFERENCE, nullable=False, index=True),
    Column("data", REFERENCE, nullable=True),
    Column("data_sha256", String(64), nullable=True),
    Column("seed", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("child_id", String(ids.LENGTH), nullable=True),
    Column("child", REFERENCE, nullable=True),
    Column("result", db.Json, nullable=False),  # table, notes, layers
    Column("error", db.Json, nullable=True),
    Column("worker", BigInteger, nullable=True),  # process that works on it: one that is gone left it behind
    Column("home_id", String(64), nullable=False, server_default=text("''")),  # whose server does it; empty: any
    Column("seconds", Float, nullable=False),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("started_at", db.UtcDateTime, nullable=True),
    Column("ended_at", db.UtcDateTime, nullable=True),
    UniqueConstraint("school_id", "number"),
)
