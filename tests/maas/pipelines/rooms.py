"""The rooms that a pipeline goes through, as fakes whose state outlives their process: one JSON file an object.

After each effect a process may be killed, once at every place: `kill_at` names them. Either the process dies (`kill`),
or whoever does the turn is thrown out of it (`raise`) and the test builds every object anew: nothing is remembered.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shuyuan.kernel import clock, db, errors, ids
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.compression import methods
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment.service import DeploymentService
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.training import interface as training_api


class Killed(BaseException):
    """Nothing after this line happens: no handler of the platform catches it."""


@dataclass
class Disk:
    """Objects by kind, in a folder."""

    folder: Path
    kills: Literal["", "raise", "kill"] = ""

    def put(self, kind: str, model: Any) -> Any:  # Any: a pydantic value
        folder = self.folder / kind
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{model.id}.partial"
        partial.write_text(model.model_dump_json())
        partial.replace(folder / f"{model.id}.json")
        return model

    def all(self, kind: str, of: Any) -> list[Any]:  # Any: a pydantic class
        return [of.model_validate_json(path.read_text()) for path in sorted((self.folder / kind).glob("*.json"))]

    def one(self, kind: str, of: Any, named: str) -> Any:
        path = self.folder / kind / f"{named}.json"
        if not path.is_file():
            raise errors.NotFound(f"{kind} {named}")
        return of.model_validate_json(path.read_text())

    def kill_at(self, place: str) -> None:
        """End this process as a power cut would, the first time it comes here."""
        if self.kills and place not in self.killed():
            self.mark(place)
            if self.kills == "raise":
                raise Killed(place)
            os.kill(os.getpid(), signal.SIGKILL)

    def mark(self, place: str) -> None:
        """It was there already."""
        mark = self.folder / "killed" / place
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def killed(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "killed").glob("*"))


class Data:
    """`data:/pupils/1`, and what was prepared from it."""

    def __init__(self, disk: Disk, school_id: str) -> None:
        self.disk, self.school_id = disk, school_id
        if not disk.all("data", datasets_api.DataSetVersion):
            disk.put("data", self._version(1, {}, None))

    def version(self, school_id: str, reference: str) -> datasets_api.DataSetVersion:
        for one in reversed(self.versions(school_id)):
            if reference in (one.uri, "data:/pupils"):
                return one
        raise datasets_api.UnknownDataSet(f"no data set {reference}")

    def versions(self, school_id: str, name: str | None = None) -> list[datasets_api.DataSetVersion]:
        found = self.disk.all("data", datasets_api.DataSetVersion)
        return sorted((one for one in found if one.school_id == school_id), key=lambda one: one.number)

    def require_trainable(self, version: datasets_api.DataSetVersion) -> None:
        if version.personal and not version.consent:
            raise datasets_api.ConsentMissing(f"{version.uri} has no consent")

    def add(self, **values: Any) -> datasets_api.DataSetVersion:
        number = len(self.disk.all("data", datasets_api.DataSetVersion)) + 1
        made: datasets_api.DataSetVersion = self.disk.put("data", self._version(number, {}, None, **values))
        return made

    def prepare(
        self, school_id: str, actor_id: str, reference: str, plan: datasets_api.Plan, *, name: str | None = None
    ) -> datasets_api.Work:
        source = self.version(school_id, reference)
        made = self._version(len(self.versions(school_id)) + 1, plan.model_dump(mode="json"), source.id)
        self.disk.put("data", made)
        work = datasets_api.Work(
            id=ids.new_id(),
            school_id=school_id,
            name="pupils",
            kind="prepare",
            state="running",
            version=made.uri,
            created_at=clock.now(),
        )
        self.disk.put("work", work)
        self.disk.kill_at("prepare")
        return work

    def work(self, school_id: str, work_id: str) -> datasets_api.Work:
        found = self.disk.one("work", datasets_api.Work, work_id)
        return self.disk.put("work", found.model_copy(update={"state": "finished"}))  # type: ignore[no-any-return]

    def cancel(self, school_id: str, actor_id: str, work_id: str) -> None:
        raise errors.Conflict("it has ended")

    def _version(
        self, number: int, plan: dict[str, Any], parent_id: str | None, **values: Any
    ) -> datasets_api.DataSetVersion:
        told = {"id": f"data{number}", "school_id": self.school_id, "name": "pupils", "number": number, **values}
        part = {"sha256": "0" * 64, "rows": 3, "size_bytes": 1}
        made = {"sha256": "0" * 64, "rows": 3, "parts": {"train": part, "validation": part}, "plan": plan}
        made["columns"] = ({"name": "passed", "kind": "category", "role": "label"},)
        return datasets_api.DataSetVersion.model_validate(
            {**made, "parent_id": parent_id, **told, "created_by": "system", "created_at": clock.now()}
        )


class Training:
    """Runs that are finished when one looks for the third time; a version is registered once a run."""

    def __init__(self, disk: Disk, catalogue: Any, database: db.Database) -> None:
        self.disk, self.catalogue, self.db = disk, catalogue, database
        self.failing: dict[str, str] | None = None

    def check_start(
        self, school_id: str, new: training_api.NewRun, plan: datasets_api.Plan | None = None
    ) -> training_api.NewRun:
        if new.task.startswith("no_"):
            raise training_api.UnknownTask(f"task {new.task!r} is unknown")
        return new

    def tasks(self) -> list[training_api.TaskInfo]:
        words = catalogue_api.LocalText(zh="", en="")
        return [training_api.TaskInfo(name=one, title=words, what=words, config={}) for one in ("transfer", "bandit")]

    def start_for(self, school_id: str, actor_id: str, new: training_api.NewRun) -> training_api.Run:
        for known in self.disk.all("run", training_api.Run):
            if known.config.get("key") == new.key:
                return known  # type: ignore[no-any-return]
        run = training_api.Run.model_validate(
            {
                "id": ids.new_id(),
                "school_id": school_id,
                "number": 1,
                "name": new.name,
                "task": new.task,
                "data": new.data,
                "data_sha256": "0" * 64,
                "config": {**new.config, "key": new.key},
                "seed": new.seed,
                "processes": new.processes,
                "code_version": "1",
                "state": "running",
                "parent": None,
                "created_by": actor_id,
                "created_at": clock.now(),
            }
        )
        self.disk.put("run", run)
        self.disk.kill_at("train")
        return run

    def run_of(self, school_id: str, run_id: str) -> training_api.Run:
        run = self.disk.one("run", training_api.Run, run_id)
        if run.state == "running" and run.step < 2:
            return self.disk.put("run", run.model_copy(update={"step": run.step + 1}))  # type: ignore[no-any-return]
        if run.state == "running":
            ended = {"state": "failed", "error": self.failing} if self.failing else {"state": "finished"}
            return self.disk.put("run", run.model_copy(update=ended))  # type: ignore[no-any-return]
        return run  # type: ignore[no-any-return]

    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> training_api.Run:
        run = self.disk.one("run", training_api.Run, run_id)
        return self.disk.put("run", run.model_copy(update={"state": "cancelled"}))  # type: ignore[no-any-return]

    def register_for(self, school_id: str, actor_id: str, run_id: str, model: str) -> catalogue_api.Version:
        for known in self.catalogue.versions(school_id, model):
            if known.lineage.get("run") == f"runs:/{run_id}":
                return known  # type: ignore[no-any-return]
        made = add_version(self.db, self.catalogue, school_id, actor_id, model, {"run": f"runs:/{run_id}"}, None)
        self.disk.kill_at("register")
        return made


class Evaluation:
    """Reports with the accuracy a test wants, and one gate."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.accuracy = disk, 0.95

    def evaluate(
        self,
        school_id: str,
        actor_id: str,
        new: evaluation_api.NewReport,
        *,
        on_progress: Any = None,
    ) -> evaluation_api.Report:
        on_progress({})
        report = evaluation_api.Report(
            id=ids.new_id(),
            school_id=school_id,
            subject=new.subject,
            data=new.data,
            data_sha256="0" * 64,
            part=new.part,
            task="tabular_classification",
            family="classification",
            figures={"accuracy": self.accuracy},
            created_by=actor_id,
            created_at=clock.now(),
        )
        self.disk.put("report", report)
        self.disk.kill_at("evaluate" if new.subject.startswith("runs:/") else "evaluate_child")
        return report

    def reports(self, school_id: str, *, subject: str | None = None, data: str | None = None, limit: int = 100) -> Any:
        found = self.disk.all("report", evaluation_api.Report)
        return [one for one in found if one.subject == subject and (data is None or one.data == data)]

    def gate(self, school_id: str, name: str) -> evaluation_api.Gate:
        if name not in ("classification", "lax", "strict"):
            raise evaluation_api.UnknownGate(f"no gate is called {name!r}")
        return evaluation_api.Gate(name=name, conditions=(), part="test" if name == "strict" else None)

    def judge(
        self, school_id: str, actor_id: str, gate: str, report_id: str, champion_report_id: str | None = None
    ) -> evaluation_api.Verdict:
        report = self.disk.one("report", evaluation_api.Report, report_id)
        value = report.figures["accuracy"]
        line = evaluation_api.Line(
            figure="accuracy", comparison=">=", said="0.9", value=value, limit=0.9, passed=value >= 0.9
        )
        verdict = evaluation_api.Verdict(
            gate=gate or "classification",
            gate_number=1,
            report_id=report_id,
            subject=report.subject,
            champion_report_id=champion_report_id,
            passed=line.passed,
            lines=(line,),
            id=ids.new_id(),
            at=clock.now(),
        )
        self.disk.put("verdict", verdict)
        self.disk.kill_at("gate")
        return verdict

    def doubt(
        self, school_id: str, verdict: evaluation_api.Verdict, *, task: str, champion: str | None
    ) -> evaluation_api.Doubt:
        return "" if verdict.gate == "classification" else "other_gate"

    def verdict(self, school_id: str, verdict_id: str) -> evaluation_api.Verdict:
        return self.disk.one("verdict", evaluation_api.Verdict, verdict_id)  # type: ignore[no-any-return]

    def verdicts(self, school_id: str, report_id: str) -> list[evaluation_api.Verdict]:
        return [one for one in self.disk.all("verdict", evaluation_api.Verdict) if one.report_id == report_id]


