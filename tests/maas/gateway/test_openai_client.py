"""The official `openai` client, unchanged, on a real server with a real key and the real `tiny` model."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from tests.maas.gateway.scripted import Caller
from tests.maas.gateway.server import app_of, running
from tests.maas.starter_files import require

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import engine as serving_engine

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Count from one to ten in English words."}]


class Live:
    """A running platform: the client, and what the test may look at from outside."""

    def __init__(
        self, client: openai.OpenAI, gateway: GatewayService, caller: Caller, engine: serving_engine.LocalEngine
    ) -> None:
        self.client, self.gateway, self.caller, self.engine = client, gateway, caller, engine

    def newest(self) -> tuple[str, str]:
        call = self.gateway.calls(self.caller.principal, limit=1)[0]
        return call.status, call.outcome


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # quotas: test_quota, on both


@pytest.fixture
def live(
    database: db.Database,
    identity: IdentityService,
    vault: crypto.Vault,
    caller: Caller,
    tmp_path: Path,
) -> Iterator[Live]:
    models = require("tiny", "embed")
    engine = serving_engine.LocalEngine(models)
    settings = Settings(home=tmp_path, starter="tiny")
    gateway = GatewayService(database, models, engine, settings, audit.Audit(vault), identity)
    with running(app_of(identity, gateway, engine)) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key=caller.secret, max_retries=0, timeout=60) as client:
            yield Live(client, gateway, caller, engine)


def test_the_official_client_lists_chats_streams_and_embeds(live: Live) -> None:
    assert {"tiny", "embed"} <= {model.id for model in live.client.models.list()}
    create = live.client.chat.completions.create
    whole = create(model="tiny", messages=QUESTION, temperature=0, seed=1, max_tokens=40)
    text = whole.choices[0].message.content
    with create(
        model="tiny",
        messages=QUESTION,
        temperature=0,
        seed=1,
        max_tokens=40,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    assert text
    assert whole.usage
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert chunks[-1].usage == whole.usage
    assert whole.usage.completion_tokens <= 40
    vectors = live.client.embeddings.create(model="embed", input=["like terms", "同类项", "the red bicycle"]).data
    near, far = (_dot(vectors[0].embedding, vectors[n].embedding) for n in (1, 2))
    assert len(vectors[0].embedding) == 384
    assert near > far
    usage = whole.usage.total_tokens * 2
    account = next(a for a in live.gateway.usage(live.caller.principal) if a.scope == "account")
    embedded = live.gateway.calls(live.caller.principal, limit=1)[0].prompt_tokens
    assert (account.requests_used, account.tokens_used, account.tokens_reserved) == (3, usage + embedded, 0)


def test_the_official_client_sees_its_own_kinds_of_error(live: Live) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        live.client.chat.completions.create(model="nothing", messages=QUESTION)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as several:
        live.client.chat.completions.create(model="tiny", messages=QUESTION, n=3)
    assert (several.value.param, several.value.code) == ("n", "unsupported_parameter")
    with pytest.raises(openai.APIStatusError) as large:
        live.client.embeddings.create(model="embed", input="x" * 600_000)
    assert large.value.status_code == 413
    live.gateway.set_limits(live.caller.admin, "account", live.caller.principal.account_id, tokens=1, requests=None)
    with pytest.raises(openai.RateLimitError) as full:
        live.client.chat.completions.create(model="tiny", messages=QUESTION)
    assert full.value.code == "insufficient_quota"


def test_leaving_a_stream_stops_the_worker_and_settles(live: Live) -> None:
    with live.client.chat.completions.create(
        model="tiny", messages=QUESTION, stream=True, max_tokens=1500, temperature=1.5
    ) as stream:
        next(iter(stream))
    _until(lambda: all(status.in_flight == 0 for status in live.engine.status()))
    _until(lambda: live.newest() == ("settled", "left"))
    assert live.gateway.calls(live.caller.principal)[0].completion_tokens < 1500


def test_a_worker_killed_in_the_middle_is_told_settled_and_replaced(live: Live) -> None:
    with live.client.chat.completions.create(
        model="tiny", messages=QUESTION, stream=True, max_tokens=1500, temperature=1.5
    ) as stream:
        deltas = iter(stream)
        next(deltas)
        next(deltas)
        pid = next(status.worker_pid for status in live.engine.status() if status.model == "tiny")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(openai.APIError) as lost:
            list(deltas)
    assert lost.value.code == "worker_lost"
    _until(lambda: live.newest() == ("settled", "worker_lost"))
    assert all(a.tokens_reserved == 0 for a in live.gateway.usage(live.caller.principal))
    again = live.client.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=5)
    assert again.choices[0].message.content


def _dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        with contextlib.suppress(IndexError):
            if true():
                return
        time.sleep(0.02)
    raise AssertionError("it did not happen")
