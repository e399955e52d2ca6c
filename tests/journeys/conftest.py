"""Servers that several journeys look at: started once, on copies of one demo home."""

from collections.abc import Iterator

import pytest
from tests.journeys import world
from tests.journeys.fixtures import first_start

__all__ = ["first_start"]


@pytest.fixture(scope="session")
def demo_school(tmp_path_factory: pytest.TempPathFactory, first_start: world.FirstStart) -> Iterator[world.Live]:
    """A running demo school without models."""
    with world.serving(first_start.copy(tmp_path_factory.mktemp("demo"))) as live:
        yield live
