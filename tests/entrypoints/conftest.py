"""A home with one school, made on the command line."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys import shell, world


@pytest.fixture(scope="session", autouse=True)
def quiet_environment() -> Iterator[None]:
    """What the developer's shell says about Shuyuan does not reach the commands under test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SHUYUAN_") and name != "SHUYUAN_DATA"]:
            patch.delenv(name)
        patch.setenv("COLUMNS", "240")  # tables without folded cells
        for name, value in {**world.without_models(), "SHUYUAN_STARTER": "none"}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def school_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a school and its administrator `head`; copy it before changing it."""
    made = tmp_path_factory.mktemp("school") / "home"
    said = shell.call("accounts", "create", "head", "--role", "admin", "--school", "向阳中学", "--home", made)
    assert said.code == 0, said.err
    return made


@pytest.fixture
def home(school_home: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(school_home, tmp_path / "home"))
