"""Files that people upload, batches of calls over them, and the answered lines of batches under way."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from shuyuan.kernel import crypto, db, ids

file = Table(
    "gateway_file",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("account_id", String(ids.LENGTH), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("filename", crypto.EncryptedText, nullable=False),
    Column("content_key", crypto.EncryptedText, nullable=False),  # destroyed with the row: the content is gone
    Column("size_bytes", Integer, nullable=False),
    Column("endpoint", String(64), nullable=False, default=""),  # of the lines of a batch file
    Column("lines", Integer, nullable=False, default=0),
    Column("offsets", db.Json, nullable=False),  # where every chunk of lines begins
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("expires_at", db.UtcDateTime, nullable=False),
)
Index("ix_gateway_file_owner", file.c.school_id, file.c.account_id, file.c.id)

batch = Table(
    "gateway_batch",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("account_id", String(ids.LENGTH), nullable=False),
    Column("key_id", String(ids.LENGTH), nullable=True),
    Column("role", String(16), nullable=False),
    Column("groups", db.Json, nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("input_file_id", String(ids.LENGTH), nullable=False),
    Column("output_file_id", String(ids.LENGTH), nullable=False),  # chosen at the start: written again it is the same
    Column("error_file_id", String(ids.LENGTH), nullable=False),
    Column("status", String(16), nullable=False),
    Column("total", Integer, nullable=False),
    Column("completed", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("errors", db.Json, nullable=False),
    Column("labels", db.Json, nullable=False),  # the caller's `metadata`
    Column("times", db.Json, nullable=False),  # status → epoch seconds
    Column("paused_until", db.UtcDateTime, nullable=True),
    Column("pause_reason", String(48), nullable=False, default=""),
    Column("workflow_id", String(64), nullable=False, default=""),
    Column("created_at", db.UtcDateTime, nullable=False),
    Column("expires_at", db.UtcDateTime, nullable=False),
)
Index("ix_gateway_batch_owner", batch.c.school_id, batch.c.account_id, batch.c.id)
Index("ix_gateway_batch_status", batch.c.status)

line = Table(
    "gateway_batch_line",
    db.metadata,
    Column("batch_id", String(ids.LENGTH), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("answer", crypto.EncryptedText, nullable=False),  # the line of the output or the error file
)
