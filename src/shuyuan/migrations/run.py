"""Bring a database to the newest schema."""

from shuyuan import compose
from shuyuan.kernel import db


def upgrade(database: db.Database) -> None:
    """Create or migrate every table. Idempotent."""
    compose.load_tables()
    db.metadata.create_all(database.engine)


def current(database: db.Database) -> str | None:
    """The schema version the database is at."""
    return None
