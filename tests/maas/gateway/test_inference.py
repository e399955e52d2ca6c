"""`/v2`, the Open Inference Protocol: JSON, binary tensors, the official client, hostile requests."""

import asyncio
import dataclasses
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.identity import cast
from tests.maas.gateway.mediascript import MediaEngine, app_on
from tests.maas.gateway.scripted import Caller, new_caller
from tests.maas.gateway.server import running

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Role
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.inference import graphs, tensors
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
INFER = "/v2/models/linear/infer"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture
def engine() -> MediaEngine:
    return MediaEngine()


@pytest.fixture
def caller(media: Platform) -> Caller:
    return new_caller(media.get("identity"), media.get("db"))


@pytest.fixture
def client(media: Platform, caller: Caller) -> Iterator[TestClient]:
    with TestClient(app_on(media), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


def tensor(**change: Any) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4], **change}


def infer(client: TestClient, *inputs: dict[str, Any], **more: Any) -> Any:
    return client.post(INFER, json={"inputs": list(inputs), **more})


def test_health_and_server_are_open_to_all(client: TestClient) -> None:
    client.headers.pop("authorization")
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data", "model_repository"]
    closed = client.get("/v2/models/linear")
    assert (closed.status_code, set(closed.json())) == (401, {"error", "code"})


def test_metadata_comes_from_the_graph_or_what_the_version_declares(client: TestClient) -> None:
    told = client.get("/v2/models/linear").json()
    assert told == {
        "name": "linear",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }
    assert client.get("/v2/models/linear/versions/1").json()["name"] == "linear"
    assert client.get("/v2/models/linear/versions/1/ready").json()["ready"] is True
    assert client.get("/v2/models/linear/ready").status_code == 200
    assert client.get("/v2/models/nothing/ready").status_code == 404
    chat = client.get("/v2/models/tiny")
    assert (chat.status_code, chat.json()["code"]) == (400, "not_claimed")


def test_numbers_go_in_and_out_as_json(client: TestClient, engine: MediaEngine) -> None:
    for data in ([1, 2, 3, 4], [[1, 2], [3, 4]]):
        answer = infer(client, tensor(data=data), id="abc", outputs=[{"name": "y"}])
        assert answer.json() == {
            "model_name": "linear",
            "model_version": "1",
            "id": "abc",
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [2.0, 4.0, 6.0, 8.0]}],
        }
    assert answer.headers["x-shuyuan-model-version"] == "models:/linear/1"
    assert [output["name"] for output in infer(client, tensor()).json()["outputs"]] == ["y", "n"]
    assert client.post("/v2/models/linear/versions/1/infer", json={"inputs": [tensor()]}).status_code == 200
    assert np.array_equal(engine.asked[-1]["x"], np.array([[1, 2], [3, 4]], np.float32))  # type: ignore[arg-type]


def test_bytes_go_in_and_out_with_the_binary_extension(client: TestClient) -> None:
    raw = struct.pack("<4f", 1, 2, 3, 4)
    head = tensor(parameters={"binary_data_size": len(raw)})
    del head["data"]
    body = json.dumps({"inputs": [head], "parameters": {"binary_data_output": True}}).encode()
    answer = client.post(INFER, content=body + raw, headers={LENGTH: str(len(body))})
    cut = int(answer.headers[LENGTH])
    told = json.loads(answer.content[:cut])
    assert [output["parameters"]["binary_data_size"] for output in told["outputs"]] == [16, 8]
    assert struct.unpack("<4f", answer.content[cut : cut + 16]) == (2, 4, 6, 8)
    mixed = json.dumps(
        {"inputs": [head], "outputs": [{"name": "n"}, {"name": "y", "parameters": {"binary_data": True}}]}
    )
    answer = client.post(INFER, content=mixed.encode() + raw, headers={LENGTH: str(len(mixed))})
    cut = int(answer.headers[LENGTH])
    assert json.loads(answer.content[:cut])["outputs"][0]["data"] == [2]
    assert answer.content[cut:] == struct.pack("<4f", 2, 4, 6, 8)


