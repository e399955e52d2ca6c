"""A school with a data set and a model, quickly: what the child gives is made once and copied from then on.

`real` is the same through every real room: the data set is imported and split, the child evaluates.
"""

import io
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.maas.evaluation import made

from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import ids
from shuyuan.maas.catalogue.interface import Version
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation import child, folder
from shuyuan.maas.evaluation.interface import Subject
from shuyuan.maas.evaluation.service import EvaluationService

MODEL = "passes"
COPY = "import shutil, sys; shutil.copytree({source!r}, sys.argv[1], dirs_exist_ok=True)"


@dataclass
class Sets:
    """One data set of one school in memory; its parts are one file."""

    file: Path
    data: datasets.DataSetVersion
    used_by: list[str] = field(default_factory=list)
    agreed: bool = True

    def version(self, school_id: str, reference: str) -> datasets.DataSetVersion:
        if school_id != self.data.school_id or reference not in (self.data.uri, "data:/pupils"):
            raise datasets.UnknownDataSet(f"no data set {reference!r}")
        return self.data

    def open_part(self, version: datasets.DataSetVersion, part: datasets.Part) -> Path:
        return self.file

    def require_each_row_once(self, version: datasets.DataSetVersion) -> None:
        pass

    def require_trainable(self, version: datasets.DataSetVersion) -> None:
        if not self.agreed:
            raise datasets.ConsentMissing("nobody agreed", fix="ask them")

    def note_use(self, version: datasets.DataSetVersion, by: str) -> None:
        self.used_by.append(by)


@dataclass(frozen=True)
class School:
    """data: in three parts.  version: a logistic model of it."""

    id: str
    platform: Platform
    data: datasets.DataSetVersion
    version: Version
    evaluation: EvaluationService
    sets: Any = None  # Sets, or none where the real room is used
    copying: tuple[str, ...] = ()

    def principal(self, role: Role = "admin", school_id: str = "") -> Principal:
        return Principal(ids.new_id(), school_id or self.id, role)

    def service(self, **changed: Any) -> EvaluationService:  # Any: parts by name
        """A second service on the same installation, with something changed."""
        parts = {name: self.platform.get(name) for name in ("db", "storage", "audit", "settings", "catalogue")}
        return EvaluationService(**{**parts, "datasets": self.sets, "command": self.copying, **changed})


@dataclass(frozen=True)
class Once:
    """What is made once: a table as a file, a model, and everything the child gave."""

    table: made.Table
    file: Path
    model: Path
    spec: Mapping[str, Any]  # JSON
    given: Path


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    place = tmp_path_factory.mktemp("evaluation")
    table = made.pupils(300)
    model, spec = made.model(place, table)
    job = made.job(place, table, Subject(uri="models:/passes/1", model=model, spec=spec))
    given = place / "given"
    given.mkdir()
    folder.write(given / folder.JOB, job.model_dump_json())
    assert child.main(given) == 0
    (given / folder.JOB).unlink()
    return Once(table, job.table, model, spec, given)


@pytest.fixture
def school(platform: Platform, once: Once) -> School:
    school_id = platform.get("identity").create_school("学校").id
    version = platform.get("catalogue").add_file(
        school_id, "system", model=MODEL, source=once.model, runner="onnx", spec=dict(once.spec)
    )
    sets = Sets(once.file, _version(school_id, once))
    copying = (sys.executable, "-I", "-S", "-c", COPY.format(source=str(once.given)))
    bare = School(school_id, platform, sets.data, version, None, sets, copying)  # type: ignore[arg-type]  # next line
    return School(school_id, platform, sets.data, version, bare.service(), sets, copying)


@pytest.fixture
def real(platform: Platform, tmp_path: Path) -> Callable[..., School]:
    """Make a school through the real rooms; what is planted in its data is named."""

    def make(*, personal: bool = False, **planted: Any) -> School:
        import polars as pl

        school_id = platform.get("identity").create_school("学校").id
        table = made.pupils(600, **planted)
        sets: datasets.DataSets = platform.get("datasets")
        said = {
            one["name"]: datasets.ColumnPlan.model_validate({k: one[k] for k in ("kind", "role")})
            for one in made.COLUMNS
        }
        new = datasets.NewDataSet(
            name="pupils", filename="pupils.csv", columns=said, personal=personal, consent=True, purpose="tests"
        )
        work = sets.create(school_id, "system", io.BytesIO(pl.DataFrame(table).write_csv().encode()), new)
        first = sets.wait(school_id, work.id)
        plan = datasets.Plan(split=datasets.Split(by="person", shares=(0.4, 0.3, 0.3)))
        data = sets.wait(school_id, sets.prepare(school_id, "system", first.uri, plan).id)
        model, spec = made.model(tmp_path, table)
        version = platform.get("catalogue").add_file(
            school_id, "system", model=MODEL, source=model, runner="onnx", spec=spec
        )
        return School(school_id, platform, data, version, platform.get("evaluation"))

    return make


def _version(school_id: str, once: Once) -> datasets.DataSetVersion:
    rows = len(once.table["hours"])
    parts: dict[datasets.Part, datasets.PartInfo] = {
        "validation": datasets.PartInfo(sha256="b" * 64, rows=rows, size_bytes=1),
        "test": datasets.PartInfo(sha256="c" * 64, rows=rows, size_bytes=1),
    }
    return datasets.DataSetVersion(
        id=ids.new_id(),
        school_id=school_id,
        name="pupils",
        number=2,
        sha256="a" * 64,
        rows=2 * rows,
        columns=tuple(datasets.Column.model_validate(one) for one in made.COLUMNS),
        parts=parts,
        plan={},
        created_by="system",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
