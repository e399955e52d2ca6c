"""Tables of deployments: what is served now, how it came to be so, what was counted, reports from edge bundles."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

MODEL = String(120)

state = Table(
    "deployment_state",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("model", MODEL, nullable=False),
    Column("canary_version", Integer, nullable=True),
    Column("canary_share", Float, nullable=False, default=0.0),
    Column("shadow_version", Integer, nullable=True),
    Column("started", String(ids.LENGTH), nullable=False, default=""),  # of this canary or shadow: counts bear it
    Column("rules", db.Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(400), nullable=False),
    Column("changed_by", String(ids.LENGTH), nullable=False),
    Column("changed_at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "model"),
)

change = Table(
    "deployment_change",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("model", MODEL, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("version", Integer, nullable=True),
    Column("previous", Integer, nullable=True),
    Column("automatic", Boolean, nullable=False),
    Column("reason", String(400), nullable=False),
    Column("verdict", db.Json, nullable=True),
    Column("by", String(ids.LENGTH), nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
)
Index("ix_deployment_change_model", change.c.school_id, change.c.model, change.c.id)

count = Table(
    "deployment_count",
    db.metadata,
    Column("started", String(ids.LENGTH), primary_key=True),
    Column("part", String(16), primary_key=True),
    Column("bucket", BigInteger, primary_key=True),  # of the window, by number since 1970
    Column("owner", String(ids.LENGTH), primary_key=True),  # the process that counted
    db.school_column(),
    Column("version", Integer, nullable=False),
    Column("calls", Integer, nullable=False, default=0),
    Column("errors", Integer, nullable=False, default=0),
    Column("log_sum", Float, nullable=False, default=0.0),
    Column("log_squares", Float, nullable=False, default=0.0),
    Column("compared", Integer, nullable=False, default=0),
    Column("agreed", Integer, nullable=False, default=0),
)

bundle = Table(
    "deployment_bundle",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("model", MODEL, nullable=False),
    Column("version", Integer, nullable=False),
    Column("version_id", String(ids.LENGTH), nullable=False),
    Column("made_by", String(ids.LENGTH), nullable=False),
    Column("made_at", db.UtcDateTime, nullable=False),
)

edge_report = Table(
    "deployment_edge_report",
    db.metadata,
    Column("bundle_id", String(ids.LENGTH), primary_key=True),
    Column("report_id", String(64), primary_key=True),  # chosen by the bundle: sent twice, counted once
    db.school_column(),
    Column("calls", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("began_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=False),
    Column("received_at", db.UtcDateTime, nullable=False),
)