def test_asking_where_one_infers_is_told_the_verb(client: TestClient) -> None:
    refused = client.get("/v2/models/iris/infer")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in refused.json()["error"]


def test_a_call_is_one_request_on_the_books(client: TestClient) -> None:
    infer(client, tensor())
    (call,) = client.get("/api/usage/calls").json()["calls"]
    assert (call["endpoint"], call["status"], call["outcome"]) == ("infer", "settled", "ok")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"datatype": "BYTES", "data": ["a", "b", "c", "d"]}, "'BYTES' is not served"),
        ({"datatype": "FP16"}, "'FP16' is not served"),
        ({"shape": [3, 2]}, "has 6 elements, 4 came"),
        ({"shape": [2, -2]}, "no list of sizes"),
        ({"shape": [2, True]}, "no list of sizes"),
        ({"shape": "wide"}, "no list of sizes"),
        ({"shape": [1] * 17}, "no list of sizes"),
        ({"data": [1, 2, "3", 4]}, "is not FP32"),
        ({"data": [[1, 2], [3]]}, "no even shape"),
        ({"data": None}, "has no data"),
        ({"name": "z"}, "the graph takes ['x']"),
        ({"name": 7}, "is called '7'"),
        ({"shape": [4], "data": [1, 2, 3, 4]}, "the graph takes [-1, 2]"),
        ({"datatype": "INT64"}, "is INT64, the graph takes FP32"),
        ({"datatype": "INT32", "data": [1, 2, 3, 2**31]}, "does not fit INT32"),
        ({"datatype": "INT64", "data": [1.5, 2, 3, 4]}, "is not INT64"),
        ({"parameters": {"binary_data_size": 16}}, "are no whole number|0 came|16"),
        ({"parameters": {"shared_memory_region": "a"}}, "'shared_memory_region' is not served"),
    ],
)
def test_a_tensor_that_contradicts_itself_is_refused_by_name(
    client: TestClient, engine: MediaEngine, change: dict[str, Any], named: str
) -> None:
    answer = infer(client, tensor(**change))
    assert answer.status_code == 400
    assert any(part in answer.json()["error"] for part in named.split("|")), answer.json()
    assert not [asked for asked in engine.asked if asked["task"] == "predict"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"not json", {}, 400),
        (b"[]", {}, 400),
        (b'{"inputs": []}', {}, 400),
        (b'{"inputs": [1]}', {}, 400),
        (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}, 400),
        (
            b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": ' + b"[" * 900 + b"]" * 900 + b"}]}",
            {},
            400,
        ),
        (b"{}", {LENGTH: "99"}, 400),
        (b"{}", {LENGTH: "-1"}, 400),
        (b"{}", {"content-encoding": "gzip"}, 400),
    ],
)
def test_a_request_that_is_none_is_400_with_one_sentence(
    client: TestClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post(INFER, content=body, headers=headers)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


def test_digits_of_other_scripts_are_no_length_and_no_version(client: TestClient) -> None:
    with pytest.raises(tensors.BadRequest):
        tensors.read(b"{}", "\xb2")
    assert client.get("/v2/models/linear/versions/%C2%B2").status_code == 400


def test_an_exam_closes_even_what_only_describes_a_model(media: Platform, engine: MediaEngine, caller: Caller) -> None:
    desk = media.get("gateway").desk
    in_exam = dataclasses.replace(caller.principal, suspended_until=datetime.now(UTC) + timedelta(hours=1))

    async def describe() -> None:
        found = await desk.locate(in_exam, "linear", "predict")
        await graphs.Graphs(desk).of(in_exam, "linear", found)

    async def book() -> None:
        found = await desk.locate(in_exam, "linear", "predict")
        async with desk.booked(in_exam, found, "infer"):
            raise AssertionError("never reached")

    for asked in (describe, book):
        with pytest.raises(interface.Suspended):
            asyncio.run(asked())
    assert engine.asked == []


def test_an_output_json_cannot_say_asks_for_bytes(client: TestClient, engine: MediaEngine) -> None:
    huge = infer(client, tensor(data=[3e38, 1, 1, 1]), outputs=[{"name": "y"}])
    assert (huge.status_code, "binary_data" in huge.json()["error"]) == (400, True)
    missing = infer(client, tensor(), outputs=[{"name": "z"}])
    assert "there is no output 'z'" in missing.json()["error"]


def test_errors_keep_their_status_and_say_one_sentence(client: TestClient, engine: MediaEngine) -> None:
    engine.failure = serving.Overloaded("the queue is full", fix="wait", retry_after_s=7)
    answer = infer(client, tensor())
    assert (answer.status_code, answer.json()["error"]) == (429, "the queue is full; wait")
    assert answer.headers["retry-after"] == "7"
    assert client.get("/v2/nothing/here").json()["code"] == "not_found"


def test_the_repository_lists_loads_and_unloads(client: TestClient, engine: MediaEngine) -> None:
    def states() -> dict[str, str]:
        return {one["name"]: one["state"] for one in client.post("/v2/repository/index").json()}

    assert states() == dict.fromkeys(("shades", "finder", "bare", "linear"), "UNAVAILABLE")
    assert client.post("/v2/repository/models/linear/load").status_code == 200
    assert states()["linear"] == "READY"
    assert client.post("/v2/repository/models/linear/unload").status_code == 200
    assert states()["linear"] == "UNAVAILABLE"
    assert client.post("/v2/repository/models/nothing/load").status_code == 404


@pytest.mark.parametrize(
    ("role", "asks", "loads"), [("student", 403, 403), ("teacher", 200, 403), ("developer", 200, 200)]
)
def test_pupils_reach_no_tensor_model_and_teachers_load_none(
    media: Platform, role: Role, asks: int, loads: int
) -> None:
    school = cast.gather(media, "north")
    with TestClient(cast.build_app(media, "identity", "gateway"), headers=cast.ORIGIN) as client:
        client.cookies.set(identity_http.COOKIE, school.signed[role].token)
        assert infer(client, tensor()).status_code == asks
        assert client.post("/v2/repository/models/linear/load").status_code == loads
        assert client.post("/v2/repository/models/linear/unload").status_code == loads


def test_the_official_client_works_unchanged(media: Platform, caller: Caller) -> None:
    triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    from tritonclient.utils import InferenceServerException

    # the client writes into the headers it is given: each call gets its own
    known = {"authorization": f"Bearer {caller.secret}"}
    with running(app_on(media)) as url:
        api = triton.InferenceServerClient(url.removeprefix("http://"))
        assert api.is_server_live()
        assert api.is_server_ready()
        assert api.get_server_metadata()["name"] == "shuyuan"
        assert api.is_model_ready("linear", headers=dict(known))
        assert api.get_model_metadata("linear", headers=dict(known))["inputs"][0]["shape"] == [-1, 2]
        given = np.arange(6, dtype=np.float32).reshape(3, 2)
        for binary in (True, False):
            x = triton.InferInput("x", [3, 2], "FP32")
            x.set_data_from_numpy(given, binary_data=binary)
            asked = [triton.InferRequestedOutput("y", binary_data=binary)]
            for outputs in (asked, None):
                result = api.infer("linear", [x], outputs=outputs, request_id="7", headers=dict(known))
                assert np.array_equal(result.as_numpy("y"), given * 2)
                assert result.get_response()["id"] == "7"
        api.load_model("linear", headers=dict(known))
        index = {one["name"]: one["state"] for one in api.get_model_repository_index(headers=dict(known))}
        assert index["linear"] == "READY"
        api.unload_model("linear", headers=dict(known))
        words = triton.InferInput("x", [1], "BYTES")
        words.set_data_from_numpy(np.array(["a"], dtype=np.object_))
        with pytest.raises(InferenceServerException, match="'BYTES' is not served"):
            api.infer("linear", [words], headers=dict(known))
        api.close()
