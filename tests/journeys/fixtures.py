"""A fixture that journeys share with the tests of the command line and of the demo; each conftest imports it."""

import os

import pytest
from tests.journeys import world


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> world.FirstStart:
    """What the first `up --demo` on a fresh home said and wrote; made once, however many test processes run."""
    mine = tmp_path_factory.getbasetemp()
    return world.first_start(mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine)
