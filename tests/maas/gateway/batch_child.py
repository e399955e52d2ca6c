"""A server process of a batch test: `python -m … HOME DATABASE_URL TOLD`; runs until its stdin closes, or is killed."""

import sys
from pathlib import Path

from starlette.testclient import TestClient
from tests.maas.gateway.mediascript import MediaEngine, app_on, platform_on

from shuyuan.kernel.settings import Settings


def main() -> None:
    """Deliver, answer slowly, note every question."""
    home, url, told = sys.argv[1:]
    settings = Settings(home=Path(home), database_url=url, starter="none", port=0)
    platform = platform_on(settings, MediaEngine(slow_s=0.1, told=Path(told)))
    with TestClient(app_on(platform)):
        sys.stdin.read()


if __name__ == "__main__":
    main()
