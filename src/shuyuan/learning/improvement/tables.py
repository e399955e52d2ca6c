"""One row a turn of the loop; one row a data set that was made from the school's answers."""

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
gathering = Table(  # whose answers are in which data set: when one of them says no, a set without them is made
    "improvement_gathering",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("name", String(80), nullable=False),
    Column("purpose", String(16), nullable=False),  # what each of them agreed to
    Column("learner_ids", db.Json, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("work_id", String(ids.LENGTH), nullable=False),  # of the import, later of the newest erasure
    Column("version", String(120), nullable=False),  # `data:/name/3`, once a work has finished
    Column("leaving", db.Json, nullable=False),  # learners whom the work under way takes out
    Column("created_by", String(ids.LENGTH), nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
)
