"""Schema versions: one Alembic history for SQLite and PostgreSQL. `run.upgrade` brings a database to the newest."""

from shuyuan.migrations.run import current, upgrade

__all__ = ["current", "upgrade"]
