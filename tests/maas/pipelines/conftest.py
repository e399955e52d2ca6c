"""A house of faked rooms on each database, at an hour without school."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.maas.pipelines import house as houses

from shuyuan.kernel import db


class Clock:
    """Sunday noon in Shanghai, until a test turns it."""

    def __init__(self) -> None:
        self.at = datetime(2050, 1, 2, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(database: db.Database, database_url: str, tmp_path: Path, clock: Clock) -> Iterator[houses.House]:
    built = houses.build(database, database_url, tmp_path / "home", now=clock)
    yield built
    built.close()