class Compression:
    """A child version a compression."""

    def __init__(self, disk: Disk, catalogue: Any, database: db.Database) -> None:
        self.disk, self.catalogue, self.db = disk, catalogue, database

    def methods(self) -> list[compression_api.MethodInfo]:
        said: dict[str, Any] = {"title": {}, "what": {}, "source": "", "needs": (), "config_schema": {}}
        return [compression_api.MethodInfo(name="int8_dynamic", **said)]

    def check(self, method: str, config: Mapping[str, object]) -> None:
        methods.config_of(method, config)

    def start_for(
        self, school_id: str, actor_id: str, new: compression_api.NewCompression
    ) -> compression_api.Compression:
        parent = self.catalogue.resolve(school_id, new.version)
        made = add_version(self.db, self.catalogue, school_id, actor_id, parent.model, {}, parent.id)
        work = compression_api.Compression(
            id=ids.new_id(),
            school_id=school_id,
            number=1,
            method=new.method,
            config=new.config,
            parent_id=parent.id,
            parent=parent.uri,
            data=new.data,
            data_sha256=None,
            seed=7,
            state="running",
            child_id=made.id,
            child=made.uri,
            created_by=actor_id,
            created_at=clock.now(),
        )
        self.disk.put("compression", work)
        self.disk.kill_at("compress")
        return work

    def compression(self, school_id: str, compression_id: str) -> compression_api.Compression:
        found = self.disk.one("compression", compression_api.Compression, compression_id)
        return self.disk.put("compression", found.model_copy(update={"state": "finished"}))  # type: ignore[no-any-return]

    def compressions(self, school_id: str, *, parent: str | None = None, limit: int = 100) -> Any:
        return [one for one in self.disk.all("compression", compression_api.Compression) if one.parent == parent]


class Deploying(DeploymentService):
    """The real one, killed after what it did."""

    disk: Disk

    def deploy(self, *given: Any, **named: Any) -> Any:
        made = super().deploy(*given, **named)
        self.disk.kill_at("canary")
        return made

    def promote(self, *given: Any, **named: Any) -> Any:
        made = super().promote(*given, **named)
        self.disk.kill_at("promote")
        return made


def add_version(
    database: db.Database,
    catalogue: Any,
    school_id: str,
    actor_id: str,
    model: str,
    lineage: dict[str, str],
    parent_id: str | None,
) -> catalogue_api.Version:
    """A version whose file is not looked at."""
    address = catalogue._storage.put(os.urandom(8))
    version = catalogue_api.NewVersion(
        model=model,
        runner="onnx",
        artefact_sha256=address,
        size_bytes=8,
        card=catalogue_api.LocalText(zh=model, en=model),
        lineage=lineage,
        tasks=("predict",),
        parent_id=parent_id,
    )
    return database.write(  # type: ignore[no-any-return]
        lambda uow: catalogue.register_version(uow, school_id=school_id, actor_id=actor_id, version=version)
    )
