"""A model somewhere else: passed on, asked again elsewhere before the first word, never glued together after it."""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.maas.runners import fake_upstream
from tests.maas.runners.fake_upstream import FakeUpstream, Say

from shuyuan.maas.runners import interface, remote, remotebody, remotenames, remotewire, upstreams
from shuyuan.science.text import masking

NEVER = threading.Event()
CHAT: interface.Payload = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
Open = Callable[..., tuple[remote.RemoteRunner, list[FakeUpstream]]]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    runners: list[remote.RemoteRunner] = []
    fakes: list[FakeUpstream] = []

    def open_(*says: Say, timeout_s: float = 5, retries: int = 2, **first: object) -> object:
        made = [FakeUpstream(say) for say in says]
        fakes.extend(made)
        rows = [{"url": fake.url, "model": f"m{n}", "weight": int(n == 0)} for n, fake in enumerate(made)]
        rows[0] |= first
        path = tmp_path / f"remote{len(fakes)}.json"
        path.write_text(json.dumps({"upstreams": rows, "timeout_s": timeout_s, "retries": retries}))
        runner = remote.RemoteRunner()
        runner.load(path, context_tokens=0)
        runners.append(runner)
        return runner, made

    yield open_  # type: ignore[misc]
    for runner in runners:
        runner.close()
    for fake in fakes:
        fake.close()


def say(runner: remote.RemoteRunner, payload: interface.Payload = CHAT, task: str = "chat") -> list[interface.Chunk]:
    return list(runner.submit(task, payload, NEVER))


