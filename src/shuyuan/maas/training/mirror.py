"""Copies ended runs to an MLflow tracking server over its REST API, where an administrator has named one.

Off by default: nothing leaves the machine. What is copied: config, figures, curves, references and the run's name; no
data, no weights, no person. A run is looked up by its id first, so copying it again changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import httpx

from shuyuan.kernel import errors
from shuyuan.maas.training import folders, interface

EXPERIMENT, TAG = "shuyuan", "shuyuan.run"
_API, _TIMEOUT_S = "/api/2.0/mlflow", 10.0
_MOST_METRICS, _MOST_PARAMS, _MOST_CHARS = 1000, 100, 500  # of one request, as MLflow's API says
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
_NOT_A_FIGURE = {"step", "epoch", "at_s", "line"}
_Json = dict[str, Any]  # Any: JSON


class Mirror:
    """One tracking server."""

    def __init__(self, url: str) -> None:
        """url: http(s)://host[:port], without a path of the API."""
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=_TIMEOUT_S, follow_redirects=False)

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def write(self, run: interface.Run, lines: Sequence[_Json]) -> str:
        """Copy an ended run and its curves; returns MLflow's id. Raises Unavailable."""
        try:
            return self._write(run, lines)
        except (httpx.HTTPError, KeyError, ValueError) as wrong:
            raise errors.Unavailable(
                f"the MLflow server did not take run {run.number}: {wrong}", fix="check mlflow_url and the server"
            ) from wrong

    def _write(self, run: interface.Run, lines: Sequence[_Json]) -> str:
        experiment = self._experiment()
        run_id = self._found(experiment, run) or self._created(experiment, run)
        params = [{"key": name, "value": str(value)[:_MOST_CHARS]} for name, value in run.config.items()]
        for some in _some(params, _MOST_PARAMS):
            self._post("runs/log-batch", {"run_id": run_id, "params": some})
        for some in _some(list(_metrics(run, lines)), _MOST_METRICS):
            self._post("runs/log-batch", {"run_id": run_id, "metrics": some})
        ended = {"run_id": run_id, "status": _STATUS[run.state], "end_time": _ms(run.ended_at or run.created_at)}
        self._post("runs/update", ended)
        return run_id

    def _experiment(self) -> str:
        answer = self._client.get(f"{_API}/experiments/get-by-name", params={"experiment_name": EXPERIMENT})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return str(self._post("experiments/create", {"name": EXPERIMENT})["experiment_id"])
        answer.raise_for_status()
        return str(answer.json()["experiment"]["experiment_id"])

    def _found(self, experiment: str, run: interface.Run) -> str | None:
        wanted = {"experiment_ids": [experiment], "filter": f"tags.`{TAG}` = '{run.id}'", "max_results": 1}
        found = self._post("runs/search", wanted).get("runs") or []
        return str(found[0]["info"]["run_id"]) if found else None

    def _created(self, experiment: str, run: interface.Run) -> str:
        tags = {TAG: run.id, "task": run.task, "data": run.data, "data_sha256": run.data_sha256}
        tags |= {"code_version": run.code_version, "seed": str(run.seed), "parent": run.parent or ""}
        made = self._post(
            "runs/create",
            {
                "experiment_id": experiment,
                "run_name": run.name,
                "start_time": _ms(run.started_at or run.created_at),
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            },
        )
        return str(made["run"]["info"]["run_id"])

    def _post(self, verb: str, body: _Json) -> _Json:
        answer = self._client.post(f"{_API}/{verb}", json=body)
        answer.raise_for_status()
        told: _Json = answer.json() if answer.content else {}
        return told


def _some(values: Sequence[_Json], size: int) -> Iterator[list[_Json]]:
    """Lists of at most `size`."""
    for at in range(0, len(values), size):
        yield list(values[at : at + size])


def _metrics(run: interface.Run, lines: Sequence[_Json]) -> Iterator[_Json]:
    began_ms = _ms(run.started_at or run.created_at)
    for line in lines:
        told = folders.finite(line)
        at_ms, step = began_ms + int(1000 * told.get("at_s", 0.0)), int(told.get("step", 0))
        prefix = f"{line.get('split', 'train')}_"
        for name in told.keys() - _NOT_A_FIGURE:
            yield {"key": prefix + name, "value": told[name], "timestamp": at_ms, "step": step}
    for name, value in run.figures.items():
        yield {
            "key": f"final_{name}",
            "value": value,
            "timestamp": _ms(run.ended_at or run.created_at),
            "step": run.steps,
        }


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
