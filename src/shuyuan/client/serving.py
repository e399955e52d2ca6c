"""Models, deployments and pipelines: from a version to what is served."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shuyuan.client import types, wire

PATIENCE_S = 3600.0
Json = Mapping[str, Any]  # Any: JSON


class Models:
    """`client.models`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def register(self, run: types.Run | str, model: str) -> types.Version:
        """The next version of `model` from a finished run."""
        run_id = (run if isinstance(run, str) else run.id).removeprefix("runs:/")
        return types.Version.model_validate(self._at.post(f"/api/runs/{run_id}/register", {"model": model}))

    def versions(self, model: str) -> list[types.Version]:
        """Newest first."""
        told = self._at.get(f"/api/models/{model}/versions")
        return [types.Version.model_validate(one) for one in (told["versions"] if isinstance(told, dict) else told)]

    def bring(
        self, file: str | Path, model: str, *, labels: Sequence[str] = (), timeout_s: float = PATIENCE_S
    ) -> types.Import:
        """A model from elsewhere (ONNX, .keras, GGUF, a zipped folder) as the next version of `model`; waits for it.

        labels: names of a classifier's outputs, in order. Raises Failed with the reason for what is refused.
        """
        path = Path(file)
        told = {"model": model, "filename": path.name, "labels": ",".join(labels)}
        begun = self._at.send("/api/conversions", path, **told)["id"]

        def look() -> types.Import:
            return types.Import.model_validate(self._at.get(f"/api/conversions/{begun}"))

        ended = wire.until(look, lambda one: one.state in ("finished", "failed", "cancelled"), timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"import of {path.name}", ended.state, ended.error)
        return ended

    def methods(self) -> Sequence[Json]:
        """Ways to compress: name, titles, JSON schema of the options."""
        found: Sequence[Json] = self._at.get("/api/compressions/methods")
        return found

    def compress(
        self,
        version: types.Version | str,
        method: str,
        *,
        config: Json | None = None,
        data: str | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> types.Compression:
        """Make a smaller child and wait for it; its `table` compares the two."""
        body = {"version": _uri(version), "method": method, "config": dict(config or {}), "data": data}
        begun = self._at.post("/api/compressions", body)["id"]

        def look() -> types.Compression:
            return types.Compression.model_validate(self._at.get(f"/api/compressions/{begun}"))

        ended = wire.until(look, lambda one: one.state in ("finished", "failed", "cancelled"), timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"compression of {ended.parent}", ended.state, ended.error)
        return ended

    def deploy(
        self,
        version: types.Version | str,
        *,
        canary: float | None = None,
        shadow: bool = False,
        rules: Json | None = None,
        reason: str = "",
    ) -> types.Deployment:
        """Let a version answer a share of the people (0.1 is 10 %), or run beside as a shadow."""
        model, number = _split(version)
        body = {"version": number, "canary": canary, "shadow": shadow, "rules": rules, "reason": reason}
        return types.Deployment.model_validate(self._at.post(f"/api/deployments/{model}", body))

    def promote(
        self, version: types.Version | str, *, verdict: types.Verdict | None = None, reason: str = ""
    ) -> types.Deployment:
        """Serve a version from now on: past a gate (`verdict`), or for an administrator's `reason`."""
        model, number = _split(version)
        body = {"version": number, "verdict": verdict.id if verdict else None, "reason": reason}
        return types.Deployment.model_validate(self._at.post(f"/api/deployments/{model}/promote", body))

    def rollback(self, model: str, reason: str) -> types.Deployment:
        """The way back, at any hour."""
        return types.Deployment.model_validate(self._at.post(f"/api/deployments/{model}/rollback", {"reason": reason}))

    def stop(self, model: str, reason: str) -> types.Deployment:
        """End canary and shadow."""
        return types.Deployment.model_validate(self._at.post(f"/api/deployments/{model}/stop", {"reason": reason}))

    def deployment(self, model: str) -> types.Deployment:
        """How it is served now."""
        return types.Deployment.model_validate(self._at.get(f"/api/deployments/{model}")["deployment"])

    def bundle(self, version: types.Version | str, target: str | Path) -> Path:
        """The zip that runs this version without a network."""
        model, number = _split(version)
        return self._at.fetch(f"/api/models/{model}/versions/{number}/bundle", Path(target))

    def predict_rows(self, model: str, rows: Sequence[Json]) -> list[dict[str, Any]]:
        """Rows by the names of the table's columns in, an answer each: `prediction`, and `p_…` of every class.

        For what was trained on a table; a column that a row leaves out is missing, of one that the version does
        not read you are warned. At most 1,000 rows at once.
        """
        body = {"model": model, "rows": [dict(row) for row in rows]}
        said = self._at.post("/v1/services/predict", body)
        if left := said.get("not_read"):
            warnings.warn(f"{said['model']} does not read the columns {', '.join(left)}", stacklevel=2)
        answers: list[dict[str, Any]] = said["answers"]
        return answers

    def inputs(self, model: str) -> Sequence[Json]:
        """What it takes: name, datatype and shape of each tensor (-1: any size)."""
        found: Sequence[Json] = self._at.get(f"/v2/models/{model}")["inputs"]
        return found

    def predict(self, model: str, inputs: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Tensors in, tensors out, as nested lists by name; a batch along the first axis."""
        known = {one["name"]: one["datatype"] for one in self.inputs(model)}
        told = [
            {"name": name, "datatype": known.get(name, "FP32"), "shape": _shape(rows), "data": _flat(rows)}
            for name, rows in inputs.items()
        ]
        answer = self._at.post(f"/v2/models/{model}/infer", {"inputs": told})
        return {one["name"]: _folded(one["data"], one["shape"]) for one in answer["outputs"]}


class Pipelines:
    """`client.pipelines`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def start(self, spec: Json) -> types.Pipeline:
        """{"name", "model", "data", "train": {"task", "config"}, "compress", "canary", "promote" …}."""
        return types.Pipeline.model_validate(self._at.post("/api/pipelines", spec))

    def get(self, pipeline_id: str) -> types.Pipeline:
        """By id or number, with its steps."""
        return types.Pipeline.model_validate(self._at.get(f"/api/pipelines/{pipeline_id}"))

    def list(self, *, limit: int = 50) -> list[types.Pipeline]:
        """Newest first."""
        return [types.Pipeline.model_validate(one) for one in self._at.get("/api/pipelines", limit=limit)]

    def wait(self, pipeline: types.Pipeline, *, timeout_s: float = PATIENCE_S) -> types.Pipeline:
        """Until it has ended well. Raises Failed with what the step said, TimeoutError."""
        over = ("finished", "failed", "cancelled")
        ended = wire.until(lambda: self.get(pipeline.id), lambda one: one.state in over, timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"pipeline {ended.number}", ended.state, ended.error)
        return ended

    def cancel(self, pipeline: types.Pipeline) -> types.Pipeline:
        """Stop it and the work under way."""
        return types.Pipeline.model_validate(self._at.post(f"/api/pipelines/{pipeline.id}/cancel"))

    def tasks(self) -> Sequence[Json]:
        """What a pipeline of each task can do: `cannot` (step → why not), and whether it promotes unless told."""
        found: Sequence[Json] = self._at.get("/api/pipeline-tasks")
        return found

    def schedule(self, spec: Json, every: str, *, hour: int = 2, weekday: int = 5) -> types.Schedule:
        """Start a spec by itself: `daily`, `weekly` or `new_data`; hour in the school's time, weekday 0 is Monday."""
        body = {"spec": spec, "every": every, "hour": hour, "weekday": weekday}
        return types.Schedule.model_validate(self._at.post("/api/pipeline-schedules", body))

    def schedules(self) -> "Sequence[types.Schedule]":
        """Every schedule of the school, with its next start."""
        return [types.Schedule.model_validate(one) for one in self._at.get("/api/pipeline-schedules")]

    def pause(self, schedule: types.Schedule) -> types.Schedule:
        """Start nothing until it goes on."""
        return types.Schedule.model_validate(self._at.post(f"/api/pipeline-schedules/{schedule.id}/pause"))

    def resume(self, schedule: types.Schedule) -> types.Schedule:
        """From its next time on; what the pause missed is not made up for."""
        return types.Schedule.model_validate(self._at.post(f"/api/pipeline-schedules/{schedule.id}/resume"))

    def unschedule(self, schedule: types.Schedule) -> None:
        """Start it no more."""
        self._at.delete(f"/api/pipeline-schedules/{schedule.id}")


def _uri(version: types.Version | str) -> str:
    return version if isinstance(version, str) else version.uri


def _split(version: types.Version | str) -> tuple[str, int]:
    model, _, number = _uri(version).removeprefix("models:/").rpartition("/")
    if not model or not number.isdecimal():
        raise ValueError(f"{version!r} is no version; write models:/name/3")
    return model, int(number)


def _shape(rows: Any) -> list[int]:  # Any: nested lists
    return [len(rows), *(_shape(rows[0]) if rows else [])] if isinstance(rows, (list, tuple)) else []


def _flat(rows: Any) -> list[Any]:  # Any: nested lists
    return [one for row in rows for one in _flat(row)] if isinstance(rows, (list, tuple)) else [rows]


def _folded(data: Sequence[Any], shape: Sequence[int]) -> Any:  # Any: nested lists
    if len(shape) < 2:
        return list(data)
    width = len(data) // shape[0] if shape[0] else 0
    return [_folded(data[n * width : (n + 1) * width], shape[1:]) for n in range(shape[0])]
