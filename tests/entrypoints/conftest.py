"""A home with one school, made on the command line."""

import shutil
from pathlib import Path

import pytest
from tests.journeys import shell
from tests.journeys.fixtures import first_start

__all__ = ["first_start"]


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
