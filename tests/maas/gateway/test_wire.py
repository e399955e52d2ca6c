"""Requests are read strictly: what cannot be done is refused by name, what changes nothing passes."""

import json
import random
from collections.abc import Callable

import pytest

from shuyuan.kernel import errors
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.inference import tensors

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def schema(what: dict[str, object]) -> dict[str, object]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": what}}}


def nested(levels: int) -> dict[str, object]:
    inner: dict[str, object] = {"type": "string"}
    for _ in range(levels):
        inner = {"type": "array", "items": inner}
    return inner


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"n": 0}, "n", "invalid_request"),
        ({"n": 5}, "n", "invalid_request"),
        ({"n": 10**30}, "n", "invalid_request"),
        ({"tools": [{"type": "function"}]}, "tools.0.function", "invalid_request"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name", "invalid_request"),
        ({"tools": [TOOL, TOOL]}, "tools", "invalid_request"),
        ({"tools": [TOOL] * 33}, "tools", "invalid_request"),
        ({"tool_choice": "any"}, "tool_choice", "invalid_request"),
        ({"functions": [{}]}, "functions", "unsupported_parameter"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_request"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "invalid_request"),
        (schema({"type": "object", "not": {}}), "response_format", "invalid_request"),
        (schema(nested(40)), "response_format", "invalid_request"),
        (schema({"enum": list(range(600))}), "response_format", "invalid_request"),
        (schema({"type": "array", "maxItems": 10**9}), "response_format", "invalid_request"),
        (schema({"type": "string", "pattern": "(a+)+" * 100}), "response_format", "invalid_request"),
        (schema({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}), "response_format", "invalid_request"),
        ({"logprobs": "yes please"}, "logprobs", "invalid_request"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_request"),
        ({"stream": "yes"}, "stream", "invalid_request"),
        ({"stream": 1}, "stream", "invalid_request"),
        (
            {"stream": True, "stream_options": {"include_usage": "no"}},
            "stream_options.include_usage",
            "invalid_request",
        ),
        ({"age_band": "baby"}, "age_band", "invalid_request"),
        ({"max_tokens": 0}, "max_tokens", "invalid_request"),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "invalid_request"),
        ({"temperature": 3}, "temperature", "invalid_request"),
        ({"temperature": "hot"}, "temperature", "invalid_request"),
        ({"top_p": 0}, "top_p", "invalid_request"),
        ({"messages": []}, "messages", "invalid_request"),
        ({"messages": [{"role": "user", "content": "hi"}] * 129}, "messages", "invalid_request"),
        ({"messages": [{"role": "judge", "content": "hi"}]}, "messages.0.role", "invalid_request"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages.0", "invalid_request"),
        ({"messages": [{"role": "user"}]}, "messages.0", "invalid_request"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content", "invalid_request"),
        ({"stop": ["a"] * 5}, "stop", "invalid_request"),
        ({"stop": [""]}, "stop.0", "invalid_request"),
        ({"seed": 2**70}, "seed", "invalid_request"),
        ({"model": ""}, "model", "invalid_request"),
        ({"temprature": 1}, "temprature", "unknown_parameter"),
    ],
)
def test_a_chat_request_that_cannot_be_met_is_refused_by_name(change: dict[str, object], param: str, code: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.parse(wire.ChatBody, json.dumps({**CHAT, **change}).encode())
    assert (refused.value.param, refused.value.error_code, refused.value.status) == (param, code, 400)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"top_logprobs": 3, "logprobs": False}, "top_logprobs"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "sub"}}, "tools": [TOOL]}, "tool_choice"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls"),
        ({"tools": [TOOL], "response_format": {"type": "json_object"}}, "response_format"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
    ],
)
def test_a_field_without_the_one_it_rests_on_is_refused_by_name(change: dict[str, object], param: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.parse(wire.ChatBody, json.dumps({**CHAT, **change}).encode()).as_request()
    assert refused.value.param == param
    assert param in refused.value.message


@pytest.mark.parametrize(
    ("change", "param"), [({"stream_options": {}}, "stream_options"), ({"n": 2, "best_of": 1}, "best_of")]
)
def test_a_completion_is_held_to_the_same(change: dict[str, object], param: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.parse(wire.CompletionBody, json.dumps({"model": "m", "prompt": "a", **change}).encode()).as_request()
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (wire.ChatBody, {**CHAT, "temperature": 3}, "temperature is 3: it has to be less than or equal to 2"),
        (wire.ChatBody, {**CHAT, "n": "two"}, 'n is "two": it has to be a whole number'),
        (wire.ChatBody, {**CHAT, "stream": "yes"}, 'stream is "yes": it has to be true or false'),
        (wire.ChatBody, {**CHAT, "tool_choice": "any"}, "tool_choice is \"any\": it has to be 'none', 'auto' or"),
        (wire.ChatBody, {**CHAT, "messages": []}, "messages is []: it has to have at least 1 item"),
        (wire.ChatBody, {**CHAT, "echo": "a" * 200}, "unknown field 'echo' with \"" + "a" * 78 + "…"),
        (wire.ChatBody, {"messages": []}, "model is missing"),
        (wire.ChatBody, [1], "the body is [1]: it has to be an object"),
        (wire.CompletionBody, {"model": "m", "prompt": "a", "echo": True}, "echo=true is not supported"),
        (wire.DetokenizeBody, {"model": "m", "tokens": "hello"}, 'tokens is "hello": it has to be a list'),
        (wire.DetokenizeBody, {"model": "m", "tokens": [5, "a"]}, 'tokens.1 is "a": it has to be a whole number'),
        (wire.EmbedBody, {"model": "m", "input": [7]}, "input.0 is 7: it has to be a text"),
        (wire.RerankBody, {"model": "m", "query": "", "documents": ["a"]}, 'query is "": it has to have at least 1 ch'),
    ],
)
def test_a_refusal_names_the_field_the_value_and_what_is_allowed(kind: type, body: object, message: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.parse(kind, json.dumps(body).encode())
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(("given", "meant"), [(True, "end"), (False, "none"), ("END", "end"), ("mean", "mean")])
def test_truncate_is_read_as_other_servers_write_it(given: object, meant: str) -> None:
    body = json.dumps({"model": "m", "input": "a", "truncate": given}).encode()
    assert wire.parse(wire.EmbedBody, body).truncate == meant


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"NaN"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(wire.Refused):
        wire.parse(wire.ChatBody, body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"inputs"', "malformed_json"),
        (b"[]", "invalid_request"),
        (b'{"inputs": "x"}', "invalid_request"),
        (b'{"inputs": [{"name": "x", "parameters": {"sequence_id": 1}}]}', "unsupported_parameter"),
        (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [1]}]}', "bad_tensor"),
    ],
)
def test_the_code_says_whether_json_protocol_or_tensor_is_wrong(body: bytes, code: str) -> None:
    with pytest.raises(errors.BadInput) as wrong:
        tensors.read(body, None)
    assert wrong.value.error_code == code


