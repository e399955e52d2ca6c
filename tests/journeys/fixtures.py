"""Fixtures that journeys share with the tests of the command line and of the demo; each conftest imports them."""

import os
from collections.abc import Iterator

import pytest
from tests.journeys import world


@pytest.fixture(scope="session")
def quiet_environment() -> Iterator[None]:
    """What the developer's shell says about Shuyuan does not reach the processes under test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SHUYUAN_") and name != "SHUYUAN_DATA"]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory, quiet_environment: None) -> world.FirstStart:
    """What the first `up --demo` on a fresh home said and wrote; made once, however many test processes run."""
    mine = tmp_path_factory.getbasetemp()
    return world.first_start(mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine)
