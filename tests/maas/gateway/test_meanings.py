"""Ranking and labels by meaning, tokens, keywords and tone: over HTTP with a scripted engine, and with real `embed`."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller
from tests.maas.gateway.server import app_of
from tests.maas.gateway.talking import Claiming, TalkingEngine
from tests.maas.starter_files import require

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import engine as serving_engine
from shuyuan.maas.serving import interface as serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Predicting(TalkingEngine):
    """Says which label a trained version would give."""

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, NDArray[np.generic]],
        *,
        asker: serving.Asker = serving.ANYONE,
        deadline_s: float | None = None,
    ) -> dict[str, NDArray[np.generic]]:
        assert inputs["vectors"].shape == (1, 384)
        return {"scores": np.array([[0.0, 3.0, 1.0]], dtype=np.float32)}


class Trained(Claiming):
    """`fields` is a version with labels of its own."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        found = super().locate("embed" if model == "fields" else model, school_id)
        if model != "fields":
            return found
        spec = {"labels": ["a", "b", "c"], "output": "scores", "text": {"embed": "embed", "input": "vectors"}}
        return found.model_copy(update={"name": model, "tasks": ("classify", "predict"), "spec": spec})


@pytest.fixture
def talking() -> Predicting:
    return Predicting()


@pytest.fixture
def live(
    database: db.Database,
    identity: IdentityService,
    vault: crypto.Vault,
    talking: Predicting,
    tmp_path: Path,
) -> GatewayService:
    return GatewayService(database, Trained(), talking, Settings(home=tmp_path), audit.Audit(vault), identity)


@pytest.fixture
def client(
    identity: IdentityService, live: GatewayService, talking: Predicting, caller: Caller
) -> Iterator[TestClient]:
    with TestClient(app_of(identity, live, talking), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


def test_documents_are_ranked_in_the_shape_of_cohere_and_jina(
    client: TestClient, live: GatewayService, caller: Caller
) -> None:
    body = {"model": "embed", "query": "aaa", "documents": ["zzz", {"text": "aaab"}, "aaa"], "top_n": 2}
    answer = client.post("/v1/rerank", json={**body, "return_documents": True}).json()
    assert [result["index"] for result in answer["results"]] == [2, 1]
    assert answer["results"][0]["document"] == {"text": "aaa"}
    assert answer["results"][0]["relevance_score"] == pytest.approx(1.0, abs=1e-5)
    assert answer["usage"]["total_tokens"] == 20
    assert "document" not in client.post("/v1/rerank", json=body).json()["results"][0]
    (call, _) = live.calls(caller.principal)
    assert (call.endpoint, call.prompt_tokens) == ("rerank", 20)


def test_more_documents_than_one_pass_takes_are_ranked_together(client: TestClient) -> None:
    documents = ["b" * n + "a" for n in range(1, 401)]
    answer = client.post("/v1/rerank", json={"model": "embed", "query": "a", "documents": documents}).json()
    assert [result["index"] for result in answer["results"]] == list(range(400))


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"documents": []}, "documents", "invalid_request"),
        ({"documents": ["a"] * 1001}, "documents", "invalid_request"),
        ({"documents": [{"title": "a"}]}, "documents.0", "invalid_request"),
        ({"documents": [" "]}, None, "bad_input"),
        ({"query": ""}, "query", "invalid_request"),
        ({"top_n": 0}, "top_n", "invalid_request"),
        ({"model": "tiny"}, "model", "not_claimed"),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    client: TestClient, asked: dict[str, object], param: str | None, code: str
) -> None:
    answer = client.post("/v1/rerank", json={"model": "embed", "query": "a", "documents": ["a"], **asked})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


def test_a_description_moves_a_label_to_the_middle_of_its_words(client: TestClient) -> None:
    labels = [{"label": "first", "description": "qqqq, qqq"}, {"label": "second"}]
    answer = client.post("/v1/services/classify", json={"text": "qqqqq", "labels": labels}).json()
    assert answer["label"] == "first"
    assert sum(one["score"] for one in answer["labels"]) == pytest.approx(1.0, abs=1e-3)


def test_a_trained_version_gives_labels_of_its_own(client: TestClient, live: GatewayService, caller: Caller) -> None:
    answer = client.post("/v1/services/classify", json={"text": "a text", "model": "fields"}).json()
    assert [one["label"] for one in answer["labels"]] == ["b", "c", "a"]
    assert live.calls(caller.principal)[0].model == "fields"
    without = client.post("/v1/services/classify", json={"text": "a text"})
    assert (without.status_code, without.json()["error"]["code"]) == (400, "bad_input")


def test_tokens_come_and_go_in_vllm_s_shape(client: TestClient, talking: Predicting) -> None:
    talking.script = lambda n, payload: [
        serving.Chunk(
            finish_reason="stop",
            usage=serving.Usage(2),
            data={"tokens": [5, 6]} if "text" in payload else {"text": "hi there"},
        )
    ]
    told = client.post("/v1/tokenize", json={"model": "tiny", "prompt": "hi there"}).json()
    assert told == {"count": 2, "max_model_len": 2048, "tokens": [5, 6]}
    back = client.post("/v1/detokenize", json={"model": "tiny", "tokens": told["tokens"]}).json()
    assert back == {"prompt": "hi there"}
    assert talking.tasks == ["tokenize", "detokenize"]
    refused = client.post("/v1/detokenize", json={"model": "tiny", "tokens": [-1]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tokens.0")


def test_keywords_and_tone_need_no_model(client: TestClient, live: GatewayService, caller: Caller) -> None:
    text = "Solar energy is clean. Many homes in the south use solar energy."
    words = client.post("/v1/services/keywords", json={"text": text, "limit": 2}).json()["keywords"]
    assert words[0] == {"word": "solar energy", "weight": 1.0}
    tone = client.post("/v1/services/sentiment", json={"text": "这节课太无聊了。"}).json()
    assert (tone["label"], tone["model"]) == ("negative", "sentiment")
    assert {call.endpoint for call in live.calls(caller.principal)} == {"keywords", "sentiment"}


def test_a_title_is_taken_from_the_text(client: TestClient) -> None:
    text = "本文研究了温度对种子发芽的影响。结果表明，温度越高，发芽越快，种子发芽率也越高。"
    told = client.post("/v1/services/summarize", json={"text": text, "style": "title"}).json()
    assert (told["summary"], told["method"]) == ("温度对种子发芽的影响", "extractive")


def test_the_real_embedding_model_ranks_labels_and_refuses_what_it_cannot_read_whole(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, caller: Caller, tmp_path: Path
) -> None:
    files = require("embed")

    async def run() -> tuple[Any, Any, Any]:
        engine = serving_engine.LocalEngine(files)
        gateway = GatewayService(database, files, engine, Settings(home=tmp_path), audit.Audit(vault), identity)
        documents = ["合并同类项就是把系数相加。", "The red bicycle is in the garden.", "明天下雨。"]
        try:
            with pytest.raises(runners.ContextTooLong) as refused:
                await gateway.embed(caller.principal, "embed", ["短", "河水流过石头。" * 200], truncate="none")
            return (
                refused.value,
                await gateway.rerank(caller.principal, "embed", "怎么合并同类项？", documents),
                await gateway.classify(caller.principal, "The striker scored twice.", ["sport", "cooking"]),
            )
        finally:
            await gateway.drain()
            await engine.close()

    refused, ranked, labelled = asyncio.run(run())
    assert (refused.status, refused.error_code) == (400, "context_length_exceeded")
    assert ranked.order[0][0] == 0
    assert labelled.labels[0][0] == "sport"
