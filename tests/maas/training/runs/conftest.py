"""A school, its data set and a training service whose child is stood in for."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.maas.training.runs import rooms

from shuyuan.compose import Platform
from shuyuan.maas.catalogue import extras
from shuyuan.maas.training import following, searchwork, service, supervision

Make = Callable[..., service.TrainingService]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often than a server does."""
    monkeypatch.setattr(supervision, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(searchwork, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.05)


@pytest.fixture(autouse=True)
def _stood_in_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that cannot train takes runs in all the same: here a child stands in for the one that needs torch."""
    if importlib.util.find_spec("torch") is None:
        monkeypatch.setattr(extras, "missing", lambda _kind: "")


@pytest.fixture
def school_id(platform: Platform) -> str:
    """The school of the tests."""
    return rooms.school(platform)


@pytest.fixture
def sets(school_id: str, tmp_path: Path) -> rooms.Sets:
    """Its data set."""
    return rooms.Sets(tmp_path, school_id)


@pytest.fixture
def make(platform: Platform, sets: rooms.Sets) -> Iterator[Make]:
    """Training services on the platform, at work unless asked not to be; closed at the end, their runs cancelled."""
    made = list[service.TrainingService]()

    def build(*options: object, at_work: bool = True, **given: Any) -> service.TrainingService:  # Any: as training_on
        training = rooms.training_on(platform, given.pop("sets", sets), *options, **given)
        made.append(training)
        if at_work:
            training.open()
        return training

    yield build
    for training in made:
        training.close()
