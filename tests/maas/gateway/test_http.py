"""`/v1` over HTTP with a scripted engine: shapes, headers, errors, leaving clients."""

import asyncio
import base64
import json
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller, ScriptedEngine, new_caller
from tests.maas.gateway.server import app_of, running

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface as serving

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


@pytest.fixture
def client(
    identity: IdentityService, gateway: GatewayService, engine: ScriptedEngine, caller: Caller
) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {caller.secret}"}
    with TestClient(app_of(identity, gateway, engine), headers=headers) as client:
        yield client


class Answer(Protocol):
    """A response of whichever client the test uses."""

    def json(self) -> Any: ...  # Any: JSON


def error_of(answer: Answer) -> dict[str, str]:
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events(text: str) -> list[dict[str, object]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_an_error_names_the_field_that_its_kind_is_about(client: TestClient) -> None:
    unknown = client.post("/v1/chat/completions", json={**CHAT, "model": "nothing"})
    assert (unknown.status_code, error_of(unknown)["param"]) == (404, "model")
    unfit = client.post("/v1/embeddings", json={"model": "tiny", "input": "a"})
    assert (error_of(unfit)["code"], error_of(unfit)["param"]) == ("not_claimed", "model")
    noise = client.post("/v1/ocr", files={"file": ("page.png", b"vm\nx" * 10)})
    assert (error_of(noise)["code"], error_of(noise)["param"]) == ("bad_image", "file")
    assert "'vm\\nx'" in error_of(noise)["message"]
    stops = client.post("/v1/chat/completions", json={**CHAT, "stop": list("abcde")})
    assert error_of(stops)["param"] == "stop"
    assert "it has to have at most 4 items" in error_of(stops)["message"]


def test_what_other_servers_offer_is_refused_with_what_to_use_here(client: TestClient) -> None:
    refused = client.post("/v1/responses", json={"model": "tiny", "input": "hi"})
    assert refused.status_code == 404
    assert "use /v1/chat/completions" in error_of(refused)["message"]


def test_an_answer_tells_version_overhead_request_and_what_is_left(client: TestClient) -> None:
    answer = client.post("/v1/chat/completions", json=CHAT, headers={"x-request-id": "abc"})
    assert answer.json()["choices"][0]["message"]["content"] == "Hello there"
    assert answer.json()["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    assert answer.headers["x-shuyuan-model-version"] == "models:/tiny/1"
    assert answer.headers["x-request-id"] == "abc"
    assert float(answer.headers["x-shuyuan-overhead-ms"]) > 0
    assert answer.headers["x-ratelimit-remaining-requests"] == "99999"
    assert answer.headers["x-ratelimit-limit-tokens"] == "10000000"


def test_a_stream_ends_with_usage_when_asked_and_done(client: TestClient) -> None:
    answer = client.post(
        "/v1/chat/completions", json={**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert told[0]["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    ]
    assert told[-2]["choices"][0]["finish_reason"] == "stop"  # type: ignore[index]
    assert (told[-1]["choices"], told[-1]["usage"]) == (
        [],
        {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    )
    assert all(event["usage"] is None for event in told[:-1])


def test_options_reach_the_engine(client: TestClient, engine: ScriptedEngine) -> None:
    client.post(
        "/v1/chat/completions",
        json={
            "model": "tiny",
            "messages": [{"role": "developer", "content": [{"type": "text", "text": "be short"}]}],
            "max_completion_tokens": 9,
            "temperature": 0,
            "top_p": 0.5,
            "stop": "x",
            "seed": 3,
            "n": 1,
            "user": "u",
        },
    )
    assert engine.asked == [
        {
            "messages": [{"role": "system", "content": "be short"}],
            "max_tokens": 9,
            "temperature": 0.0,
            "top_p": 0.5,
            "stop": ["x"],
            "seed": 3,
        }
    ]


def test_bad_input_is_400_names_the_field_and_reaches_no_model(client: TestClient, engine: ScriptedEngine) -> None:
    for change, param, code in (
        ({"n": 5}, "n", "invalid_request"),
        ({"messages": []}, "messages", "invalid_request"),
        ({"max_tokens": 100_000}, "max_tokens", "context_length_exceeded"),
        ({"messages": [{"role": "user", "content": "x" * 100_001}]}, "messages", "too_much"),
        ({"model": "embed"}, "model", "not_claimed"),
    ):
        answer = client.post("/v1/chat/completions", json={**CHAT, **change})
        assert (answer.status_code, error_of(answer)["param"], error_of(answer)["code"]) == (400, param, code)
        assert error_of(answer)["type"] == "invalid_request_error"
    assert engine.asked == []


def test_malformed_json_is_400(client: TestClient) -> None:
    answer = client.post("/v1/chat/completions", content=b'{"model": "tiny", "mess')
    assert (answer.status_code, error_of(answer)["code"]) == (400, "malformed_json")


def test_an_oversized_body_is_413_before_it_is_read(client: TestClient, engine: ScriptedEngine) -> None:
    answer = client.post("/v1/chat/completions", content=b"x" * 600_000)
    assert answer.status_code == 413
    assert "600000 bytes" in answer.json()["error"]["message"]
    assert engine.asked == []


def test_a_model_that_cannot_answer_says_why(client: TestClient) -> None:
    for model, status, code in (
        ("nothing", 404, "model_not_found"),
        ("other", 503, "model_not_pulled"),
        ("tutor", 503, "model_loading"),
    ):
        answer = client.post("/v1/chat/completions", json={**CHAT, "model": model})
        assert (answer.status_code, error_of(answer)["code"]) == (status, code)
        assert ("25%" in error_of(answer)["message"]) is (code == "model_loading")
        assert ("retry-after" in answer.headers) is (status == 503)


def test_nobody_a_wrong_key_and_a_key_without_the_scope_are_refused(
    client: TestClient, identity: IdentityService, caller: Caller
) -> None:
    signed_in = identity.sign_in_as(caller.principal.account_id).principal
    other = identity.create_key(signed_in, "pages only", scopes=("learning",))
    for secret, status, kind in (
        ("sk-wrong", 401, "authentication_error"),
        ("", 401, "authentication_error"),
        (other.secret, 403, "permission_error"),
    ):
        answer = client.get("/v1/models", headers={"authorization": f"Bearer {secret}"})
        assert (answer.status_code, error_of(answer)["type"]) == (status, kind)


def test_an_unknown_address_answers_in_the_same_shape(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/usage?days=", "/api/usage/calls?limit="])
@pytest.mark.parametrize("number", ["0", "-1", "9" * 23, "many"])
def test_a_number_out_of_range_is_named(client: TestClient, path: str, number: str) -> None:
    answer = client.get(path + number)
    assert answer.status_code == 422
    assert path.rpartition("?")[2].rstrip("=") in answer.text


def test_a_model_name_of_absurd_length_is_refused_everywhere(client: TestClient) -> None:
    long = "x" * 300
    answers = [
        client.get(f"/v1/models/{long}"),
        client.post("/v1/chat/completions", json={**CHAT, "model": long}),
        client.post("/v1/services/translate", json={"text": "a", "target": "zh", "model": long}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]


def test_a_full_allowance_is_429_with_retry_after_and_headers(
    client: TestClient, gateway: GatewayService, caller: Caller
) -> None:
    gateway.set_limits(caller.admin, "account", caller.principal.account_id, tokens=None, requests=2)
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    full = answers[-1]
    assert (error_of(full)["code"], error_of(full)["type"]) == ("insufficient_quota", "insufficient_quota")
    assert 1 <= int(full.headers["retry-after"]) <= 86_400
    assert full.headers["x-ratelimit-remaining-requests"] == "0"
    assert full.headers["x-should-retry"] == "false"


def test_every_answer_carries_rate_limit_headers_errors_and_lists_too(client: TestClient) -> None:
    answers = [
        client.get("/v1/models"),
        client.get("/v1/usage"),
        client.post("/v1/embeddings", json={}),
        client.post("/v1/embeddings", json={"model": "embed", "input": "a"}),
        client.post("/v1/chat/completions", json={**CHAT, "model": "nothing"}),
        client.post("/v1/chat/completions", json={**CHAT, "stream": True}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 200, 404, 200]
    assert all("x-ratelimit-remaining-tokens" in answer.headers for answer in answers)


def test_embeddings_come_as_floats_or_base64_in_order(client: TestClient) -> None:
    body = {"model": "embed", "input": ["abc", "xyz", "abc"]}
    floats = client.post("/v1/embeddings", json=body).json()
    packed = client.post("/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
    rows = [row["embedding"] for row in floats["data"]]
    assert (len(rows[0]), rows[0] == rows[2], rows[0] == rows[1]) == (384, True, False)
    unpacked = [list(struct.unpack("<384f", base64.b64decode(row["embedding"]))) for row in packed["data"]]
    assert unpacked == rows
    assert floats["usage"] == {"prompt_tokens": 15, "total_tokens": 15}


def test_the_engine_is_told_what_becomes_of_a_long_input_and_its_refusal_is_a_400(
    client: TestClient, engine: ScriptedEngine
) -> None:
    body = {"model": "embed", "input": "a"}
    for said in ({}, {"truncate": "mean"}, {"truncate": True}):
        client.post("/v1/embeddings", json={**body, **said})
    assert engine.truncated == ["none", "mean", "end"]
    engine.failure = runners.ContextTooLong("text 1 has 600 tokens, the model reads 512", fix="shorten it")
    refused = client.post("/v1/embeddings", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_a_verb_that_is_not_answered_is_told_which_are(client: TestClient) -> None:
    for method, path, allowed in (("GET", "/v1/chat/completions", "POST"), ("DELETE", "/v1/models", "GET")):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert error_of(answer)["code"] == "method_not_allowed"
        assert error_of(answer)["message"] == f"{method} {path} is not answered. use {allowed}"


def test_what_is_wrong_in_an_address_is_named_as_in_a_body(client: TestClient) -> None:
    told = error_of(client.get("/v1/models/" + "x" * 161))
    assert (told["param"], told["code"]) == ("model", "invalid_request")
    assert told["message"].startswith('model is "xxx')


def test_numbers_that_are_no_tokens_are_the_field_tokens(client: TestClient, engine: ScriptedEngine) -> None:
    engine.failure = runners.BadPayload("token 99 is none of this model's", fix="send its own")
    told = error_of(client.post("/v1/detokenize", json={"model": "tiny", "tokens": [99]}))
    assert (told["param"], told["code"]) == ("tokens", "invalid_request")


def test_embedding_requests_that_cannot_be_met_are_400(client: TestClient) -> None:
    for change, code in (
        ({"dimensions": 256}, "invalid_request"),
        ({"input": ["a"] * 257}, "invalid_request"),
        ({"input": [" "]}, "bad_input"),
        ({"model": "tiny"}, "not_claimed"),
    ):
        answer = client.post("/v1/embeddings", json={"model": "embed", "input": "a", **change})
        assert (answer.status_code, error_of(answer)["code"]) == (400, code)


def test_services_summarize_without_a_model_classify_by_meaning_and_translate_only_where_claimed(
    client: TestClient,
) -> None:
    text = "Plants need light. Light gives plants energy for growth. My bicycle is red."
    summary = client.post("/v1/services/summarize", json={"text": text, "sentences": 1}).json()
    assert (summary["summary"], summary["method"]) == ("Plants need light.", "extractive")
    assert summary["truncated"] is False
    classified = client.post("/v1/services/classify", json={"text": "aaab", "labels": ["zzz", "aaa"]}).json()
    assert classified["label"] == "aaa"
    assert sum(row["score"] for row in classified["labels"]) == pytest.approx(1, abs=1e-3)
    refused = client.post("/v1/services/translate", json={"text": "你好", "target": "en", "model": "tiny"})
    assert (refused.status_code, error_of(refused)["code"]) == (400, "not_claimed")
    one_label = client.post("/v1/services/classify", json={"text": "a", "labels": ["b", "b"]})
    assert one_label.status_code == 400


def test_usage_equals_the_calls_made(client: TestClient, caller: Caller, gateway: GatewayService) -> None:
    client.post("/v1/chat/completions", json=CHAT)
    client.post("/v1/embeddings", json={"model": "embed", "input": ["a", "b"]})
    client.post("/v1/services/summarize", json={"text": "One. Two.", "sentences": 1})
    client.post("/v1/chat/completions", json={**CHAT, "model": "nothing"})
    account = next(a for a in client.get("/v1/usage").json()["allowances"] if a["scope"] == "account")
    assert (account["requests_used"], account["tokens_used"], account["tokens_reserved"]) == (3, 9 + 10, 0)
    calls = client.get("/api/usage/calls").json()["calls"]
    assert [(call["endpoint"], call["prompt_tokens"], call["completion_tokens"]) for call in calls] == [
        ("summarize", 0, 0),
        ("embeddings", 10, 0),
        ("chat", 7, 2),
    ]


def test_another_school_sees_none_of_our_calls(
    client: TestClient, identity: IdentityService, database: db.Database
) -> None:
    client.post("/v1/chat/completions", json=CHAT)
    stranger = new_caller(identity, database, "stranger")
    theirs = client.get("/api/usage/calls", headers={"authorization": f"Bearer {stranger.secret}"})
    assert theirs.json() == {"calls": []}


def test_models_lists_what_is_here_or_coming(client: TestClient) -> None:
    found = {model["id"]: model for model in client.get("/v1/models").json()["data"]}
    assert set(found) == {"tiny", "embed", "tutor"}
    assert (found["tiny"]["tasks"], found["tutor"]["state"], found["tutor"]["progress"]) == (["chat"], "pulling", 0.25)
    assert client.get("/v1/models/tiny").json()["id"] == "tiny"
    assert client.get("/v1/models/nothing").status_code == 404


def test_an_exam_suspends_the_key_of_a_member(
    client: TestClient, identity: IdentityService, database: db.Database, caller: Caller
) -> None:
    member, school = caller.principal, caller.principal.school_id
    until = datetime.now(UTC) + timedelta(hours=1)
    database.write(
        lambda uow: identity.add_to_group(uow, school_id=school, group_id="exam-group", account_ids=[member.account_id])
    )
    database.write(lambda uow: identity.suspend_models(uow, school_id=school, group_id="exam-group", until=until))
    answer = client.post("/v1/chat/completions", json=CHAT)
    assert (answer.status_code, error_of(answer)["code"]) == (403, "suspended")
    database.write(lambda uow: identity.suspend_models(uow, school_id=school, group_id="exam-group", until=None))
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_engine_and_is_settled(
    identity: IdentityService, make_gateway: Callable[..., GatewayService], caller: Caller, stream: bool
) -> None:
    engine = ScriptedEngine(pieces=("one", "two"), hold=asyncio.Event())
    gateway = make_gateway(engine)
    headers = {"authorization": f"Bearer {caller.secret}"}
    with running(app_of(identity, gateway, engine)) as url:
        with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=url, headers=headers, timeout=0.5) as client:
            client.post("/v1/chat/completions", json={**CHAT, "stream": stream})
        _until(lambda: engine.closed == 1)
        _until(lambda: gateway.calls(caller.principal)[0].status == "settled")
    assert gateway.calls(caller.principal)[0].outcome == "left"
    assert all(a.tokens_reserved == 0 for a in gateway.usage(caller.principal))


def test_a_worker_lost_in_the_middle_of_a_stream_is_told_as_a_last_event(
    identity: IdentityService, make_gateway: Callable[..., GatewayService], caller: Caller
) -> None:
    engine = ScriptedEngine(failure=serving.WorkerLost("gone", fix="send it again"), fail_after=1)
    with running(app_of(identity, make_gateway(engine), engine)) as url:
        answer = httpx.post(
            f"{url}/v1/chat/completions",
            json={**CHAT, "stream": True},
            headers={"authorization": f"Bearer {caller.secret}"},
        )
    last = json.loads(answer.text.strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["error"]["code"] == "worker_lost"
    assert "[DONE]" not in answer.text


def _until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")
