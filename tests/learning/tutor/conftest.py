"""The world of the tutor: real services over an engine that is never asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.learning.tutor.world import World
from tests.maas.gateway.scripted import ScriptedEngine, ScriptedLocator

from shuyuan.compose import Platform
from shuyuan.kernel.settings import Settings


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="tiny", port=0)
    platform = Platform(settings, catalogue=ScriptedLocator(), engine=ScriptedEngine())
    yield World(platform)
    platform.close()
