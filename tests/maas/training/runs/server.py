"""A server process of a crash test: `python -m … HOME DATABASE_URL SCHOOL FOLDER [options of the child]`.

Supervises until its standard input closes, then closes as a server does; or it is killed.
"""

import importlib.util
import sys
from pathlib import Path

from tests.maas.training.runs import rooms

from shuyuan.compose import Platform
from shuyuan.kernel import log
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import extras
from shuyuan.maas.training import supervision


def main() -> None:
    """Supervise."""
    log.configure("WARNING")
    home, url, school_id, folder, *options = sys.argv[1:]
    platform = Platform(Settings(home=Path(home), database_url=url, starter="none", port=0))
    supervision.LOOK_EVERY_S = 0.05
    if importlib.util.find_spec("torch") is None:  # the child that stands in needs none
        setattr(extras, "missing", lambda _kind: "")  # noqa: B010
    training = rooms.training_on(platform, rooms.Sets(Path(folder), school_id), *options)
    training.open()
    print("ready", flush=True)
    sys.stdin.read()
    training.close()
    platform.close()


if __name__ == "__main__":
    main()
