"""Runs and searches. What a run makes lies in the artefact store; here are its addresses."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

run = Table(
    "training_run",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("number", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Column("task", String(64), nullable=False),
    Column("data", String(200), nullable=False),
    Column("data_sha256", String(64), nullable=False),
    Column("config", db.Json, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("processes", Integer, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("code_version", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("wanted", String(16), nullable=False, default=""),
    Column("waits_for", String(16), nullable=False, default=""),
    Column("stage", String(32), nullable=False, default=""),
    Column("step", Integer, nullable=False, default=0),
    Column("steps", Integer, nullable=False, default=0),
    Column("epoch", Integer, nullable=False, default=0),
    Column("figures", db.Json, nullable=False),
    Column("artefacts", db.Json, nullable=False),
    Column("weights_sha256", String(64), nullable=False, default=""),
    Column("versions", db.Json, nullable=False),
    Column("error", db.Json, nullable=False),  # {} without one
    Column("crashes", Integer, nullable=False, default=0),
    Column("stuck", Integer, nullable=False, default=0),  # crashes since the newest checkpoint
    Column("parent", String(200), nullable=True),  # `models:/name/3` or `runs:/id`: never moves
    Column("parent_version_id", String(ids.LENGTH), nullable=True),
    Column("weights_of", String(ids.LENGTH), nullable=True),  # the run whose weights it begins with
    Column("search_id", String(ids.LENGTH), nullable=True),
    Column("trial", Integer, nullable=True),
    Column("registered", db.Json, nullable=False),  # uri → id of the version
    Column("key", String(120), nullable=True),
    Column("home_id", String(64), nullable=False),  # which installation has its folder
    Column("pid", Integer, nullable=True),
    Column("pid_began", String(64), nullable=False, default=""),
    Column("mirrored", Boolean, nullable=False, default=False),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("started_at", db.UtcDateTime, nullable=True),
    Column("ended_at", db.UtcDateTime, nullable=True),
    Column("cpu_s", Float, nullable=False, default=0.0),
    Column("peak_rss_bytes", BigInteger, nullable=False, default=0),
    UniqueConstraint("school_id", "number"),
    UniqueConstraint("school_id", "key"),
)
Index("ix_training_run_state", run.c.state)
Index("ix_training_run_search", run.c.search_id)

search = Table(
    "training_search",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("number", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Column("new_run", db.Json, nullable=False),
    Column("space", db.Json, nullable=False),
    Column("metric", String(64), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("trials", Integer, nullable=False),
    Column("refused", db.Json, nullable=False),  # trials whose values the task does not take together
    Column("state", String(16), nullable=False),
    Column("error", db.Json, nullable=False),
    Column("tries", Integer, nullable=False, default=0),  # of its child since it last answered
    Column("home_id", String(64), nullable=False),
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=True),
    UniqueConstraint("school_id", "number"),
)
Index("ix_training_search_state", search.c.state)
