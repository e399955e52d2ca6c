"""One row a turn of the loop."""

from sqlalchemy import Column, Float, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

version = Table(
    "improvement_version",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("number", Integer, nullable=False),
    Column("version", String(160), nullable=False),
    Column("state", String(16), nullable=False),
    Column("answers", Integer, nullable=False),
    Column("learners", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("seen", Integer, nullable=False),  # answers the school had then, whoever gave them
    Column("data_sha256", String(64), nullable=False),
    Column("weights_sha256", String(64), nullable=False),
    Column("parent", String(160), nullable=False),
    Column("figures", db.Json, nullable=False),
    Column("conditions", db.Json, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("by", String(ids.LENGTH), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "number"),
)
