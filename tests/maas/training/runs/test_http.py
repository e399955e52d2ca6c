"""Training over HTTP: who may do what, live events, files, errors that name the field."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.identity import cast
from tests.identity.cast import ORIGIN, Cast
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.kernel import http
from shuyuan.maas.training import folders, following, interface, routes, service

BODY = {"task": "tabular_classification", "data": "data:/marks", "config": {"rate": 0.02}}
Client = Callable[..., TestClient]


@pytest.fixture
def school(platform: Platform) -> Cast:
    """A school with one person of each role."""
    return cast.gather(platform, "north")


@pytest.fixture
def school_id(school: Cast) -> str:
    """Its id, for the data set."""
    return school.school_id


@pytest.fixture
def training(make: Make) -> service.TrainingService:
    """At work, with runs of twenty steps."""
    return make("--steps", 20, "--pace", 0.01)


@pytest.fixture
def client(training: service.TrainingService, platform: Platform, school: Cast) -> Client:
    """Clients of the application, signed in by role."""
    identity = platform.get("identity")
    app = http.build_app(
        version="test",
        gate=identity_http.gate(identity),
        ready=dict,
        max_body_bytes=100_000,
        routers=[routes.router(training)],
    )

    def signed_in(role: Any, of: Cast = school) -> TestClient:  # Any: a role
        found = TestClient(app, headers=ORIGIN, raise_server_exceptions=False)
        found.cookies.set(identity_http.COOKIE, of.signed[role].token)
        return found

    return signed_in


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(kind, data) of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_teacher_trains_follows_and_takes_the_files(client: Client) -> None:
    teacher = client("teacher")
    tasks = teacher.get("/api/training/tasks").json()
    assert "rate" in next(one for one in tasks if one["name"] == BODY["task"])["config"]["properties"]
    run = teacher.post("/api/runs", json=BODY)
    assert run.status_code == 201, run.text
    address = f"/api/runs/{run.json()['id']}"
    told = events_of(teacher.get(f"{address}/events").text)
    metrics = [data["line"] for kind, data in told if kind == "metric"]
    assert metrics == list(range(1, 21)), "every line once, also those written just before the end"
    assert told[-1] == ("end", {"state": "finished"})
    states = [data["state"] for kind, data in told if kind == "run"]
    assert states[-1] == "finished"
    later = events_of(teacher.get(f"{address}/events", headers={"last-event-id": "18"}).text)
    assert [data["line"] for kind, data in later if kind == "metric"] == [19, 20]
    assert [line["line"] for line in teacher.get(f"{address}/metrics?after=19").json()] == [20]
    graph = teacher.get(f"{address}/out/model.onnx")
    assert graph.text.startswith("graph ")
    assert "attachment" in graph.headers["content-disposition"]
    assert teacher.get(f"{address}/out/..%2f..%2fjob.json").status_code == 404
    assert teacher.get(f"{address}/out/predictions.parquet").status_code == 403, "it tells of single rows"
    for name in ("features.json", "spec.json"):
        assert teacher.get(f"{address}/out/{name}").status_code == 403, "it quotes values of personal data"
        assert client("developer").get(f"{address}/out/{name}").status_code == 200
    assert teacher.post(f"{address}/register", json={"model": "marks"}).status_code == 403
    registered = client("developer").post(f"{address}/register", json={"model": "marks"})
    assert (registered.status_code, registered.json()["number"]) == (201, 1)


@pytest.mark.parametrize("role", ["student", "guardian"])
def test_pupils_and_guardians_come_to_nothing_here(client: Client, role: str) -> None:
    who = client(role)
    for path in ("/api/training/tasks", "/api/runs", "/api/searches", "/api/runs/1", "/api/runs/1/out/model.onnx"):
        assert who.get(path).status_code == 403, path
    for path in ("/api/runs", "/api/searches", "/api/runs/1/cancel", "/api/runs/1/register"):
        assert who.post(path, json=BODY).status_code == 403, path


def test_another_school_sees_and_stops_nothing(client: Client, platform: Platform) -> None:
    run = client("admin").post("/api/runs", json=BODY).json()
    other = client("admin", cast.gather(platform, "south"))
    assert other.get("/api/runs").json() == []
    for verb, path in (("GET", ""), ("GET", "/metrics"), ("GET", "/events"), ("POST", "/pause"), ("POST", "/cancel")):
        assert other.request(verb, f"/api/runs/{run['id']}{path}").status_code == 404, path
    assert other.post("/api/runs", json=BODY).json()["error"]["code"] == "data_set_not_found"


def test_mistakes_are_named(client: Client) -> None:
    admin = client("admin")
    wrong = admin.post("/api/runs", json={**BODY, "config": {"rate": 1e9}})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["code"] == "bad_config"
    assert "rate" in wrong.json()["error"]["message"]
    assert admin.post("/api/runs", json={**BODY, "surprise": 1}).status_code == 422
    assert admin.post("/api/runs", json={**BODY, "name": "a\x00b"}).status_code == 422
    assert admin.get("/api/runs/77").json()["error"]["code"] == "run_not_found"
    space = {"run": BODY, "space": {"rate": {"low": 2, "high": 1}}}
    assert admin.post("/api/searches", json=space).json()["error"]["code"] == "bad_search_space"


def test_pause_resume_and_cancel_answer_with_the_run(client: Client, training: service.TrainingService) -> None:
    training.close()
    admin = client("admin")
    run = admin.post("/api/runs", json=BODY).json()
    address = f"/api/runs/{run['number']}"
    assert admin.post(f"{address}/pause").json()["state"] == "paused"
    assert admin.post(f"{address}/resume").json()["state"] == "queued"
    assert admin.post(f"{address}/cancel").json()["state"] == "cancelled"
    assert admin.post(f"{address}/cancel").json()["error"]["code"] == "run_ended"
    assert [one["state"] for one in admin.get("/api/runs?state=cancelled").json()] == ["cancelled"]
    assert admin.get("/api/runs?before=1").json() == []


def test_a_search_is_started_shown_and_cancelled(client: Client, training: service.TrainingService) -> None:
    training.close()
    admin = client("admin")
    body = {"run": BODY, "space": {"rate": {"low": 0.001, "high": 0.1, "log": True}}, "trials": 2}
    search = admin.post("/api/searches", json=body)
    assert search.status_code == 201, search.text
    address = f"/api/searches/{search.json()['id']}"
    assert admin.get(address).json()["metric"] == "validation_loss"
    assert admin.get(f"{address}/trials").json() == []
    assert len(admin.get("/api/searches").json()) == 1
    assert admin.post(f"{address}/cancel").json()["state"] == "cancelled"


@pytest.mark.anyio
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_quiet_run_is_kept_alive_and_followed_to_its_end(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "KEEP_ALIVE_S", 0.02)
    training, who = make(at_work=False), rooms.person(school_id)
    run = training.start(who, rooms.new())
    look = following.looker(lambda: training.run(who, run.id), folders.Curve(training.curve_file(run)))
    kinds = list[str]()
    async for event in following.follow(look, every_s=0.01):
        kinds.append(event.kind)
        if event.kind == "alive" and kinds.count("alive") == 2:
            training.cancel(who, run.id)
    assert kinds[0] == "run"
    assert kinds[-2:] == ["run", "end"]


def test_a_curve_is_read_line_by_line_and_again_once_it_was_cut(tmp_path: Any) -> None:
    path = tmp_path / "metrics.jsonl"
    curve = folders.Curve(path)
    assert curve.new() == []
    path.write_text('{"step": 1}\nnonsense\n{"step": 2, "loss": NaN}\n{"step"')
    assert curve.new() == [{"step": 1, "line": 1}, {"step": 2, "loss": None, "line": 3}], "half a line waits"
    with path.open("a") as file:
        file.write(": 3}\n")
    assert curve.new() == [{"step": 3, "line": 4}]
    cut = tmp_path / "cut"
    cut.write_text('{"step": 1}\n{"step": 9}\n{"step": 10}\n{"step": 11}\n{"step": 12}\n{"step": 13}\n')
    cut.replace(path)
    assert [line["step"] for line in curve.new()] == [1, 9, 10, 11, 12, 13]


def test_a_reference_is_a_run_or_a_file_of_it() -> None:
    from shuyuan.maas.training import references

    assert references.read("7") == ("7", "")
    assert references.read(f"runs:/{'a' * 26}/out/model.onnx") == ("a" * 26, "model.onnx")
    for wrong in ("", "runs:/", "runs:/1/in/x", "runs:/1/out/../x", "9" * 23, "models:/x/1", "1\n"):
        with pytest.raises(interface.BadReference):
            references.read(wrong)
