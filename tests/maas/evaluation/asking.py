"""What tests of reports and gates ask with: a report, a run and its files, a further version, a champion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation.conftest import MODEL, School

from shuyuan.kernel import audit, errors
from shuyuan.maas.catalogue.interface import Version
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation.interface import NewReport


def asked(school: School, part: datasets.Part = "validation", **more: object) -> NewReport:
    return NewReport.model_validate({"subject": school.version.uri, "data": school.data.uri, "part": part, **more})


def actions(school: School) -> list[str]:
    with school.platform.get("db").read() as conn:
        return [row.action for row in audit.entries(conn, school.id)]


@dataclass(frozen=True)
class File:
    """A file of a run."""

    sha256: str


@dataclass(frozen=True)
class Run:
    """A run as evaluation sees it."""

    id: str
    data: str
    task: str = "tabular_classification"
    state: str = "finished"
    artefacts: Mapping[str, File] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)
    seed: int = 7
    figures: Mapping[str, float] = field(default_factory=dict)
    registered: tuple[str, ...] = ()
    search_id: str | None = None
    error: Mapping[str, str] | None = None

    @property
    def uri(self) -> str:
        return f"runs:/{self.id}"


@dataclass(frozen=True)
class Runs:
    """Keeps one run's files, of one school."""

    school_id: str
    run: Run
    files: Mapping[str, Path] = field(default_factory=dict)

    def run_of(self, school_id: str, run_id: str) -> Run:
        if (school_id, run_id) != (self.school_id, self.run.id):
            raise errors.NotFound(f"no run {run_id!r}")
        return self.run

    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path:
        if name not in self.files:
            raise errors.NotFound(f"no file {name!r}")
        return self.files[name]


def another(school: School, model: str = MODEL) -> Version:
    """The next version, from the same file."""
    catalogue = school.platform.get("catalogue")
    path = catalogue.locate(school.version.uri, school.id).path
    spec = dict(school.version.spec)
    made: Version = catalogue.add_file(school.id, "system", model=model, source=path, runner="onnx", spec=spec)
    return made


def serve(school: School, number: int) -> None:
    school.platform.get("db").write(
        lambda uow: school.platform.get("catalogue").promote(
            uow, school_id=school.id, actor_id="a", model=MODEL, alias="champion", version=number, reason="tests"
        )
    )
