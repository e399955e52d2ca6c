"""Write a new schema version from what the tables in code have and the last version has not.

`python -m scripts.revise "what changed"`: migrates a throw-away SQLite file to the newest version, compares, and
writes the file into src/shuyuan/migrations/versions. Read it before you commit it.
"""

import sys
import tempfile
from pathlib import Path

from shuyuan.kernel import db
from shuyuan.migrations import run


def main() -> None:
    """Compare and write."""
    if len(sys.argv) != 2:
        raise SystemExit('usage: python -m scripts.revise "what changed"')
    with tempfile.TemporaryDirectory() as folder:
        database = db.open_database(f"sqlite:///{Path(folder) / 'revise.db'}")
        run.upgrade(database)
        run.revise(database, sys.argv[1])
        database.close()


if __name__ == "__main__":
    main()
