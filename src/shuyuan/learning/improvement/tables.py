"""Versions of the loop and the answers kept with them; the last look at the one in use; data sets made from answers."""

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
    Column("kind", String(16), nullable=True),  # None: from before there were two, `online`
    Column("reference", db.Json, nullable=True),  # what it was fitted and judged on, for `watching`
    Column("canary", db.Json, nullable=True),  # what became of its trial beside the version in use
    UniqueConstraint("school_id", "number"),
)
watch = Table(  # the last look at the version in use
    "improvement_watch",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("version", String(160), nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("learners", Integer, nullable=False),
    Column("since", db.UtcDateTime, nullable=True),  # the oldest answer of the window; None: there was none
    Column("conditions", db.Json, nullable=False),  # none below the minimum evidence
)
alarm = Table(  # told once a version: a figure that goes on being past its limit is no second alarm
    "improvement_alarm",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("version", String(160), nullable=False),
    Column("name", String(40), nullable=False),
    Column("figure", Float, nullable=False),  # as they were when it was raised
    Column("limit", Float, nullable=False),
    Column("comparison", String(2), nullable=False),
    Column("answers", Integer, nullable=False),
    Column("raised_at", db.UtcDateTime, nullable=False),
    Column("ended_at", db.UtcDateTime, nullable=True),  # the figure kept its limit again, or another version serves
    Column("seen_at", db.UtcDateTime, nullable=True),
    Column("seen_by", String(ids.LENGTH), nullable=True),
    UniqueConstraint("school_id", "version", "name"),
)
kept = Table(  # answers that versions were fitted on, by the address they are stored under
    "improvement_kept",
    db.metadata,
    Column("school_id", String(ids.LENGTH), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("persons", db.Json, nullable=True),  # pseudonyms; None: stored before they were noted
    Column("kept_at", db.UtcDateTime, nullable=False),
    Column("deleted_at", db.UtcDateTime, nullable=True),  # somebody in them no longer agreed
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
