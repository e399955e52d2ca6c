"""Chat and completions in full: several choices, logprobs, tools, JSON; streamed equals not streamed."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller
from tests.maas.gateway.server import app_of
from tests.maas.gateway.talking import Claiming, TalkingEngine, spoken, token

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # books: test_quota, on both
CHAT: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": ""}}


@pytest.fixture
def talking() -> TalkingEngine:
    return TalkingEngine()


@pytest.fixture
def live(
    database: db.Database,
    identity: IdentityService,
    vault: crypto.Vault,
    caller: Caller,
    talking: TalkingEngine,
    tmp_path: Any,
) -> GatewayService:
    settings = Settings(home=tmp_path, starter="tiny")
    return GatewayService(database, Claiming(), talking, settings, audit.Audit(vault), identity)


@pytest.fixture
def client(
    identity: IdentityService, live: GatewayService, talking: TalkingEngine, caller: Caller
) -> Iterator[TestClient]:
    with TestClient(app_of(identity, live, talking), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def rebuilt(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices of a stream, put together as a client would."""
    choices: dict[int, dict[str, Any]] = {}
    for event in told:
        for part in event["choices"]:
            one = choices.setdefault(part["index"], {"content": "", "tool_calls": {}, "logprobs": [], "finish": None})
            delta = part["delta"]
            one["content"] += delta.get("content") or ""
            one["logprobs"] += (part["logprobs"] or {}).get("content", [])
            one["finish"] = part["finish_reason"] or one["finish"]
            for call in delta.get("tool_calls", []):
                known = one["tool_calls"].setdefault(call["index"], {"id": call.get("id"), "name": "", "arguments": ""})
                known["name"] += call["function"].get("name") or ""
                known["arguments"] += call["function"].get("arguments") or ""
    return [one for _, one in sorted(choices.items())]


def whole_choices(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "content": choice["message"]["content"] or "",
            "tool_calls": {
                number: {
                    "id": call["id"],
                    "name": call["function"]["name"],
                    "arguments": call["function"]["arguments"],
                }
                for number, call in enumerate(choice["message"].get("tool_calls", []))
            },
            "logprobs": (choice["logprobs"] or {}).get("content", []),
            "finish": choice["finish_reason"],
        }
        for choice in answer["choices"]
    ]


def two_answers(number: int, payload: Mapping[str, object]) -> list[serving.Chunk]:
    return spoken("A", "b") if payload.get("seed") == 5 else spoken("C", "d", "e", finish="length")


def a_call(number: int, payload: Mapping[str, object]) -> list[serving.Chunk]:
    pieces = [{**CALL}, *({"index": 0, "function": {"arguments": part}} for part in ('{"a": 1', ', "b": 2}'))]
    return [
        *(serving.Chunk(data={"tool_calls": [piece]}) for piece in pieces),
        serving.Chunk(finish_reason="stop", usage=serving.Usage(9, 4)),
    ]


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        (two_answers, {"n": 2, "seed": 5, "logprobs": True}),
        (a_call, {"tools": [TOOL], "tool_choice": "required"}),
        (lambda n, p: spoken("{", '"a": 1', "}"), {"response_format": {"type": "json_object"}}),
        (lambda n, p: spoken("不。", "够了"), {"age_band": "child"}),
    ],
    ids=["n", "tools", "json", "child"],
)
def test_streamed_equals_not_streamed(
    client: TestClient, talking: TalkingEngine, script: Any, asked: dict[str, object]
) -> None:
    talking.script = script
    body = {**CHAT, **asked}
    whole = client.post("/v1/chat/completions", json=body).json()
    stream = {"stream": True, "stream_options": {"include_usage": True}}
    told = events(client.post("/v1/chat/completions", json={**body, **stream}).text)
    assert rebuilt(told) == whole_choices(whole)
    assert told[-1]["usage"] == whole["usage"]
    assert whole_choices(whole)[0]["finish"] == ("tool_calls" if "tools" in asked else "stop")


def test_n_choices_are_one_call_with_one_prompt_and_different_seeds(
    client: TestClient, talking: TalkingEngine, live: GatewayService, caller: Caller
) -> None:
    talking.script = two_answers
    answer = client.post("/v1/chat/completions", json={**CHAT, "n": 2, "seed": 5}).json()
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["Ab", "Cde"]
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["stop", "length"]
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    assert [asked["seed"] for asked in talking.asked] == [5, 6]
    (call,) = live.calls(caller.principal)
    assert (call.prompt_tokens, call.completion_tokens, call.outcome) == (7, 5, "ok")


def test_one_choice_that_fails_ends_the_others_and_releases_the_call(
    client: TestClient, talking: TalkingEngine, live: GatewayService, caller: Caller
) -> None:
    def script(number: int, payload: Mapping[str, object]) -> list[serving.Chunk]:
        if number == 1:
            raise serving.Overloaded("full", fix="wait", retry_after_s=3)
        return spoken(*"abcdefgh")

    talking.script = script
    answer = client.post("/v1/chat/completions", json={**CHAT, "n": 2})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "overloaded")
    assert talking.closed >= 1
    assert all(a.tokens_reserved == 0 for a in live.usage(caller.principal))


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("read", [0, 2])
def test_leaving_early_stops_the_work_of_every_choice(
    live: GatewayService, talking: TalkingEngine, caller: Caller, n: int, read: int
) -> None:
    talking.script = lambda number, payload: spoken(*"abcdefgh")
    request = interface.ChatRequest("tiny", [{"role": "user", "content": "hi"}], max_tokens=20, n=n)

    async def run() -> None:
        async with live.chat(caller.principal, request) as answer:
            seen = 0
            async for _delta in answer:
                seen += 1
                if seen > read:
                    break
        assert talking.closed == len(talking.asked)
        await live.drain()

    asyncio.run(run())
    (call,) = live.calls(caller.principal)
    assert (call.status, call.outcome) == ("settled", "left")
    assert all(a.tokens_reserved == 0 for a in live.usage(caller.principal))


