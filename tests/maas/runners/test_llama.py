"""The chat runner: streams, stops, counts, and lets go when asked."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.maas import starter_files

from shuyuan.maas.runners import interface, llama

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
    assert len(pieces) > 10
    assert counts == sorted(counts)
    assert counts[0] >= 1
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == 20
    assert usage.prompt_tokens > 5
    assert chunks[-1].finish_reason == "length"


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
