"""What the tests of runs stand on: a data set kept in memory, schools, and a training service with any child."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import interface, service

STANDIN = Path(__file__).with_name("standin.py")
SHA = "d" * 64
TEST_SHA = "7" * 64  # of the test part: not that of the whole version
DEADLINE_S = 60.0
T = TypeVar("T")


class Sets:
    """One data set, `data:/marks/1`, as Parquet files in a folder; only of the school it was made for."""

    def __init__(self, folder: Path, school_id: str, *, consent: bool = True) -> None:
        self._folder, self._school_id, self.consent = folder, school_id, consent
        self.used = list[str]()
        self.columns: tuple[datasets_api.Column, ...] = (
            datasets_api.Column(name="a", kind="number"),
            datasets_api.Column(name="b", kind="category"),
            datasets_api.Column(name="y", kind="category", role="label"),
        )
        self.names: tuple[datasets_api.Part, ...] = datasets_api.PARTS

    def version(self, school_id: str, reference: str) -> datasets_api.DataSetVersion:
        """See DataSets."""
        if school_id != self._school_id or reference not in ("data:/marks/1", "data:/marks", "marks"):
            raise datasets_api.UnknownDataSet(f"there is no data set {reference!r}", fix="see the list")
        part = datasets_api.PartInfo(sha256=SHA, rows=30, size_bytes=1)
        test = datasets_api.PartInfo(sha256=TEST_SHA, rows=30, size_bytes=1)
        return datasets_api.DataSetVersion(
            id="d" * 26,
            school_id=school_id,
            name="marks",
            number=1,
            sha256=SHA,
            rows=90,
            columns=self.columns,
            parts={name: test if name == "test" else part for name in self.names},
            plan={},
            purpose="a lesson | on\nlearning",
            consent=self.consent,
            personal=True,
            created_by="system",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    def open_part(self, version: datasets_api.DataSetVersion, part: datasets_api.Part) -> Path:
        """See DataSets."""
        return self._folder / f"{part}.parquet"

    def require_trainable(self, version: datasets_api.DataSetVersion) -> None:
        """See DataSets."""
        if not self.consent:
            raise datasets_api.ConsentMissing("nobody agreed", fix="ask")

    def note_use(self, version: datasets_api.DataSetVersion, by: str) -> None:
        """See DataSets."""
        self.used.append(by)


def school(platform: Platform, name: str = "向阳中学") -> str:
    """A school's id; made once."""
    known = {one.name: one.id for one in platform.get("identity").schools()}
    found: str = known.get(name) or platform.get("identity").create_school(name).id
    return found


def person(school_id: str, role: Any = "developer", account_id: str = "") -> Principal:  # Any: a role
    """Somebody of a school."""
    return Principal(account_id or f"{role:x<26}"[:26], school_id, role)


def training_on(
    platform: Platform, sets: Any, *options: object, command: Sequence[str] | None = None
) -> service.TrainingService:  # Any: DataSets, as far as it goes
    """A training service over the parts of a platform. options: of the child that stands in."""
    told = command or (sys.executable, str(STANDIN), *map(str, options))
    return service.TrainingService(
        platform.get("db"),
        platform.get("storage"),
        platform.get("audit"),
        platform.settings,
        platform.get("identity"),
        platform.get("catalogue"),
        sets,
        command=told,
    )


def new(**given: Any) -> interface.NewRun:  # Any: fields of NewRun
    """A run on the data set above."""
    return interface.NewRun(**{"task": "tabular_classification", "data": "data:/marks/1", **given})


def until(look: Callable[[], T], wanted: Callable[[T], object]) -> T:
    """What `look` gives once it is as wanted; the last of it after a minute."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = look()
        if wanted(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def ended(training: service.TrainingService, run: interface.Run) -> interface.Run:
    """The run once it has ended."""
    return until(lambda: training.run_of(run.school_id, run.id), lambda found: found.is_ended)


def at_step(training: service.TrainingService, run: interface.Run, step: int) -> interface.Run:
    """The run once it is at that step or further."""
    return until(lambda: training.run_of(run.school_id, run.id), lambda found: found.step >= step or found.is_ended)