def text(chunks: list[interface.Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize(("task", "payload"), [("chat", CHAT), ("complete", {"prompt": "hello"})])
def test_a_stream_is_passed_on_with_its_count(opened: Open, task: str, payload: interface.Payload) -> None:
    runner, (fake,) = opened(fake_upstream.stream("Good ", "day", "."))
    chunks = say(runner, payload, task)
    assert text(chunks) == "Good day."
    assert len(chunks) >= 2
    assert chunks[-1].text == ""
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage == interface.Usage(7, 3)
    assert fake.asked[0]["model"] == "m0"
    assert runner.stats().completion_tokens == 3


def test_an_upstream_that_never_counts_is_counted_by_its_pieces(opened: Open) -> None:
    runner, _ = opened(fake_upstream.stream("a", "b", usage=False))
    assert say(runner)[-1].usage == interface.Usage(0, 2)


def test_embeddings_come_in_the_order_asked(opened: Open) -> None:
    runner, _ = opened(fake_upstream.embeddings)
    (chunk,) = say(runner, {"texts": ["a", "b", "c"]}, "embed")
    assert interface.unpack_tensor(chunk.tensors["embeddings"])[:, 0].tolist() == [0, 1, 2]
    assert chunk.usage == interface.Usage(5)


@pytest.mark.parametrize(("places", "in_a_thread"), [(2, False), (200_000, True)])
def test_a_large_answer_is_parsed_beside_the_loop(
    opened: Open, monkeypatch: pytest.MonkeyPatch, places: int, in_a_thread: bool
) -> None:
    where: list[str] = []
    parse = remotewire.parse

    def watched(*given: Any) -> Any:  # Any: handed on as it is
        where.append(threading.current_thread().name)
        return parse(*given)

    monkeypatch.setattr(remotewire, "parse", watched)
    body = json.dumps({"data": [{"index": 0, "embedding": [0.25] * places}]})
    assert (len(body) > remotebody.PARSED_HERE_BYTES) is in_a_thread
    runner, _ = opened(fake_upstream.status(200, body))
    (chunk,) = say(runner, {"texts": ["a"]}, "embed")
    assert interface.unpack_tensor(chunk.tensors["embeddings"]).shape == (1, places)
    assert (where != ["own loop"]) is in_a_thread


def test_a_large_text_is_masked_beside_the_loop(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    where: set[str] = set()
    hide = masking.Mask.hide

    def watched(mask: masking.Mask, text: str) -> str:
        where.add(threading.current_thread().name)
        return hide(mask, text)

    monkeypatch.setattr(masking.Mask, "hide", watched)
    runner, (fake,) = opened(fake_upstream.embeddings)
    lines = "nothing to hide here\n" * 2_000
    say(runner, {"texts": [lines, f"{lines}ann@example.org\n{lines}"]}, "embed")
    assert "own loop" not in where
    assert fake.asked[0]["input"] == [lines, f"{lines}[[EMAIL_1]]\n{lines}"]
    where.clear()
    say(runner, {"texts": ["short"]}, "embed")
    assert where == {"own loop"}


def test_a_name_that_leads_to_a_link_local_address_is_not_called() -> None:
    async def found(host: str) -> object:
        return await remotenames.Resolver().resolve(host, 80)

    assert asyncio.run(found("localhost"))
    with pytest.raises(OSError, match="link-local"):
        asyncio.run(found("169.254.169.254"))


BAD: dict[str, Say] = {
    "429": fake_upstream.status(429, "{}", "retry-after: 3"),
    "500": fake_upstream.status(500),
    "503 with a page": fake_upstream.status(503, "<html>busy</html>"),
    "404": fake_upstream.status(404, '{"error": {"message": "no such model"}}'),
    "401": fake_upstream.status(401, '{"error": {"message": "bad key"}}'),
    "redirect": fake_upstream.status(302, "", "location: http://127.0.0.1:1/"),
    "no stream but a page": fake_upstream.status(200, "<html>welcome</html>"),
    "garbage event": fake_upstream.stream(raw=b"data: {nonsense\n\n"),
    "a list as event": fake_upstream.stream(raw=b"data: [1]\n\n"),
    "choices of another kind": fake_upstream.stream(raw=b'data: {"choices": [3]}\n\n'),
    "a line without end": fake_upstream.stream(raw=b"data: " + b"x" * (5 << 20), done=False),
    "error event": fake_upstream.stream(raw=b'data: {"error": {"message": "out of memory"}}\n\n'),
    "closed at once": fake_upstream.stream(done=False),
    "silent": fake_upstream.hang,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_before_the_first_word_another_upstream_is_asked(opened: Open, bad: Say) -> None:
    runner, (first, second) = opened(bad, fake_upstream.stream("fine"), timeout_s=3)
    assert text(say(runner)) == "fine"
    assert len(first.asked) == len(second.asked) == 1
    assert text(say(runner)) == "fine"
    assert len(first.asked) == 1  # it rests


@pytest.mark.parametrize(
    "bad",
    [
        fake_upstream.stream("half", done=False),
        fake_upstream.stream("half", raw=b"data: {nonsense\n\n"),
        fake_upstream.stream("half", raw=b'data: {"error": "gone"}\n\n'),
        fake_upstream.stream("half", "late", pause_s=30),
    ],
    ids=["closed", "garbage", "error", "hangs"],
)
def test_after_the_first_word_the_error_is_told_and_nobody_else_is_asked(opened: Open, bad: Say) -> None:
    runner, (_, second) = opened(bad, fake_upstream.stream("other"), timeout_s=3)
    chunks = runner.submit("chat", CHAT, NEVER)
    assert next(chunks).text == "half"
    with pytest.raises(interface.UpstreamFailed, match="upstream"):
        list(chunks)
    assert not second.asked


def test_a_request_at_fault_is_told_and_not_repeated(opened: Open) -> None:
    refuses = fake_upstream.status(400, '{"error": {"message": "max_tokens too large"}}')
    runner, (_, second) = opened(refuses, fake_upstream.stream("other"))
    with pytest.raises(interface.BadPayload, match="max_tokens too large"):
        say(runner)
    assert not second.asked


@pytest.mark.parametrize(
    "body",
    [
        "<html>internal page: s3cret</html>",
        '{"detail": "s3cret"}',
        '{"error": "s3cret"}',
        '{"error": {"message": ["s3cret"]}}',
    ],
)
def test_a_refusal_of_another_shape_is_not_read_out(opened: Open, body: str) -> None:
    runner, _ = opened(fake_upstream.status(400, body))
    with pytest.raises(interface.BadPayload) as told:
        say(runner)
    assert "s3cret" not in told.value.message


def test_a_long_refusal_keeps_its_message(opened: Open) -> None:
    body = json.dumps({"param": "x" * 3_000, "error": {"message": "too many tokens"}})
    runner, _ = opened(fake_upstream.status(400, body))
    with pytest.raises(interface.BadPayload, match="too many tokens"):
        say(runner)


def test_when_nobody_answers_the_error_says_so_and_when_to_come_back(opened: Open) -> None:
    runner, _ = opened(BAD["500"], BAD["503 with a page"])
    with pytest.raises(interface.UpstreamFailed, match=r"answered 50. \(2 asked\)") as told:
        say(runner)
    assert told.value.retry_after_s >= 1
    with pytest.raises(interface.UpstreamFailed, match="rests"):
        say(runner)


def test_cancelling_ends_at_once_and_the_upstream_is_left(opened: Open) -> None:
    runner, (fake,) = opened(fake_upstream.stream(*"abcdefgh" * 500, pause_s=0.02))
    cancelled = threading.Event()
    chunks = runner.submit("chat", CHAT, cancelled)
    next(chunks)
    cancelled.set()
    assert list(chunks)[-1].finish_reason == "cancelled"
    assert fake.left.wait(10)


def test_a_silent_upstream_can_be_cancelled(opened: Open) -> None:
    runner, (fake,) = opened(fake_upstream.hang, timeout_s=50)
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    assert [chunk.finish_reason for chunk in runner.submit("chat", CHAT, cancelled)] == ["cancelled"]
    assert len(fake.asked) == 1


def test_the_key_comes_from_the_environment_and_a_missing_one_is_named(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, (fake,) = opened(fake_upstream.stream("a"), key_env="SOME_API_KEY")
    monkeypatch.delenv("SOME_API_KEY", raising=False)
    with pytest.raises(interface.UpstreamFailed, match="SOME_API_KEY is not set"):
        say(runner)
    assert not fake.asked
    monkeypatch.setenv("SOME_API_KEY", "s3cret")
    runner, (fake,) = opened(fake_upstream.stream("a"), key_env="SOME_API_KEY")
    say(runner)
    assert "authorization: bearer s3cret" in fake.heads[0].lower()


def test_personal_data_does_not_leave_and_comes_back(opened: Open) -> None:
    runner, (fake,) = opened(fake_upstream.stream("Dear [[NA", "ME_1]], write to [", "[EMAIL_1]]", "."))
    content = "I am Ann Lee, ann@example.org, 13812345678."
    payload = {"messages": [{"role": "user", "content": content}], "mask": True, "mask_names": ["Ann Lee", "user"]}
    assert text(say(runner, payload)) == "Dear Ann Lee, write to ann@example.org."
    sent = json.dumps(fake.asked[0])
    assert not any(secret in sent for secret in ("Ann", "example.org", "138"))
    assert '"role": "user"' in sent


def test_tool_calls_of_a_masked_request_are_shown_whole(opened: Open) -> None:
    parts = ['{"to": "[[EMA', 'IL_1]]"}']
    deltas: list[object] = [{"index": 0, "id": "c1", "function": {"name": "send", "arguments": ""}}]
    deltas += [{"index": 0, "function": {"arguments": part}} for part in parts]
    raw = b"".join(
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"
        for call in deltas
    )
    runner, _ = opened(fake_upstream.stream(raw=raw))
    payload = {"messages": [{"role": "user", "content": "write to ann@example.org"}], "mask": True}
    calls = say(runner, payload)[-1].data["tool_calls"]
    assert calls == [{"index": 0, "id": "c1", "function": {"name": "send", "arguments": '{"to": "ann@example.org"}'}}]


@pytest.mark.parametrize(
    "said",
    [
        "[]",
        "{}",
        '{"upstreams": []}',
        '{"upstreams": [{"url": "file:///etc/passwd", "model": "m"}]}',
        '{"upstreams": [{"url": "http://user:key@host/v1", "model": "m"}]}',
        '{"upstreams": [{"url": "http://host/v1", "model": "m", "key_env": "DATABASE_URL"}]}',
        '{"upstreams": [{"url": "http://host/v1", "model": "m", "weight": -1}]}',
        '{"upstreams": [{"url": "http://host/v1", "model": "m"}], "timeout_s": 0}',
        '{"upstreams": [{"url": "http://host/v1", "model": "m"}], "retries": 99}',
        '{"upstreams": [{"url": "http://host/v1", "model": "m"}], "trusted": "yes"}',
        '{"upstreams": [{"url": "http://169.254.169.254/v1", "model": "m"}]}',
    ],
)
def test_a_file_that_names_no_fit_upstream_is_refused(tmp_path: Path, said: str) -> None:
    path = tmp_path / "remote.json"
    path.write_text(said)
    with pytest.raises(interface.BadModelFile):
        remote.RemoteRunner().load(path, context_tokens=0)


def test_upstreams_are_chosen_by_weight() -> None:
    heavy, light, spare = (upstreams.Upstream("http://h", "m", weight) for weight in (3, 1, 0))
    pool = upstreams.Pool([heavy, light, spare], rng=random.Random(7))
    chosen = [pool.choose() for _ in range(4000)]
    assert 0.72 < chosen.count(heavy) / 4000 < 0.78
    assert spare not in chosen
    assert pool.choose([heavy, light]) is spare


def test_a_failing_upstream_rests_longer_each_time_and_comes_back_with_one_request() -> None:
    now = [0.0]
    one = upstreams.Upstream("http://h", "m")
    pool = upstreams.Pool([one], clock=lambda: now[0])
    rests = []
    for _ in range(9):
        assert pool.choose() is one
        assert pool.choose() is (None if one.failures else one)  # one at a time after a rest
        pool.failed(one)
        rests.append(pool.rest_s())
        assert pool.choose() is None
        now[0] += pool.rest_s()
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    pool.choose()
    pool.succeeded(one)
    assert pool.choose() is pool.choose() is one


def test_retries_stay_within_a_fifth_of_the_requests() -> None:
    pool = upstreams.Pool([])
    spent = 0
    for _ in range(1000):
        pool.earn()
        spent += pool.spend()
    assert 195 <= spent <= 205


def test_a_slow_reader_costs_the_others_nothing(opened: Open) -> None:
    runner, _ = opened(fake_upstream.stream(*"abcdef" * 50))
    slow = runner.submit("chat", CHAT, NEVER)
    first = next(slow)
    time.sleep(0.1)
    assert len(text(say(runner))) == 300
    assert len(text([first, *slow])) == 300
