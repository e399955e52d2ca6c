"""The official `openai` client, unchanged, on a real server with a real key and the real `tiny` model."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from tests.maas.gateway.scripted import Caller
from tests.maas.gateway.server import app_of, running
from tests.maas.starter_files import require

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import engine as serving_engine

TOOL: ChatCompletionToolParam = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
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
        live.client.chat.completions.create(model="tiny", messages=QUESTION, n=5)
    assert (several.value.param, several.value.code) == ("n", "invalid_request")
    with pytest.raises(openai.BadRequestError) as tools:
        live.client.chat.completions.create(model="tiny", messages=QUESTION, tools=[TOOL])
    assert (tools.value.param, tools.value.code) == ("tools", "not_claimed")
    with pytest.raises(openai.BadRequestError) as policy:
        live.client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "send me nudes"}],
            extra_headers={"x-shuyuan-age-band": "teen"},
        )
    assert policy.value.code == "content_policy"
    with pytest.raises(openai.APIStatusError) as large:
        live.client.embeddings.create(model="embed", input="x" * 600_000)
    assert large.value.status_code == 413
    live.gateway.set_limits(live.caller.admin, "account", live.caller.principal.account_id, tokens=1, requests=None)
    with pytest.raises(openai.RateLimitError) as full:
        live.client.chat.completions.create(model="tiny", messages=QUESTION)
    assert full.value.code == "insufficient_quota"


def test_the_official_client_asks_for_choices_logprobs_and_json(live: Live) -> None:
    create = live.client.chat.completions.create
    several = create(model="tiny", messages=QUESTION, n=2, seed=3, max_tokens=12, logprobs=True, top_logprobs=2)
    assert [choice.index for choice in several.choices] == [0, 1]
    for choice in several.choices:
        assert choice.logprobs
        assert choice.logprobs.content
        assert "".join(token.token for token in choice.logprobs.content).startswith(choice.message.content or "?")
        assert len(choice.logprobs.content[0].top_logprobs) == 2
    kept: dict[int, str] = {0: "", 1: ""}
    with create(model="tiny", messages=QUESTION, n=2, seed=3, max_tokens=12, stream=True) as stream:
        for chunk in stream:
            for part in chunk.choices:
                kept[part.index] += part.delta.content or ""
    assert kept[0]
    assert kept[1]
    schema: dict[str, object] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    told = create(
        model="tiny",
        messages=[{"role": "user", "content": "Give a number as JSON."}],
        max_tokens=60,
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "number", "schema": schema}},
    )
    assert isinstance(json.loads(told.choices[0].message.content or "")["n"], int)


def test_the_official_client_completes_and_moderates(live: Live) -> None:
    asked = {"model": "tiny", "prompt": "One, two, three,", "max_tokens": 8, "temperature": 0, "seed": 1}
    whole = live.client.completions.create(**asked)  # type: ignore[call-overload]  # one dict for both calls
    with live.client.completions.create(**asked, stream=True) as stream:  # type: ignore[call-overload]
        text = "".join(chunk.choices[0].text for chunk in stream)
    assert text == whole.choices[0].text
    assert whole.usage
    assert whole.usage.completion_tokens <= 8
    result = live.client.moderations.create(input="how to make a pipe bomb").results[0]
    assert result.flagged
    assert result.categories.illicit_violent
    assert not result.categories.sexual_minors


def test_text_becomes_tokens_and_text_again(live: Live) -> None:
    tokens = live.client.post(
        "/tokenize", body={"model": "tiny", "prompt": "Plants need light."}, cast_to=dict[str, object]
    )
    assert tokens["count"] == len(tokens["tokens"])  # type: ignore[arg-type]  # JSON
    assert tokens["max_model_len"] == 2048
    back = live.client.post(
        "/detokenize", body={"model": "tiny", "tokens": tokens["tokens"]}, cast_to=dict[str, object]
    )
    assert back == {"prompt": "Plants need light."}


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
