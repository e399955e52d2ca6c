"""Rows of a table in, answers out: a version's own encoders make of real values what its graph takes."""

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

from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.inference import rows
from shuyuan.maas.gateway.media.labels import BadSpec
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving
from shuyuan.science.features import Features

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PUPILS: dict[str, list[object]] = {"age": [10.0, 12.0, None], "town": ["A", "B", "A"], "passed": ["no", "yes", "yes"]}
SCHEMA = [
    {"name": "age", "kind": "number"},
    {"name": "town", "kind": "category"},
    {"name": "passed", "kind": "category", "role": "label"},
]
FITTED = Features.fit(PUPILS, SCHEMA)
SPECS: Mapping[str, Mapping[str, object]] = {
    "pupils": {"labels": ["no", "yes"], "output": "logits", "features": FITTED.to_json()},
    "marks": {"output": "value", "scale": {"mean": 60.0, "spread": 10.0}, "features": FITTED.to_json()},
    "brought": {"labels": ["no", "yes"]},
}
WEIGHTS = np.random.default_rng(7).normal(size=(FITTED.inputs[0].shape[0], 2)).astype(np.float32)
DESCRIBED = {"inputs": [{"name": "features", "datatype": "float32", "shape": [-1, len(WEIGHTS)]}], "outputs": []}
ROWS = [{"age": 10, "town": "A"}, {"age": "14", "town": "B"}, {"town": "Nowhere"}]


class Runs(TalkingEngine):
    """A matrix instead of a net."""

    script = staticmethod(lambda _n, _payload: [serving.Chunk("", data=DESCRIBED)])

    async def predict(
        self, model: str, inputs: Mapping[str, NDArray[np.generic]], **_: Any
    ) -> dict[str, NDArray[np.generic]]:
        logits = np.asarray(inputs["features"], np.float32) @ WEIGHTS
        return {"logits": logits} if model == "pupils" else {"value": logits[:, :1]}


class Trained(Claiming):
    """The versions above."""

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        found = super().locate("embed" if model in SPECS else model, school_id)
        about = {"name": model, "version": f"models:/{model}/1", "tasks": ("predict",), "runner": "onnx"}
        return found.model_copy(update={**about, "spec": SPECS[model]}) if model in SPECS else found


@pytest.fixture
def client(
    database: db.Database, identity: IdentityService, vault: crypto.Vault, caller: Caller, tmp_path: Path
) -> Iterator[TestClient]:
    engine = Runs()
    live = GatewayService(database, Trained(), engine, Settings(home=tmp_path), audit.Audit(vault), identity)
    with TestClient(app_of(identity, live, engine), headers={"authorization": f"Bearer {caller.secret}"}) as client:
        yield client


@sqlite
def test_rows_of_real_values_are_answered_each_with_the_probability_of_every_class(client: TestClient) -> None:
    answer = client.post("/v1/services/predict", json={"model": "pupils", "rows": ROWS})
    assert answer.status_code == 200, answer.text
    columns = {"age": ["10", "14", ""], "town": ["A", "B", "Nowhere"]}
    logits = FITTED.transform(columns)["features"] @ WEIGHTS
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    told = answer.json()["answers"]
    np.testing.assert_allclose([[one["p_no"], one["p_yes"]] for one in told], expected, rtol=1e-5)
    assert [one["prediction"] for one in told] == [["no", "yes"][n] for n in logits.argmax(1)]
    assert answer.headers["x-shuyuan-model-version"] == "models:/pupils/1"
    assert answer.json()["not_read"] == []
    value = client.post("/v1/services/predict", json={"model": "marks", "rows": ROWS[:1]}).json()["answers"]
    assert value == [{"prediction": pytest.approx(float(logits[0, 0]) * 10 + 60, rel=1e-5)}]
    (first, *_) = client.get("/api/usage/calls").json()["calls"]
    assert first["status"] == "settled", "on the books, as tensors are"


@sqlite
def test_a_column_the_version_does_not_read_is_named(client: TestClient) -> None:
    sent = [{"age": 10, "town": "A", "path": "arts"}, {"age": 9, "town": "B", "passed": "no"}]
    answer = client.post("/v1/services/predict", json={"model": "pupils", "rows": sent}).json()
    assert (answer["not_read"], len(answer["answers"])) == (["path", "passed"], 2)


@sqlite
def test_a_row_that_cannot_be_read_is_refused_with_its_column_and_value(client: TestClient) -> None:
    for model, sent, status, said in (
        ("pupils", [{"age": "ten", "town": "A"}], 400, "column 'age' holds 'ten', not a number"),
        ("pupils", [{"age": 10**400, "town": "A"}], 400, "cannot be encoded"),
        ("pupils", [{"age": 9}], 400, "there is no column 'town'"),
        ("pupils", [], 400, "rows"),
        ("pupils", [{}] * 1001, 400, "at most 1000"),
        ("brought", [{"x": 1}], 409, "/v2/models/{name}/infer"),
    ):
        answer = client.post("/v1/services/predict", json={"model": model, "rows": sent})
        assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True), answer.text
        assert status == 409 or answer.json()["error"]["param"] == "rows"


def test_what_a_brought_spec_would_cost_is_bounded_and_what_is_read_elsewhere_is_said() -> None:
    text = {"name": "t", "kind": "text", "state": {"how": "hashed", "buckets": 1 << 20, "length": 8, "ngrams": [1, 2]}}
    wide = rows.reader({"features": {"format": 1, "columns": [text], "label": None}})
    with pytest.raises(wire.Refused, match="rows of 1048576 numbers each"):
        wide.feeds([{"t": "a"}] * 8)
    size = {"height": 8, "width": 8, "channels": 1, "mean": [0.5], "scale": [1.0]}
    photo = {"name": "photo", "kind": "image", "state": size}
    with pytest.raises(BadSpec, match="reads pictures"):
        rows.reader({"features": {"format": 1, "columns": [photo], "label": None}})
    for nonsense in ({"format": 1}, {"format": 1, "columns": [1], "label": None}, {"format": 9}):
        with pytest.raises(BadSpec, match="encoders cannot be read"):
            rows.reader({"features": nonsense})
