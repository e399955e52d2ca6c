"""Data sets of a school, and of another beside it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shuyuan.compose import Platform
from shuyuan.identity.interface import Identity
from shuyuan.kernel.settings import Settings
from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.service import DataSetsService

ACTOR = "system"


@dataclass
class Room:
    """The service, as one school uses it."""

    platform: Platform
    service: DataSetsService
    school_id: str
    folder: Path

    def file(self, content: bytes, name: str = "marks.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def start(self, content: bytes, name: str = "marks", *, filename: str = "marks.csv", **told: Any) -> interface.Work:
        """Any: fields of NewDataSet."""
        new = interface.NewDataSet.model_validate({"name": name, "filename": filename, **told})
        return self.service.create(self.school_id, ACTOR, self.file(content, filename), new)

    def imported(self, content: bytes, name: str = "marks", **told: Any) -> interface.DataSetVersion:
        return self.service.wait(self.school_id, self.start(content, name, **told).id, 60)

    def prepared(self, reference: str, **plan: Any) -> interface.DataSetVersion:
        wanted = interface.Plan.model_validate(plan)
        return self.service.wait(self.school_id, self.service.prepare(self.school_id, ACTOR, reference, wanted).id, 60)

    @property
    def leftovers(self) -> list[Path]:
        """Files of works that are over."""
        works = self.platform.settings.home / "datasets" / "works"
        until = time.monotonic() + 10  # they go right after the work has ended
        while works.is_dir() and any(works.iterdir()) and time.monotonic() < until:
            time.sleep(0.01)
        return list(works.iterdir()) if works.is_dir() else []

    @property
    def stored(self) -> list[Path]:
        """Artefacts in the store."""
        return [path for path in (self.platform.settings.home / "artefacts").rglob("*") if path.is_file()]


def room_of(platform: Platform, folder: Path, name: str = "north") -> Room:
    identity: Identity = platform.get("identity")
    return Room(platform, platform.get("datasets"), identity.create_school(name).id, folder)


@pytest.fixture
def anywhere(platform: Platform, tmp_path: Path) -> Room:
    """On SQLite and on PostgreSQL."""
    return room_of(platform, tmp_path)


@pytest.fixture
def room(sqlite_template: Path, tmp_path: Path) -> Iterator[Room]:
    """On SQLite: for what no database decides."""
    file = tmp_path / "shuyuan.db"
    file.write_bytes(sqlite_template.read_bytes())
    platform = Platform(Settings(home=tmp_path / "home", database_url=f"sqlite:///{file}", starter="none"))
    yield room_of(platform, tmp_path)
    platform.close()
