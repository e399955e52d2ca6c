"""Bring a database to the newest schema, from inside the process: no alembic.ini to find."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from shuyuan import compose
from shuyuan.kernel import db

_HERE = Path(__file__).parent


def upgrade(database: db.Database) -> None:
    """Create or migrate every table, in one transaction. Idempotent."""
    compose.load_tables()
    with database.engine.connect().execution_options(immediate=True) as conn, conn.begin():
        command.upgrade(_config(conn), "head")


def current(database: db.Database) -> str | None:
    """The schema version the database is at; None: empty."""
    with database.read() as conn:
        return MigrationContext.configure(conn).get_current_revision()


def revise(database: db.Database, message: str) -> None:
    """Write a new version file from the difference between the tables in code and `database`. For developers."""
    compose.load_tables()
    with database.engine.connect().execution_options(immediate=True) as conn, conn.begin():
        number = len(list((_HERE / "versions").glob("[0-9]*.py"))) + 1
        command.revision(_config(conn), message, autogenerate=True, rev_id=f"{number:04d}")


def _config(conn: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = conn
    return config
