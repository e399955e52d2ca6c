"""Data sets, runs and reports: from a file to figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shuyuan.client import types, wire

PATIENCE_S = 3600.0
Json = Mapping[str, Any]  # Any: JSON
SPLIT: Json = {"by": "random", "shares": [0.7, 0.15, 0.15], "seed": 7}


class DataSets:
    """`client.datasets`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def list(self) -> list[types.DataSet]:
        """The newest version of each."""
        return [types.DataSet.model_validate(one) for one in self._at.get("/api/datasets")["datasets"]]

    def get(self, reference: str) -> types.DataSet:
        """`data:/name/3`, or the newest of `data:/name` or `name`; a purged one only where nothing else is left."""
        name, _, number = reference.removeprefix("data:/").partition("/")
        if number:
            return types.DataSet.model_validate(self._at.get(f"/api/datasets/{name}/{number}")["version"])
        return max(self.versions(name), key=lambda one: (one.purged_at is None, one.number))

    def versions(self, name: str) -> Sequence[types.DataSet]:
        """Every version of a data set."""
        return [types.DataSet.model_validate(one) for one in self._at.get(f"/api/datasets/{name}/versions")]

    def upload(
        self,
        file: str | Path,
        name: str,
        *,
        purpose: str = "",
        personal: bool = False,
        consent: bool = False,
        timeout_s: float = PATIENCE_S,
    ) -> types.DataSet:
        """Bring a file (CSV, JSON lines, Parquet, a zip of pictures) and wait until it is read.

        personal: it tells of persons.  consent: they agreed to training.
        """
        path = Path(file)
        told = {"filename": path.name, "purpose": purpose, "personal": personal, "consent": consent}
        work = self._at.send(f"/api/datasets/{name}/versions", path, **told)
        return self._wait(work["id"], timeout_s)

    def prepare(
        self,
        reference: str,
        *,
        label: str | None = None,
        roles: Mapping[str, str] | None = None,
        kinds: Mapping[str, str] | None = None,
        rules: Sequence[Json] = (),
        augment: Sequence[Json] = (),
        split: Json | None = SPLIT,
        timeout_s: float = PATIENCE_S,
    ) -> types.DataSet:
        """Clean and split: a new version, whose parent is `reference`.

        label: short for roles={label: "label"}.  rules: {"rule": "missing", "by": "median"} …, in their order.
        """
        found = self.get(reference)
        said: dict[str, dict[str, str]] = {name: {"role": role} for name, role in (roles or {}).items()}
        for name, kind in (kinds or {}).items():
            said.setdefault(name, {})["kind"] = kind
        if label is not None:
            said.setdefault(label, {})["role"] = "label"
        plan = {"columns": said, "rules": list(rules), "augment": list(augment), "split": split}
        work = self._at.post(f"/api/datasets/{found.name}/{found.number}/prepare", {"plan": plan})
        return self._wait(work["id"], timeout_s)

    def download(self, reference: str, part: types.Part, target: str | Path, *, form: str = "parquet") -> Path:
        """A part as Parquet or CSV."""
        found = self.get(reference)
        path = f"/api/datasets/{found.name}/{found.number}/parts/{part}"
        return self._at.fetch(path, Path(target), format=form)

    def _wait(self, work_id: str, timeout_s: float) -> types.DataSet:
        def look() -> types.Work:
            return types.Work.model_validate(self._at.get(f"/api/datasets/works/{work_id}"))

        ended = wire.until(look, lambda one: one.state in ("finished", "failed", "cancelled"), timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"{ended.kind} of {ended.name}", ended.state, ended.error)
        return self.get(ended.version)


class Runs:
    """`client.runs`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def tasks(self) -> Sequence[Json]:
        """Every task: name, titles, JSON schema of its config."""
        found: Sequence[Json] = self._at.get("/api/training/tasks")
        return found

    def list(self, *, state: str | None = None, limit: int = 50) -> list[types.Run]:
        """Newest first."""
        return [types.Run.model_validate(one) for one in self._at.get("/api/runs", state=state, limit=limit)]

    def get(self, run_id: str) -> types.Run:
        """By id, number or `runs:/id`."""
        return types.Run.model_validate(self._at.get(f"/api/runs/{run_id.removeprefix('runs:/')}"))

    def start(
        self,
        task: str,
        data: str,
        config: Json | None = None,
        *,
        seed: int = 7,
        parent: str | None = None,
        name: str = "",
        processes: int = 1,
    ) -> types.Run:
        """Into the queue. config: what differs from the task's defaults.  parent: go on from its weights."""
        body = {"task": task, "data": data, "config": dict(config or {}), "seed": seed}
        body |= {"parent": parent, "name": name, "processes": processes}
        return types.Run.model_validate(self._at.post("/api/runs", body))

    def wait(self, run: types.Run | str, *, timeout_s: float = PATIENCE_S) -> types.Run:
        """Until it has finished. Raises Failed, TimeoutError."""
        run_id = run if isinstance(run, str) else run.id
        ended = wire.until(lambda: self.get(run_id), lambda one: one.is_ended or one.state == "paused", timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"run {ended.number}", ended.state, ended.error)
        return ended

    def metrics(self, run: types.Run | str, *, after: int = 0) -> Sequence[Json]:
        """Lines of the curves after line `after`: step, split, loss …"""
        run_id = run if isinstance(run, str) else run.id
        found: Sequence[Json] = self._at.get(f"/api/runs/{run_id.removeprefix('runs:/')}/metrics", after=after)
        return found

    def pause(self, run: types.Run) -> types.Run:
        """Checkpoint and stop."""
        return self._do(run, "pause")

    def resume(self, run: types.Run) -> types.Run:
        """Go on."""
        return self._do(run, "resume")

    def cancel(self, run: types.Run) -> types.Run:
        """Stop for good."""
        return self._do(run, "cancel")

    def download(self, run: types.Run, name: str, target: str | Path) -> Path:
        """A file it made: `model.onnx`, `weights.safetensors`, `predictions.parquet` …"""
        return self._at.fetch(f"/api/runs/{run.id}/out/{name}", Path(target))

    def _do(self, run: types.Run, verb: str) -> types.Run:
        return types.Run.model_validate(self._at.post(f"/api/runs/{run.id}/{verb}"))


