"""The chat runner: streams, stops, counts, and lets go when asked."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.maas import starter_files

from shuyuan.maas.runners import interface, llama, llamarequest

pytestmark = pytest.mark.timeout(300)
NEVER = threading.Event()


@pytest.fixture(scope="module")
def runner() -> Iterator[llama.LlamaRunner]:
    made = llama.LlamaRunner()
    made.load(starter_files.require("tiny").locate("tiny").path, context_tokens=512)
    yield made
    made.close()


def chat(content: str, **options: object) -> interface.Payload:
    return {"messages": [{"role": "user", "content": content}], "temperature": 0, **options}


def test_text_arrives_in_pieces_and_the_count_grows_with_them(runner: llama.LlamaRunner) -> None:
    chunks = list(runner.submit("chat", chat("Tell me about rivers.", max_tokens=20), NEVER))
    pieces = [chunk for chunk in chunks if chunk.text]
    counts = [chunk.usage.completion_tokens for chunk in pieces if chunk.usage]
    assert 2 < len(pieces) <= 20
    assert counts == sorted(counts)
    assert counts[0] == 1, "the first token does not wait for the next"
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == 20
    assert usage.prompt_tokens > 5
    assert chunks[-1].finish_reason == "length"


def test_tokens_that_come_quickly_share_a_piece_but_not_where_each_has_its_own_data(runner: llama.LlamaRunner) -> None:
    pieces, told = (
        [c for c in runner.submit("chat", chat("Tell me about rivers.", max_tokens=40, **more), NEVER) if c.text]
        for more in ({}, {"logprobs": True, "top_logprobs": 1})
    )
    assert len(pieces) < len(told) == 40
    assert "".join(c.text for c in pieces) == "".join(c.text for c in told)


def test_a_stop_word_ends_the_answer_and_is_left_out(runner: llama.LlamaRunner) -> None:
    whole = "".join(c.text for c in runner.submit("chat", chat("Tell me about rivers.", max_tokens=30), NEVER))
    word = whole.split()[3]
    chunks = list(runner.submit("chat", chat("Tell me about rivers.", max_tokens=30, stop=[word]), NEVER))
    said = "".join(c.text for c in chunks)
    assert chunks[-1].finish_reason == "stop"
    assert word not in said
    assert whole.startswith(said)


def test_a_seed_repeats_an_answer_and_another_changes_it(runner: llama.LlamaRunner) -> None:
    def say(seed: int) -> str:
        request = {**chat("Tell me a story.", max_tokens=25, seed=seed), "temperature": 1.2}
        return "".join(chunk.text for chunk in runner.submit("chat", request, NEVER))

    assert say(1) == say(1)
    assert len({say(seed) for seed in range(4)}) > 1


def test_a_conversation_longer_than_the_context_is_refused(runner: llama.LlamaRunner) -> None:
    with pytest.raises(interface.ContextTooLong, match="512"):
        list(runner.submit("chat", chat("river " * 2000), NEVER))


def test_cancelling_stops_the_generation_itself(runner: llama.LlamaRunner) -> None:
    cancelled = threading.Event()
    chunks = runner.submit("chat", chat("Tell me a very long story.", max_tokens=400), cancelled)
    next(chunks)
    cancelled.set()
    last = list(chunks)[-1]
    assert last.finish_reason == "cancelled"
    assert last.usage is not None
    assert 1 <= last.usage.completion_tokens < 400
    assert _cpu_share() < 0.5


def test_leaving_the_stream_stops_the_generation_itself(runner: llama.LlamaRunner) -> None:
    chunks = runner.submit("chat", chat("Tell me a very long story.", max_tokens=400), NEVER)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # submit is a generator
    assert _cpu_share() < 0.5


def test_no_socket_file_or_port_is_left_open_for_others(runner: llama.LlamaRunner) -> None:
    address = runner._server.listening_address if runner._server else ""
    assert address.startswith("unix://")
    assert not Path(address.removeprefix("unix://")).exists()


def _cpu_share(for_s: float = 0.6) -> float:
    """CPU seconds this process uses per second from now on; a running generation uses one or two."""
    time.sleep(0.2)
    before, started = time.process_time(), time.perf_counter()
    time.sleep(for_s)
    return (time.process_time() - before) / (time.perf_counter() - started)


SMALL = {"type": "integer", "minimum": 0, "maximum": 99}
LOOSE = {"type": "object", "properties": {"a": SMALL}, "required": ["a"], "additionalProperties": False}
NO_WHOLE_NUMBER = {"type": "integer", "minimum": 2.2, "maximum": 2.8}
HOPELESS = {"name": "f", "parameters": {"type": "object", "properties": {"a": NO_WHOLE_NUMBER}, "required": ["a"]}}


def text(chunks: list[interface.Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_a_raw_prompt_is_continued(runner: llama.LlamaRunner) -> None:
    payload = {"prompt": "One, two, three, four,", "max_tokens": 4, "temperature": 0}
    chunks = list(runner.submit("complete", payload, NEVER))
    assert text(chunks).strip().startswith("five")
    assert chunks[-1].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 4


def test_tokens_are_counted_and_turned_back(runner: llama.LlamaRunner) -> None:
    sentence = "The river runs to the 大海 — slowly."
    (chunk,) = runner.submit("tokenize", {"text": sentence}, NEVER)
    tokens = chunk.data["tokens"]
    assert isinstance(tokens, list)
    assert chunk.usage == interface.Usage(len(tokens))
    (back,) = runner.submit("detokenize", {"tokens": tokens}, NEVER)
    assert back.text == sentence
    (plain,) = runner.submit("tokenize", {"text": "<|im_end|>", "parse_special": False}, NEVER)
    (special,) = runner.submit("tokenize", {"text": "<|im_end|>"}, NEVER)
    assert len(plain.data["tokens"]) > len(special.data["tokens"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("task", "payload"),
    [
        ("tokenize", {}),
        ("tokenize", {"text": 3}),
        ("detokenize", {"tokens": "x"}),
        ("detokenize", {"tokens": [-1]}),
        ("detokenize", {"tokens": [99_999_999]}),
        ("complete", {"prompt": ""}),
        ("complete", {"prompt": ["a"]}),
        ("chat", {"messages": ["a"]}),
        ("chat", chat("a", max_tokens=0)),
        ("chat", chat("a", max_tokens=10**12)),
        ("chat", chat("a", max_tokens="many")),
        ("chat", {**chat("a"), "temperature": float("nan")}),
        ("chat", chat("a", top_p=2)),
        ("chat", chat("a", stop=["x"] * 99)),
        ("chat", chat("a", stop=[""])),
        ("chat", chat("a", stop=["x" * 999])),
        ("chat", chat("a", logprobs=99)),
        ("chat", chat("a", grammar='root ::= "a"{1000000}')),
        ("chat", chat("a", json_schema={"type": "array", "minItems": 5, "maxItems": 2})),
        ("chat", chat("a", json_schema=NO_WHOLE_NUMBER)),
        ("complete", {"prompt": "a", "json_schema": {"type": "string", "minLength": 3, "pattern": "^[ab]$"}}),
        ("chat", chat("a", tools=[{"type": "function", "function": HOPELESS}], tool_choice="required")),
        ("chat", chat("a", tools=[{"type": "function", "function": {"name": "a b"}}])),
        ("chat", chat("a", tools=[{"type": "function", "function": {"name": "f", "parameters": {"$ref": "#"}}}])),
        ("chat", chat("a", tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="sometimes")),
    ],
)
def test_what_cannot_be_asked_is_refused_and_the_model_lives_on(
    runner: llama.LlamaRunner, task: str, payload: interface.Payload
) -> None:
    with pytest.raises(interface.BadPayload):
        list(runner.submit(task, payload, NEVER))
    assert list(runner.submit("chat", chat("Hi", max_tokens=1), NEVER))[-1].finish_reason == "length"


@pytest.mark.parametrize("task", ["chat", "complete"])
def test_logprobs_come_with_the_pieces(runner: llama.LlamaRunner, task: str) -> None:
    payload = {**chat("Tell me about rivers."), "prompt": "The river", "max_tokens": 5, "logprobs": 2}
    told: list[dict[str, object]] = []
    for chunk in runner.submit(task, payload, NEVER):
        told += chunk.data.get("logprobs", [])  # type: ignore[arg-type]
    assert len(told) == 5
    for token in told:
        assert set(token) == {"token", "logprob", "bytes", "top_logprobs"}
        assert float(str(token["logprob"])) <= 0
        assert len(token["top_logprobs"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["chat", "complete"])
def test_an_answer_keeps_to_its_schema(runner: llama.LlamaRunner, task: str) -> None:
    payload = {**chat("Give me a number."), "prompt": "JSON:", "max_tokens": 60, "json_schema": LOOSE}
    said = json.loads(text(list(runner.submit(task, payload, NEVER))))
    assert set(said) == {"a"}
    assert isinstance(said["a"], int)


@pytest.mark.parametrize("task", ["chat", "complete"])
def test_a_model_that_would_write_blanks_without_end_writes_json(runner: llama.LlamaRunner, task: str) -> None:
    def tokens(text: str) -> list[int]:
        return [int(t) for t in next(iter(runner.submit("tokenize", {"text": text}, NEVER))).data["tokens"]]  # type: ignore[attr-defined]

    two = {"type": "object", "properties": {"a": {"enum": [1]}, "b": {"type": "boolean"}}, "required": ["a", "b"]}
    payload = {**chat("Give me a number."), "prompt": "JSON:", "max_tokens": 40, "json_schema": two}
    request = llamarequest.chat(payload) if task == "chat" else llamarequest.completion(payload)
    request["logit_bias"] = [[token, 50.0] for blank in (" ", "    ", "\n", "\n\n", "\t") for token in tokens(blank)]
    server = runner._server
    assert server is not None
    handle = server.handle_chat_completions if task == "chat" else server.handle_completions
    said = text(list(llama._Stream(handle, request, NEVER)))
    assert said.startswith('{"a": 1, "b": ')
    assert set(json.loads(said)) == {"a", "b"}


def test_numbers_beyond_the_vocabulary_are_named(runner: llama.LlamaRunner) -> None:
    with pytest.raises(interface.BadPayload, match="token 1000000 is none of this model's: it knows 0 to 49151"):
        list(runner.submit("detokenize", {"tokens": [5, 10**6]}, NEVER))


def test_a_tool_is_called_when_it_must_be(runner: llama.LlamaRunner) -> None:
    place = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": place}}
    payload = chat("Weather in Paris?", tools=[tool], tool_choice="required", max_tokens=200)
    name, arguments = "", ""
    for chunk in runner.submit("chat", payload, NEVER):
        for call in chunk.data.get("tool_calls", []):  # type: ignore[attr-defined]
            name += call["function"].get("name") or ""
            arguments += call["function"].get("arguments") or ""
    assert name == "get_weather"
    assert set(json.loads(arguments)) == {"city"}


def test_the_version_says_how_many_streams_run_at_once() -> None:
    made = llama.LlamaRunner()
    path = starter_files.require("tiny").locate("tiny").path
    made.load(path, context_tokens=128, spec={"slots": 2}, threads=1)
    assert made.slots == made.stats().slots == 2
    with pytest.raises(interface.ContextTooLong):
        list(made.submit("chat", chat("river " * 400), NEVER))  # llama.cpp rounds a context up to 256
    made.close()
    with pytest.raises(interface.BadModelFile, match="slots"):
        llama.LlamaRunner().load(path, context_tokens=128, spec={"slots": 1000})
