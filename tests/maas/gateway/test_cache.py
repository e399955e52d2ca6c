"""Answers that need not be computed twice: exactly the same, free, and nobody else's."""

import asyncio
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller, ScriptedEngine, ScriptedLocator, new_caller
from tests.maas.gateway.server import app_of

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import db
from shuyuan.maas.gateway import cache, interface
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, "temperature": 0}
EMBED = {"model": "embed", "input": ["a", "b"]}


@pytest.fixture
def client(
    identity: IdentityService, gateway: GatewayService, engine: ScriptedEngine, caller: Caller
) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {caller.secret}"}
    with TestClient(app_of(identity, gateway, engine), headers=headers) as client:
        yield client


@pytest.fixture
def kept(gateway: GatewayService, caller: Caller) -> None:
    gateway.set_terms(caller.admin, interface.Terms(cache=True))


def test_nothing_is_kept_until_the_school_turns_it_on(client: TestClient, engine: ScriptedEngine) -> None:
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(2)]
    assert len(engine.asked) == 2
    assert all("x-shuyuan-cache" not in answer.headers for answer in answers)
    assert "x-shuyuan-cache" not in client.post("/v1/embeddings", json=EMBED).headers


def events(text: str) -> list[str]:
    """Without what differs between any two answers."""
    return [line.split('"choices"')[-1] for line in text.split("\n\n") if line]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("stream", [False, True])
def test_the_same_deterministic_request_is_answered_the_same_for_nothing(
    client: TestClient, engine: ScriptedEngine, gateway: GatewayService, caller: Caller, stream: bool
) -> None:
    body = {**CHAT, "stream": stream, **({"stream_options": {"include_usage": True}} if stream else {})}
    first, again = (client.post("/v1/chat/completions", json=body) for _ in range(2))
    assert [first.headers["x-shuyuan-cache"], again.headers["x-shuyuan-cache"]] == ["miss", "hit"]
    if stream:
        assert events(again.text) == events(first.text)
        assert again.text.endswith("data: [DONE]\n\n")
    else:
        assert again.json()["choices"] == first.json()["choices"]
        assert again.json()["usage"] == first.json()["usage"]
    assert len(engine.asked) == 1
    told = [(call.outcome, call.prompt_tokens, call.completion_tokens) for call in gateway.calls(caller.principal)]
    assert told == [("cached", 0, 0), ("ok", 7, 2)], "it costs nothing and is in the ledger"
    assert client.get("/v1/usage").json()["allowances"][1]["tokens_used"] == 9


@pytest.mark.usefixtures("kept")
def test_another_question_another_way_or_another_wish_is_computed(client: TestClient, engine: ScriptedEngine) -> None:
    client.post("/v1/chat/completions", json=CHAT)
    for change in ({"max_tokens": 21}, {"messages": [{"role": "user", "content": "Hi"}]}, {"seed": 4}):
        assert client.post("/v1/chat/completions", json={**CHAT, **change}).headers["x-shuyuan-cache"] == "miss"
    random = client.post("/v1/chat/completions", json={**CHAT, "temperature": 0.7})
    assert "x-shuyuan-cache" not in random.headers
    fresh = client.post("/v1/chat/completions", json=CHAT, headers={"cache-control": "no-store"})
    assert "x-shuyuan-cache" not in fresh.headers
    assert len(engine.asked) == 6


@pytest.mark.usefixtures("kept")
def test_another_school_and_another_role_are_asked_for_themselves(
    client: TestClient,
    engine: ScriptedEngine,
    gateway: GatewayService,
    identity: IdentityService,
    database: db.Database,
    caller: Caller,
) -> None:
    client.post("/v1/chat/completions", json=CHAT)
    stranger = new_caller(identity, database, "stranger")
    gateway.set_terms(stranger.admin, interface.Terms(cache=True))
    theirs = client.post("/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {stranger.secret}"})
    assert theirs.headers["x-shuyuan-cache"] == "miss"
    account = database.write(
        lambda uow: identity.create_account(
            uow, school_id=caller.principal.school_id, role="teacher", name="T", login="teacher", secret=None
        )
    )
    key = identity.create_key(identity.sign_in_as(account).principal, "k").secret
    colleague = client.post("/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {key}"})
    assert colleague.headers["x-shuyuan-cache"] == "miss"
    assert len(engine.asked) == 3


