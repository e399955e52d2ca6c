"""Copies to an MLflow server: only where one was named, once a run, and again when it was away."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.kernel import errors


class Tracking(ThreadingHTTPServer):
    """A tracking server that remembers: experiments, runs, params and metrics."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.experiments, self.runs = dict[str, str](), dict[str, dict[str, Any]]()
        self.away, self.asked = False, 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """The few verbs of MLflow's REST API that are used."""

    server: Tracking

    def do_GET(self) -> None:
        """experiments/get-by-name."""
        found = self.server.experiments.get("shuyuan")
        self._answer(200 if found else 404, {"experiment": {"experiment_id": found}})

    def do_POST(self) -> None:
        """The rest."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        verb, runs = urlsplit(self.path).path.removeprefix("/api/2.0/mlflow/"), self.server.runs
        told: dict[str, Any] = {}
        if verb == "experiments/create":
            self.server.experiments[body["name"]] = "1"
            told = {"experiment_id": "1"}
        elif verb == "runs/search":
            named = [one for one in runs.values() if f"'{one['tags']['shuyuan.run']}'" in body["filter"]]
            told = {"runs": [{"info": {"run_id": one["id"]}} for one in named]}
        elif verb == "runs/create":
            run_id = f"r{len(runs)}"
            tags = {one["key"]: one["value"] for one in body["tags"]}
            runs[run_id] = {"id": run_id, "name": body["run_name"], "tags": tags, "params": {}, "metrics": []}
            told = {"run": {"info": {"run_id": run_id}}}
        elif verb == "runs/log-batch":
            runs[body["run_id"]]["params"] |= {one["key"]: one["value"] for one in body.get("params", ())}
            runs[body["run_id"]]["metrics"] += body.get("metrics", ())
        elif verb == "runs/update":
            runs[body["run_id"]]["status"] = body["status"]
        self._answer(503 if self.server.away else 200, told)

    def _answer(self, status: int, told: object) -> None:
        self.server.asked += 1
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def tracking() -> Iterator[Tracking]:
    """A server on loopback."""
    with Tracking() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_ended_run_is_copied_once_with_config_figures_and_curves(
    make: Make, platform: Platform, school_id: str, tracking: Tracking
) -> None:
    training, who = make("--steps", 3), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new(name="first", config={"rate": 0.02})))
    assert training.mirror() == 0
    assert tracking.asked == 0, "nothing leaves the machine unless a server was named"

    platform.settings.mlflow_url = tracking.url
    tracking.away = True
    with pytest.raises(errors.Unavailable, match="MLflow"):
        training.mirror()
    tracking.away = False
    assert training.mirror() == 1
    assert training.mirror() == 0, "once"
    (copied,) = tracking.runs.values()
    assert (copied["name"], copied["status"], copied["params"]["rate"]) == ("first", "FINISHED", "0.02")
    assert copied["tags"]["data"] == run.data
    told = {(one["key"], one["step"]): one["value"] for one in copied["metrics"]}
    assert told["train_loss", 2] == 0.5
    assert told["final_validation_accuracy", 3] == 0.9
    assert who.account_id not in json.dumps(copied), "no person"


def test_copied_again_after_a_crash_it_is_still_one_run(
    make: Make, platform: Platform, school_id: str, tracking: Tracking
) -> None:
    training, who = make("--steps", 1), rooms.person(school_id)
    rooms.ended(training, training.start(who, rooms.new()))
    platform.settings.mlflow_url = tracking.url
    training.mirror()
    with platform.get("db").engine.begin() as conn:
        conn.exec_driver_sql("UPDATE training_run SET mirrored = false")
    assert training.mirror() == 1
    assert len(tracking.runs) == 1