class Reports:
    """`client.reports`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def list(self, *, subject: str | None = None, data: str | None = None) -> list[types.Report]:
        """Newest first."""
        return [types.Report.model_validate(one) for one in self._at.get("/api/reports", subject=subject, data=data)]

    def get(self, report_id: str) -> types.Report:
        """With every detail."""
        told = self._at.get(f"/api/reports/{report_id}")
        return types.Report.model_validate({**told, "details": told})

    def evaluate(
        self,
        subject: str,
        data: str,
        *,
        part: types.Part = "validation",
        groups: Sequence[str] = (),
        timeout_s: float = PATIENCE_S,
    ) -> types.Report:
        """Judge `runs:/id` or `models:/name/3` and wait. Each reading of part test is noted."""
        body = {"subject": subject, "data": data, "part": part, "groups": list(groups)}
        begun = self._at.post("/api/reports", body)["id"]
        ended = wire.until(lambda: self.get(begun), lambda one: one.state != "running", timeout_s)
        if ended.state == "failed":
            raise wire.failed("the report", ended.state, ended.error)
        return ended

    def html(self, report: types.Report, target: str | Path, *, language: str = "zh") -> Path:
        """The report as one self-contained file."""
        return self._at.fetch(f"/api/reports/{report.id}/html", Path(target), language=language)

    def judge(self, report: types.Report, gate: str, *, champion: types.Report | None = None) -> types.Verdict:
        """Hold it against a gate by its name (`classification`, `regression` … or one of the school)."""
        body = {"report_id": report.id, "champion_report_id": champion.id if champion else None}
        return types.Verdict.model_validate(self._at.post(f"/api/gates/{gate}/judge", body))

    def cross_validate(
        self,
        task: str = "",
        data: str = "",
        config: Json | None = None,
        *,
        run: str = "",
        folds: int = 5,
        by: str = "auto",
        parts: Sequence[types.Part] = ("train", "validation"),
        timeout_s: float = PATIENCE_S,
    ) -> types.CrossValidation:
        """Train a fit for each fold and wait for all: figures by fold, their mean and its 95 % interval.

        run: take task, data and config of `runs:/id`.  parts: with test among them its reading is noted.
        """
        body = {"task": task, "data": data, "config": config, "run": run, "k": folds, "by": by, "parts": list(parts)}
        begun = self._at.post("/api/cross-validations", body)["id"]
        ended = wire.until(lambda: self.cross_validation(begun), lambda one: one.state != "running", timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"cross-validation {ended.number}", ended.state, ended.error)
        return ended

    def cross_validation(self, refit_id: str) -> types.CrossValidation:
        """By id or number."""
        return types.CrossValidation.model_validate(self._at.get(f"/api/cross-validations/{refit_id}"))

    def retrain_shuffled(self, report: types.Report, *, timeout_s: float = PATIENCE_S) -> types.CrossValidation:
        """Train what the report is of once more with shuffled labels; `retrained` has its figure beside chance."""
        begun = self._at.post(f"/api/reports/{report.id}/shuffled-fits")["id"]
        return wire.until(lambda: self.cross_validation(begun), lambda one: one.state != "running", timeout_s)


class Gates:
    """`client.gates`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def list(self) -> list[types.Gate]:
        """The school's own, then the shipped ones."""
        return [types.Gate.model_validate(one) for one in self._at.get("/api/gates")]

    def figures(self) -> Mapping[str, Sequence[str]]:
        """What a condition may speak of, by family."""
        found: Mapping[str, Sequence[str]] = self._at.get("/api/gate-figures")
        return found

    def set(self, name: str, conditions: Sequence[Json], *, part: str | None = None, reason: str = "") -> types.Gate:
        """{"figure": "accuracy", "comparison": ">=", "limit": "champion - 0.01"} …; reason: to change one in force."""
        body = {"conditions": list(conditions), "part": part, "reason": reason}
        return types.Gate.model_validate(self._at.put(f"/api/gates/{name}", body))

    def remove(self, name: str, reason: str) -> None:
        """Out of force; its record stays."""
        self._at.delete(f"/api/gates/{name}", {"reason": reason})