@pytest.mark.usefixtures("kept")
def test_half_an_answer_is_never_kept(
    identity: IdentityService, make_gateway: Callable[..., GatewayService], caller: Caller
) -> None:
    engine = ScriptedEngine(failure=serving.WorkerLost("gone"), fail_after=1)
    gateway = make_gateway(engine)
    request = interface.ChatRequest("tiny", [{"role": "user", "content": "hi"}], temperature=0)

    async def say() -> str:
        async with gateway.chat(caller.principal, request) as answer:
            return "".join([delta.text async for delta in answer])

    with pytest.raises(serving.WorkerLost):
        asyncio.run(say())
    engine.failure = None
    assert [asyncio.run(say()), asyncio.run(say())] == ["Hello there"] * 2
    assert len(engine.asked) == 2


@pytest.mark.usefixtures("kept")
def test_known_texts_keep_their_vectors_and_cost_nothing(
    client: TestClient, engine: ScriptedEngine, gateway: GatewayService, caller: Caller
) -> None:
    first = client.post("/v1/embeddings", json=EMBED)
    partly = client.post("/v1/embeddings", json={**EMBED, "input": ["b", "c", "a"]})
    whole = client.post("/v1/embeddings", json={**EMBED, "input": ["c", "b"]})
    other_use = client.post("/v1/embeddings", json={**EMBED, "input_type": "query"})
    answers = [first, partly, whole, other_use]
    assert [answer.headers["x-shuyuan-cache"] for answer in answers] == ["miss", "miss", "hit", "miss"]
    a, b = (row["embedding"] for row in first.json()["data"])
    assert [partly.json()["data"][n]["embedding"] for n in (0, 2)] == [b, a]
    assert whole.json()["data"][1]["embedding"] == b
    assert [call.prompt_tokens for call in gateway.calls(caller.principal)] == [10, 0, 5, 10]


@pytest.mark.usefixtures("kept")
def test_a_short_text_has_one_vector_whatever_becomes_of_long_ones(
    engine: ScriptedEngine, gateway: GatewayService, caller: Caller
) -> None:
    long = "河" * 700  # more bytes than the model reads tokens

    async def told(text: str, truncate: interface.Truncate | None) -> str:
        return (await gateway.embed(caller.principal, "embed", [text], truncate=truncate)).receipt.cache

    async def all_told() -> list[str]:
        asked: list[interface.Truncate | None] = ["none", None, "end"]
        return [await told(text, truncate) for text in ("短", long) for truncate in asked]

    assert asyncio.run(all_told()) == ["miss", "hit", "hit", "miss", "miss", "miss"]
    assert engine.truncated == ["none", "none", "mean", "end"]


def test_a_new_version_begins_empty() -> None:
    answers, principal = cache.Answers(), Principal("a", "s", "teacher")
    tiny = ScriptedLocator().locate("tiny")
    newer = tiny.model_copy(update={"version": "models:/tiny/2"})
    payload = {"messages": [], "temperature": 0}
    assert answers.key(principal, tiny, "chat", payload) != answers.key(principal, newer, "chat", payload)
    assert answers.key(principal, tiny, "chat", {"image": b"x", "temperature": 0}) is None


def test_what_is_kept_stays_within_its_bytes_and_its_time() -> None:
    now = [0.0]
    kept: cache.Bounded[str] = cache.Bounded(max_bytes=100_000, now=lambda: now[0])
    for n in range(100):
        kept.put(b"%d" % n, "x", 2_000, ttl_s=10)
        kept.get(b"0")  # used again and again
    assert kept.bytes <= 100_000
    assert kept.get(b"0") == "x"
    assert kept.get(b"1") is None, "the least recently used went first"
    kept.put(b"large", "x", 50_000, ttl_s=10)
    assert kept.get(b"large") is None, "one thing never takes the place of many"
    now[0] = 11.0
    assert kept.get(b"0") is None
    kept.put(b"99", "y", 10, ttl_s=10)
    assert kept.get(b"99") == "y"


def test_a_row_kept_does_not_hold_its_batch() -> None:
    vectors, made = cache.Vectors(), np.ones((64, 4), np.float32)

    async def make(texts: object) -> serving.Embeddings:
        return serving.Embeddings(made, 64)

    keys = [b"%d" % n for n in range(64)]
    asyncio.run(vectors.completed(keys, ["x"] * 64, make, 10.0))
    row = vectors._kept.get(b"3")
    assert row is not None
    assert row.base is None
