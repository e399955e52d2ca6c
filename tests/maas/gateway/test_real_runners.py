"""Models that a school brought, over HTTP and through real workers: a voice, an upstream, a graph, a new champion."""

import asyncio
import io
import json
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas import onnx_file
from tests.maas.gateway.mediascript import app_on
from tests.maas.gateway.scripted import Caller, new_caller
from tests.maas.runners import fake_upstream

from shuyuan.compose import Platform
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import extras, interface

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
CHAT = {"model": "far", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    made = Platform(Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0))
    yield made
    made.close()


@pytest.fixture
def caller(platform: Platform) -> Caller:
    return new_caller(platform.get("identity"), platform.get("db"))


@pytest.fixture
def client(platform: Platform, caller: Caller) -> Iterator[TestClient]:
    with TestClient(app_on(platform), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


def bring(platform: Platform, caller: Caller, model: str, runner: str, file: bytes, **more: Any) -> interface.Version:
    school_id, account_id = caller.principal.school_id, caller.principal.account_id
    brought: interface.Version = platform.get("catalogue").add_file(
        school_id,
        account_id,
        model=model,
        source=io.BytesIO(file),
        runner=runner,
        **{"champion": True, "reason": "tests", "trusted": True, **more},
    )
    return brought


def times(factor: float) -> bytes:
    return onnx_file.linear(np.eye(3, dtype=np.float32) * factor)


def infer(client: TestClient, shape: Sequence[int], data: Sequence[float], datatype: str = "FP32") -> Any:
    tensor = {"name": "x", "datatype": datatype, "shape": shape, "data": data}
    return client.post("/v2/models/linear/infer", json={"inputs": [tensor]})


@pytest.mark.skipif(bool(extras.missing("espeak")), reason="neither espeakng-loader nor espeak-ng is installed")
def test_a_text_is_said_aloud(platform: Platform, caller: Caller, client: TestClient) -> None:
    bring(platform, caller, "voice", "espeak", json.dumps({"voices": {"en": "en-us", "zh": "cmn"}}).encode())
    lasted_s = {}
    for voice, text in (("en", "Water boils at one hundred degrees."), ("zh", "水在一百度沸腾。"), ("", "Hello.")):
        answer = client.post("/v1/audio/speech", json={"model": "voice", "input": text, "voice": voice})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav"), answer.text
        with wave.open(io.BytesIO(answer.content)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            lasted_s[voice] = file.getnframes() / file.getframerate()
        assert np.abs(samples).max() > 1000
    assert min(lasted_s["en"], lasted_s["zh"]) > lasted_s[""] > 0.1
    unknown = client.post("/v1/audio/speech", json={"model": "voice", "input": "Hello.", "voice": "fr"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "voice_not_installed")


def test_an_upstream_that_fails_is_told_as_such_and_when_to_come_back(
    platform: Platform, caller: Caller, client: TestClient
) -> None:
    fake = fake_upstream.FakeUpstream(fake_upstream.status(503, "{}", "retry-after: 7"))
    try:
        bring(platform, caller, "far", "remote", json.dumps({"upstreams": [{"url": fake.url, "model": "m"}]}).encode())
        answer = client.post("/v1/chat/completions", json=CHAT)
    finally:
        fake.close()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_failed"), answer.text
    assert 2 <= int(answer.headers["retry-after"]) <= 7


def test_a_graph_tells_what_it_takes_and_other_shapes_are_refused(
    platform: Platform, caller: Caller, client: TestClient
) -> None:
    bring(platform, caller, "linear", "onnx", times(2))
    told = client.get("/v2/models/linear").json()
    assert told["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert told["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}]
    good = infer(client, [2, 3], [1, 2, 3, 4, 5, 6])
    assert good.json()["outputs"][0]["data"] == [2, 4, 6, 8, 10, 12]
    for shape, data, datatype in (([1, 2], [1, 2], "FP32"), ([3], [1, 2, 3], "FP32"), ([1, 3], [1, 2, 3], "INT64")):
        refused = infer(client, shape, data, datatype)
        assert refused.status_code == 400, refused.text
        assert "x" in refused.json()["error"]


def test_a_new_champion_serves_the_very_next_call(platform: Platform, caller: Caller, client: TestClient) -> None:
    factors = (2, 3, 5)

    def serves(number: int) -> None:
        answer = infer(client, [1, 3], [1, 0, 0]).json()
        assert answer["outputs"][0]["data"] == [factors[number - 1], 0, 0]
        assert answer["model_version"] == str(number)  # as it stands on the books

    for number, factor in enumerate(factors, 1):
        bring(platform, caller, "linear", "onnx", times(factor))
        serves(number)
    for number in (1, 3, 2):
        platform.get("catalogue").move_alias(
            caller.principal.school_id,
            caller.principal.account_id,
            model="linear",
            alias="champion",
            version=number,
            reason="the next call must see it",
        )
        serves(number)


def test_every_line_of_the_repository_can_be_asked_for_as_it_is_written(
    platform: Platform, caller: Caller, client: TestClient
) -> None:
    for factor in (2, 3):
        bring(platform, caller, "linear", "onnx", times(factor))
    lines = [one for one in client.post("/v2/repository/index").json() if one["name"] == "linear"]
    assert [one["version"] for one in lines] == ["2", "1"]
    for one in lines:
        ready = client.get(f"/v2/models/{one['name']}/versions/{one['version']}")
        assert ready.json()["versions"] == [one["version"]], ready.text


def test_the_version_that_is_booked_answers_though_its_alias_moves_in_between(
    platform: Platform, caller: Caller, client: TestClient
) -> None:
    for factor in (2, 3):
        bring(platform, caller, "linear", "onnx", times(factor))
    principal, desk, catalogue = caller.principal, platform.get("gateway").desk, platform.get("catalogue")

    async def raced(to: int) -> tuple[str, object]:
        found = await desk.locate(principal, "linear", "predict")
        way = (principal.school_id, principal.account_id)
        await asyncio.to_thread(
            catalogue.move_alias, *way, model="linear", alias="champion", version=to, reason="meanwhile"
        )
        inputs = {"x": np.array([[1, 0, 0]], np.float32)}
        answer = await desk.engine.predict("linear", inputs, asker=desk.asker(principal))
        return found.version, answer["y"].tolist()

    assert client.portal is not None
    for to in (1, 2, 1):  # the last one is asked for a version that is long gone from memory
        booked = 3 - to
        assert client.portal.call(raced, to) == (f"models:/linear/{booked}", [[booked + 1, 0, 0]])
    assert [one.model for one in platform.get("engine").status() if "linear" in one.model] == ["linear"]
