"""A home with one school, made on the command line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys import shell, world
from tests.journeys.fixtures import first_start, quiet_environment

__all__ = ["first_start", "quiet_environment"]


@pytest.fixture(scope="session", autouse=True)
def no_models(quiet_environment: None) -> Iterator[None]:
    """The commands see no models, whatever lies on this machine."""
    with pytest.MonkeyPatch.context() as patch:
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
