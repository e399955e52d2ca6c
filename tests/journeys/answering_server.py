"""A server that takes answers, for the tests to kill: `python answering_server.py HOME DATABASE_URL SYNCHRONOUS`."""

import sys
from pathlib import Path

from shuyuan.compose import Platform
from shuyuan.entrypoints import server
from shuyuan.kernel import db
from shuyuan.kernel.settings import Settings

MODULES = ("identity", "people", "courses", "tracing", "assessment")


def main(home: str, database_url: str, synchronous: str) -> None:
    """Serve until killed; the first line on stdout is the address."""
    settings = Settings(home=Path(home), database_url=database_url, starter="none", port=0)
    database = db.open_database(database_url, synchronous=synchronous)
    server.serve(Platform(settings, db=database), lambda base_url: print(base_url, flush=True), MODULES)


if __name__ == "__main__":
    main(*sys.argv[1:])
