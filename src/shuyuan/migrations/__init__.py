"""Schema versions, one history for SQLite and PostgreSQL."""

from shuyuan.migrations.run import current, upgrade

__all__ = ["current", "upgrade"]