def test_a_body_that_is_no_json_is_shown_by_its_beginning() -> None:
    with pytest.raises(wire.Refused, match='begins with "hello"') as refused:
        wire.parse(wire.DetokenizeBody, b"hello")
    assert refused.value.error_code == "malformed_json"


def test_neutral_values_of_things_we_do_not_do_pass() -> None:
    neutral = {
        "n": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logprobs": False,
        "tools": [],
        "tool_choice": "none",
        "parallel_tool_calls": False,
        "user": "me",
        "response_format": {"type": "text"},
        "logit_bias": {},
        "metadata": {"a": "b"},
        "top_logprobs": None,
    }
    assert wire.parse(wire.ChatBody, json.dumps({**CHAT, **neutral}).encode()).as_request().model == "tiny"


def test_parts_of_text_and_developer_messages_become_plain_messages() -> None:
    body = wire.parse(
        wire.ChatBody,
        json.dumps(
            {
                "model": "m",
                "messages": [
                    {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                    {"role": "user", "content": "c", "name": "n"},
                ],
            }
        ).encode(),
    )
    assert list(body.as_request().messages) == [{"role": "system", "content": "ab"}, {"role": "user", "content": "c"}]


@pytest.mark.parametrize("given", [[], ["a"] * 257, [[1, 2, 3]], [1], None])
def test_inputs_of_embeddings_are_one_to_256_texts(given: object) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.parse(wire.EmbedBody, json.dumps({"model": "embed", "input": given}).encode())
    assert str(refused.value.param).startswith("input")


def test_a_thousand_hostile_schemas_are_taken_or_refused_and_never_more() -> None:
    dice = random.Random(7)
    outcomes = set()
    for _ in range(1000):
        body = json.dumps({**CHAT, **schema(hostile(dice, 0))}).encode()
        try:
            wire.parse(wire.ChatBody, body).as_request()
            outcomes.add("taken")
        except wire.Refused as refused:
            outcomes.add(str(refused.param))
    assert outcomes == {"taken", "response_format"}


def hostile(dice: random.Random, depth: int) -> dict[str, object]:
    """A schema of good and bad words."""
    words: dict[str, Callable[[], object]] = {
        "type": lambda: dice.choice(["object", "array", "string", 5, None, ["string", "null"]]),
        "properties": lambda: {dice.choice(["a", "\u0000", "$ref"]): hostile(dice, depth + 1)},
        "items": lambda: hostile(dice, depth + 1),
        "anyOf": lambda: dice.choice([[], [hostile(dice, depth + 1)] * 3, "x"]),
        "enum": lambda: dice.choice([[1, "a"], [], list(range(2000))]),
        "maxItems": lambda: dice.choice([1, -1, 10**18, "9"]),
        "pattern": lambda: dice.choice(["^a+$", "(a*)*" * 50, 7]),
        "$ref": lambda: dice.choice(["#", "#/$defs/a", "http://example.org", 3]),
        "$defs": lambda: {"a": hostile(dice, depth + 1)},
        "not": dict,
    }
    chosen = dice.sample(sorted(words), dice.randint(0, 2 if depth else 3)) if depth < 12 else []
    return {word: words[word]() for word in chosen}
