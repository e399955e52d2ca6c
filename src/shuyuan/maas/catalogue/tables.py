"""Tables of the catalogue: versions never change until they are deleted, alias moves are only ever added."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

NAME = String(120)

version = Table(
    "catalogue_version",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("model", NAME, nullable=False),
    Column("number", Integer, nullable=False),
    Column("runner", String(32), nullable=False),
    Column("artefact_sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("tasks", db.Json, nullable=False),
    Column("context_tokens", Integer, nullable=False),
    Column("figures", db.Json, nullable=False),
    Column("lineage", db.Json, nullable=False),
    Column("spec", db.Json, nullable=False, server_default="{}"),
    Column("card", db.Json, nullable=False),
    Column("parent_id", String(ids.LENGTH), nullable=True),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("deleted_at", db.UtcDateTime, nullable=True),  # from then on only its number and its moves are remembered
    Column("deleted_by", String(ids.LENGTH), nullable=True),
    Column("deleted_why", String(400), nullable=True),
    UniqueConstraint("school_id", "model", "number"),
)
alias_move = Table(
    "catalogue_alias_move",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("model", NAME, nullable=False),
    Column("alias", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("version_id", String(ids.LENGTH), nullable=False),  # empty: taken off
    Column("previous_id", String(ids.LENGTH), nullable=True),
    Column("reason", String(400), nullable=False),
    Column("moved_by", String(ids.LENGTH), nullable=False),
    Column("moved_at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "model", "alias", "number"),
)
