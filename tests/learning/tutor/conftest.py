"""The world of the tutor: real services, a scripted engine that is never asked."""

from pathlib import Path

import pytest

from shuyuan.compose import Platform
from tests.learning.tutor.world import World
from tests.maas.gateway.conftest import ScriptedEngine, ScriptedLocator
from shuyuan.kernel.settings import Settings
from collections.abc import Iterator


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="tiny", port=0)
    platform = Platform(settings, catalogue=ScriptedLocator(), engine=NeverClosed())
    yield World(platform)
    platform.close()


class NeverClosed(ScriptedEngine):
    """The platform closes its parts without a loop; this one has nothing to close."""

    def close(self) -> None:  # type: ignore[override]
        return None
