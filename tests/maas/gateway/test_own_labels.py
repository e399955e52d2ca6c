"""Text in, labels of its own out: what training wrote is all that serving needs, through the gateway's own route."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import onnxruntime
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller
from tests.maas.gateway.server import app_of
from tests.maas.gateway.talking import Claiming, TalkingEngine
from tests.maas.training.tasks import trying

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway.media.labels import BadSpec
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.text import ownlabels
from shuyuan.maas.serving import interface as serving
from shuyuan.maas.training import registering, task

WAYS: dict[str, dict[str, Any]] = {
    "ngrams": {},
    "vectors": {"embedding": "embed"},
    "transformer": {"net": "transformer", "longest": 1, "width": 16, "heads": 2, "layers": 1, "epochs": 30},
}
TEXTS = {"三角形的面积": "数学", "方程的根": "数学", "和弦与节奏": "音乐", "钢琴的琴键": "音乐"}
COLUMNS = (task.Column("text", "text", "feature"), task.Column("label", "category", "label"))


def vector(text: str) -> NDArray[np.float32]:
    """Stands in for a sentence vector: another for every text, the same for equal ones."""
    found = np.random.default_rng(list(text.encode())).normal(size=384).astype(np.float32)
    return found / np.linalg.norm(found)


class Runs(TalkingEngine):
    """Runs the graph that training exported."""

    session: Any = None  # Any: an onnxruntime session

    async def embed(self, model: str, texts: Any, *, kind: Any = "passage", **_: Any) -> serving.Embeddings:
        assert (model, kind) == ("embed", "query"), "as in training"
        return serving.Embeddings(np.stack([vector(text) for text in texts]), 3)

    async def predict(
        self, model: str, inputs: Mapping[str, NDArray[np.generic]], **_: Any
    ) -> dict[str, NDArray[np.generic]]:
        names = [node.name for node in self.session.get_outputs()]
        return dict(zip(names, self.session.run(None, dict(inputs)), strict=True))


class Registered(Claiming):
    """`subjects` is the version of the run."""

    spec: Mapping[str, object] = {}

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        found = super().locate("embed" if model == "subjects" else model, school_id)
        about = {
            "name": model,
            "version": f"models:/subjects/{abs(hash(str(self.spec)))}",
            "tasks": ("predict", "classify"),
        }
        return found.model_copy(update={**about, "spec": self.spec}) if model == "subjects" else found


@pytest.fixture
def served(
    request: pytest.FixtureRequest,
    database: db.Database,
    identity: IdentityService,
    vault: crypto.Vault,
    caller: Caller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    """A trained version of one of the WAYS behind the gateway."""
    monkeypatch.setattr("shuyuan.maas.training.vectors.of", lambda texts, _model: np.stack([vector(t) for t in texts]))
    table = {"text": list(TEXTS) * 3, "label": list(TEXTS.values()) * 3}
    said = {"buckets": 512, "length": 32, "rate": 0.05, "epochs": 12, "dropout": 0, **WAYS[request.param]}
    tried = trying.trained("text_classification", said, COLUMNS, table)
    exported = tried.work.export(tried.trainer.net, tried.work.arrays(table), tmp_path)
    spec = json.loads(json.dumps({**tried.work.spec(), **exported, "features": tried.work.features()}))
    assert registering._reads_text(spec)
    locator, engine = Registered(), Runs()
    locator.spec, engine.session = spec, onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    live = GatewayService(database, locator, engine, Settings(home=tmp_path), audit.Audit(vault), identity)
    with TestClient(app_of(identity, live, engine), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("served", sorted(WAYS), indirect=True)
def test_a_version_trained_on_texts_answers_a_text(served: TestClient) -> None:
    for text, label in TEXTS.items():
        answer = served.post("/v1/services/classify", json={"text": text, "model": "subjects"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["labels"][0]["label"] == label


def test_a_version_that_reads_two_texts_says_so() -> None:
    text = {"kind": "text", "state": {"how": "ids", "buckets": 64, "length": 8, "ngrams": [1, 2]}}
    spec = {
        "labels": ["a", "b"],
        "features": {"format": 1, "columns": [{"name": n, **text} for n in "xy"], "label": None},
    }
    assert not registering._reads_text(spec)
    with pytest.raises(BadSpec, match=r"reads x \(text\), y \(text\), and one text is given"):
        ownlabels.reading(spec)
