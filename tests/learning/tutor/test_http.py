"""The tutor over HTTP, with the real `tiny` model on this machine and on an OpenAI-compatible server."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.learning.tutor.world import ScriptedVoice, World, text_of
from tests.maas.gateway.server import running
from tests.maas.starter_files import require

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Principal
from shuyuan.kernel.http import build_app
from shuyuan.kernel.settings import Settings
from shuyuan.learning.tutor import routes, voices
from shuyuan.maas.gateway import errors as gateway_errors
from shuyuan.maas.gateway import routes as gateway_routes
from shuyuan.maas.serving import engine as serving_engine

WHY = "Which step comes first here, and why?"
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def app_of(world: World, voice: voices.Voice | None = None) -> FastAPI:
    tutor = world.tutor(voice) if voice else world.platform.get("tutor")

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await tutor.drain()
        await world.platform.get("gateway").drain()
        await world.platform.get("engine").close()

    return build_app(
        version="test",
        gate=identity_http.gate(world.identity),
        ready=dict,
        max_body_bytes=500_000,
        lifespan=lifespan,
        routers=[routes.router(tutor), gateway_routes.router(world.platform.get("gateway"))],
        error_pages={"/v1": gateway_errors.error_page},
    )


def signed_in(world: World, principal: Principal, base_url: str) -> dict[str, str]:
    token = world.identity.sign_in_as(principal.account_id).token
    return {"cookie": f"{identity_http.COOKIE}={token}", "origin": base_url}


def events_of(body: str) -> list[dict[str, object]]:
    frames = [frame.split("\n") for frame in body.strip().split("\n\n")]
    told = [(frame[0].removeprefix("event: "), json.loads(frame[1].removeprefix("data: "))) for frame in frames]
    assert all(name == event["kind"] for name, event in told)
    return [event for _name, event in told]


@pytest.fixture
def live(database_url: str, tmp_path: Path) -> Iterator[World]:
    """The whole learning plane with a real engine, which the server closes."""
    locator = require("tiny")
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="tiny", port=0)
    platform = Platform(settings, catalogue=locator, engine=serving_engine.LocalEngine(locator))
    yield World(platform)
    platform.close()


@sqlite_only
def test_a_real_model_answers_past_the_guard_and_is_on_the_ledger(live: World) -> None:
    item = next(i.id for i in live.content.items if i.kind == "expression" and i.passage)
    attempt = live.start(item)
    with running(app_of(live)) as url:
        headers = signed_in(live, live.pupil, url)
        answer = httpx.post(
            f"{url}/api/attempts/{attempt.id}/items/{item}/tutor",
            headers=headers,
            json={"message": WHY, "language": "en"},
            timeout=90,
        )
        told = events_of(answer.text)
        teacher = httpx.get(
            f"{url}/api/learners/{live.learner_id}/tutor-transcript", headers=signed_in(live, live.teacher, url)
        )
        stranger = httpx.get(
            f"{url}/api/learners/{live.learner_id}/tutor-transcript", headers=signed_in(live, live.stranger, url)
        )
    names = [event["kind"] for event in told]
    assert (names[0], names[1], names[-1]) == ("hint", "source", "done")
    assert {"sentence", "replaced", "note"} & set(names)
    question = live.question(attempt)
    assert not any(question.key.says[0] in str(event.get("text", "")) for event in told)
    assert str(told[-1]["model"]).startswith("models:/tiny@sha256:")
    (turn,) = teacher.json()["turns"]
    assert (turn["message"], turn["outcome"]) == (WHY, "answered")
    assert stranger.status_code == 404
    (call,) = live.platform.get("gateway").calls(live.pupil)
    assert (call.purpose, call.status, call.account_id) == ("tutor", "settled", live.learner_id)
    assert call.completion_tokens > 0


@sqlite_only
def test_the_tutor_runs_against_any_openai_compatible_server(live: World) -> None:
    developer = live.member("developer", "dev")
    key = live.identity.create_key(developer, "for the tutor").secret
    item = live.item("expression")
    with running(app_of(live)) as url:
        voice = voices.OpenAIServer(f"{url}/v1", preferred="tiny", api_key=key)
        events = live.ask(voice, item, WHY)
        wrong = voices.OpenAIServer(f"{url}/v1", api_key="sk-wrong")
        refused = live.ask(wrong, item, WHY)
    assert events[-1].data["model"] == f"{url}/v1#tiny"
    assert {"sentence", "replaced", "note"} & {event.kind for event in events}
    (call,) = live.platform.get("gateway").calls(developer)
    assert (call.purpose, call.model, call.status) == ("api", "tiny", "settled")
    assert [event.data["why"] for event in refused if event.kind == "note"] == ["unavailable"]
    nobody = live.ask(voices.OpenAIServer("http://127.0.0.1:9/v1"), item, WHY)
    assert [event.kind for event in nobody] == ["hint", "source", "note", "done"]


def test_json_gives_the_whole_answer_and_bad_messages_are_422(world: World) -> None:
    item = world.item("numeric")
    attempt = world.start(item)
    path = f"/api/attempts/{attempt.id}/items/{item}/tutor"
    with TestClient(app_of(world, ScriptedVoice())) as client:
        headers = signed_in(world, world.pupil, "http://testserver") | {"accept": "application/json"}
        whole = client.post(path, json={"message": WHY, "language": "en"}, headers=headers).json()
        assert "Look at the sign before the bracket." in whole["text"]
        assert whole["sources"][0]["href"].startswith("/learn/lesson?id=year7-expressions.")
        assert whole["visible_to"] == "Your teachers can read this chat; parents cannot."
        for body in ({"message": ""}, {"message": "x" * 1_001}, {}):
            assert client.post(path, json=body, headers=headers).status_code == 422
        assert client.get("/api/tutor", headers=headers).json()["voice"] == "on"
        teacher = signed_in(world, world.teacher, "http://testserver")
        assert client.post(path, json={"message": WHY}, headers=teacher).status_code == 403


def test_what_a_model_writes_is_sanitised(world: World) -> None:
    voice = ScriptedVoice(pieces=("Look <script>alert(1)</script> at <img src=x onerror=y> **this** step now.",))
    events = world.ask(voice, world.item("numeric"), WHY)
    html = "".join(event.html for event in events if event.kind == "sentence")
    assert "<strong>this</strong>" in html
    assert "<script" not in html
    assert "<img" not in html
    assert text_of(events, "sentence").startswith("Look")
