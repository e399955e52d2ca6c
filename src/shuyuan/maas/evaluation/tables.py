"""Tables of evaluation. Reports and readings are only ever added; each change of a gate is a row of its own."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint, false, text

from shuyuan.kernel import db, ids

REFERENCE = String(200)

report = Table(
    "evaluation_report",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("subject", REFERENCE, nullable=False, index=True),
    Column("data", REFERENCE, nullable=False, index=True),
    Column("data_sha256", String(64), nullable=False),
    Column("part", String(16), nullable=False),
    Column("task", String(64), nullable=False),
    Column("family", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("wanted", db.Json, nullable=False),  # the NewReport it was asked with; begun again after a crash
    Column("error", db.Json, nullable=True),
    Column("figures", db.Json, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("test_readings", Integer, nullable=False),
    Column("report_sha256", String(64), nullable=False),
    Column("html_sha256", db.Json, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("home_id", String(64), nullable=False, server_default=text("''")),  # whose server makes it; empty: any
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
)
reading = Table(
    "evaluation_reading",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("subject", REFERENCE, nullable=False),
    Column("data", REFERENCE, nullable=False),
    Column("data_sha256", String(64), nullable=False, index=True),  # of the test part: a renamed copy is the same part
    Column("rows", Integer, nullable=False),
    Column("report_id", String(ids.LENGTH), nullable=True),
    Column("read_by", String(ids.LENGTH), nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
)
gate = Table(
    "evaluation_gate",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("name", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("conditions", db.Json, nullable=False),
    Column("part", String(16), nullable=True),
    Column("reason", String(400), nullable=False, default="", server_default=text("''")),
    Column("removed", Boolean, nullable=False, default=False, server_default=false()),  # this change took it away
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    UniqueConstraint("school_id", "name", "number"),
)
verdict = Table(
    "evaluation_verdict",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("gate", String(64), nullable=False),
    Column("gate_number", Integer, nullable=False),
    Column("report_id", String(ids.LENGTH), nullable=False, index=True),
    Column("subject", REFERENCE, nullable=False),
    Column("champion_report_id", String(ids.LENGTH), nullable=True),
    Column("passed", Boolean, nullable=False),
    Column("lines", db.Json, nullable=False),
    Column("judged_by", String(ids.LENGTH), nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
)
refit = Table(
    "evaluation_refit",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("number", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # folds, or shuffled: one fit with shuffled labels
    Column("task", String(64), nullable=False),
    Column("data", REFERENCE, nullable=False),
    Column("config", db.Json, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("k", Integer, nullable=False),
    Column("by", String(16), nullable=False),
    Column("parts", db.Json, nullable=False),
    Column("groups", db.Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("runs", db.Json, nullable=False),  # ids, by fold
    Column("folds", db.Json, nullable=False),  # figure → its value in each fold
    Column("retrained", db.Json, nullable=True),
    Column("of_report", String(ids.LENGTH), nullable=True, index=True),
    Column("report_id", String(ids.LENGTH), nullable=True),
    Column("error", db.Json, nullable=True),
    Column("home_id", String(64), nullable=False),  # which installation has its files
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=True),
    UniqueConstraint("school_id", "number"),
)
Index("ix_evaluation_refit_state", refit.c.state)
