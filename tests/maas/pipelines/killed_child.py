"""Processes that are killed: `python -m … HOME URL PIPELINE`. Each life is a fork; after a kill the next one goes on.

Prints how many lives it took. Nothing is opened before the fork, so that no life inherits a thread or a connection.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.maas.pipelines import house as houses

from shuyuan.kernel import db
from shuyuan.maas.pipelines import interface

MOST_LIVES = 60
_START = time.monotonic()


def a_sunday() -> datetime:
    """No school, whenever the test runs; time goes on."""
    return datetime(2050, 1, 2, 4, tzinfo=UTC) + timedelta(seconds=time.monotonic() - _START)


def live(home: Path, url: str, pipeline_id: str) -> None:
    """Until the pipeline has ended, or this process."""
    database = db.open_database(url)
    house = houses.build(database, url, home, kills="kill", now=a_sunday)
    house.at_work()
    while house.pipelines.pipeline(house.school, pipeline_id).state not in interface.ENDED:
        house._answer_canary()
        time.sleep(0.02)
    house.close()
    database.close()


def main() -> None:
    """Fork, wait, fork again."""
    home, url, pipeline_id = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    import dbos  # noqa: F401  # once, before the forks: importing takes longer than a life

    for lives in range(1, MOST_LIVES):
        child = os.fork()
        if child == 0:
            live(home, url, pipeline_id)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(lives)
            sys.exit(os.WEXITSTATUS(status))
    sys.exit("too many lives")


if __name__ == "__main__":
    main()
