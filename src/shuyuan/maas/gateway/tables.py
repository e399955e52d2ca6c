"""Quotas and the ledger of calls."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, UniqueConstraint

from shuyuan.kernel import db, ids

_TOKENS = BigInteger().with_variant(Integer(), "sqlite")  # whose every integer has 64 bits

quota = Table(
    "gateway_quota",
    db.metadata,
    db.id_column(),
    db.school_column(),
    Column("scope", String(8), nullable=False),
    Column("scope_id", String(64), nullable=False),
    Column("period", String(8), nullable=False),
    Column("window_start", db.UtcDateTime, nullable=False),
    Column("window_end", db.UtcDateTime, nullable=True),  # of a term; day and month end by themselves
    Column("tokens_limit", _TOKENS, nullable=True),
    Column("tokens_used", _TOKENS, nullable=False, default=0),
    Column("tokens_reserved", _TOKENS, nullable=False, default=0),
    Column("requests_limit", Integer, nullable=True),
    Column("requests_used", Integer, nullable=False, default=0),
    Column("streams_limit", Integer, nullable=True),
    Column("streams_held", Integer, nullable=False, default=0, server_default="0"),
    UniqueConstraint("school_id", "scope", "scope_id"),
)

ledger = Table(
    "gateway_ledger",
    db.metadata,
    db.id_column(),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("account_id", String(ids.LENGTH), nullable=False),
    Column("key_id", String(ids.LENGTH), nullable=True),
    Column("model", String(128), nullable=False),
    Column("version", String(160), nullable=False),
    Column("endpoint", String(32), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("tokens_reserved", _TOKENS, nullable=False),
    Column("prompt_tokens", _TOKENS, nullable=False, default=0),
    Column("completion_tokens", _TOKENS, nullable=False, default=0),
    Column("status", String(8), nullable=False),
    Column("outcome", String(48), nullable=False, default=""),
    Column("overhead_ms", Float, nullable=False, default=0.0),
    Column("cost_micros", BigInteger, nullable=False, default=0, server_default="0"),  # millionths of the currency
    Column("charged", db.Json, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("started_at", db.UtcDateTime, nullable=False),
    Column("finished_at", db.UtcDateTime, nullable=True),
)
Index("ix_gateway_ledger_school_account", ledger.c.school_id, ledger.c.account_id, ledger.c.id)
Index("ix_gateway_ledger_school", ledger.c.school_id, ledger.c.id)
Index(
    "ix_gateway_ledger_open",
    ledger.c.id,
    postgresql_where=ledger.c.status == "reserved",
    sqlite_where=ledger.c.status == "reserved",
)
