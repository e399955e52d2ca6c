"""Servers that several journeys look at: started once, on copies of one demo home."""

import os
from collections.abc import Iterator

import pytest
from tests.journeys import world


@pytest.fixture(scope="session", autouse=True)
def quiet_environment() -> Iterator[None]:
    """What the developer's shell says about Shuyuan does not reach the servers under test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SHUYUAN_") and name != "SHUYUAN_DATA"]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def first_start() -> world.FirstStart:
    """What the first `up --demo` on a fresh home said and wrote."""
    return world.first_start()


@pytest.fixture(scope="session")
def demo_school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.Live]:
    """A running demo school without models."""
    with world.serving(world.demo_home(tmp_path_factory.mktemp("demo"))) as live:
        yield live
