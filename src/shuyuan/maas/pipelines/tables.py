"""Tables of pipelines: one row a pipeline, one a step with its output, and schedules."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, UniqueConstraint, false

from shuyuan.kernel import db, ids

job = Table(
    "pipelines_job",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("number", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Column("model", String(120), nullable=False),
    Column("spec", db.Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(400), nullable=False, default=""),
    Column("cancelling", Boolean, nullable=False, default=False),
    Column("workflow_id", String(64), nullable=False, default=""),
    Column("schedule_id", String(ids.LENGTH), nullable=True),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=True),
    UniqueConstraint("school_id", "number"),
)
Index("ix_pipelines_job_state", job.c.state)

step = Table(
    "pipelines_step",
    db.metadata,
    Column("pipeline_id", String(ids.LENGTH), primary_key=True),
    Column("position", Integer, primary_key=True),
    db.school_column(),
    Column("name", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("output", db.Json, nullable=False),
    Column("error", db.Json, nullable=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("started_at", db.UtcDateTime, nullable=True),
    Column("ended_at", db.UtcDateTime, nullable=True),
)

schedule = Table(
    "pipelines_schedule",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("spec", db.Json, nullable=False),
    Column("every", String(16), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("paused", Boolean, nullable=False, default=False, server_default=false()),
    Column("last", String(200), nullable=False, default=""),
    Column("last_pipeline", String(ids.LENGTH), nullable=True),
    Column("error", String(400), nullable=False, default=""),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
)