def test_logprobs_reach_the_engine_as_a_number_and_the_client_in_openai_s_shape(
    client: TestClient, talking: TalkingEngine
) -> None:
    talking.script = lambda n, p: spoken("Hi", "!")
    answer = client.post("/v1/chat/completions", json={**CHAT, "logprobs": True, "top_logprobs": 3}).json()
    assert talking.asked[0]["logprobs"] == 3
    assert answer["choices"][0]["logprobs"] == {"content": [token("Hi"), token("!")], "refusal": None}
    silent = client.post("/v1/chat/completions", json=CHAT).json()
    assert silent["choices"][0]["logprobs"] is None


def test_a_schema_reaches_the_engine_whole_and_any_object_is_one_too(
    client: TestClient, talking: TalkingEngine
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    client.post("/v1/chat/completions", json={**CHAT, "response_format": form})
    client.post("/v1/chat/completions", json={**CHAT, "response_format": {"type": "json_object"}})
    assert [asked["json_schema"] for asked in talking.asked] == [schema, {"type": "object"}]


def test_a_conversation_with_tools_reaches_a_model_that_claims_them(client: TestClient, talking: TalkingEngine) -> None:
    called = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "content": "add"},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
    ]
    answer = client.post("/v1/chat/completions", json={**CHAT, "messages": messages, "tools": [TOOL]})
    assert answer.status_code == 200, answer.text
    assert talking.asked[0]["messages"] == [
        {"role": "user", "content": "add"},
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "3", "tool_call_id": "call_1"},
    ]
    assert talking.asked[0]["tools"] == [TOOL | {"function": TOOL["function"] | {"description": ""}}]  # type: ignore[operator]  # a dict


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "sub"}}}, "tool_choice"),
        ({"tools": [TOOL], "response_format": {"type": "json_object"}}, "response_format"),
        ({"top_logprobs": 2}, "top_logprobs"),
    ],
)
def test_fields_that_do_not_go_together_are_refused_by_name(
    client: TestClient, talking: TalkingEngine, asked: dict[str, object], param: str
) -> None:
    answer = client.post("/v1/chat/completions", json={**CHAT, **asked})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert talking.asked == []


def test_completions_go_on_from_texts_streamed_or_not(
    client: TestClient, talking: TalkingEngine, live: GatewayService, caller: Caller
) -> None:
    talking.script = lambda n, payload: spoken(str(payload["prompt"]), f" {n % 2}", finish="length")
    body = {"model": "tiny", "prompt": ["one", "two"], "max_tokens": 4, "logprobs": 1}
    whole = client.post("/v1/completions", json=body).json()
    assert talking.tasks == ["complete", "complete"]
    assert (whole["object"], [choice["text"] for choice in whole["choices"]]) == ("text_completion", ["one 0", "two 1"])
    assert whole["choices"][0]["logprobs"]["tokens"] == ["one", " 0"]
    assert whole["choices"][0]["logprobs"]["text_offset"] == [0, 3]
    told = events(client.post("/v1/completions", json={**body, "stream": True}).text)
    for index, choice in enumerate(whole["choices"]):
        parts = [part for event in told for part in event["choices"] if part["index"] == index]
        assert "".join(part["text"] for part in parts) == choice["text"]
        assert [part["finish_reason"] for part in parts if part["finish_reason"]] == [choice["finish_reason"]]
    assert {call.endpoint for call in live.calls(caller.principal)} == {"complete"}


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"echo": True}, "echo", "unsupported_parameter"),
        ({"suffix": "end"}, "suffix", "unsupported_parameter"),
        ({"prompt": [1, 2, 3]}, "prompt.0", "invalid_request"),
        ({"prompt": ["a"] * 5}, "prompt", "invalid_request"),
        ({"prompt": ["a", "b"], "n": 3}, "n", "invalid_request"),
        ({"best_of": 2}, "best_of", "invalid_request"),
        ({"logprobs": 6}, "logprobs", "invalid_request"),
        ({"max_tokens": 10**9}, "max_tokens", "context_length_exceeded"),
    ],
)
def test_what_completions_cannot_do_is_refused_by_name(
    client: TestClient, talking: TalkingEngine, asked: dict[str, object], param: str, code: str
) -> None:
    answer = client.post("/v1/completions", json={"model": "tiny", "prompt": "a", **asked})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)
    assert talking.asked == []


def test_tools_of_a_model_that_does_not_claim_them_are_refused_by_name(
    make_gateway: Any, identity: IdentityService, caller: Caller, engine: Any
) -> None:
    gateway = make_gateway(engine)
    headers = {"authorization": f"Bearer {caller.secret}"}
    with TestClient(app_of(identity, gateway, engine), headers=headers) as plain:
        answer = plain.post("/v1/chat/completions", json={**CHAT, "tools": [TOOL]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools")
    assert answer.json()["error"]["code"] == "not_claimed"
    assert engine.asked == []
