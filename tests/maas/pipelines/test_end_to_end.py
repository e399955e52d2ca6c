"""Real data through every real room, once: a table becomes a version that answers over HTTP."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import new_caller

from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.entrypoints.server import build_app
from shuyuan.identity.interface import Principal
from shuyuan.kernel.settings import Settings
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import interface as evaluation_api

pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("polars", reason="data sets need the extra `data`")
MODULES = (
    "identity",
    "catalogue",
    "datasets",
    "training",
    "evaluation",
    "compression",
    "deployment",
    "pipelines",
    "gateway",
)


def table() -> bytes:
    """Who did more than half passes: easy to learn."""
    drawn = np.random.default_rng(7)
    done, town = drawn.random(400), drawn.integers(0, 3, 400)
    rows = [f"{d:.4f},{'ABC'[t]},{'yes' if d > 0.5 else 'no'}" for d, t in zip(done, town, strict=True)]
    return "\n".join(["done,town,passed", *rows]).encode()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_table_becomes_a_version_that_answers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shuyuan.db'}"
    # a zone in which it is Saturday evening or Sunday is not to be had every day: the school's hours are tested apart
    platform = Platform(Settings(home=tmp_path / "home", database_url=url, starter="none", port=0))
    migrations.upgrade(platform.get("db"))
    caller = new_caller(platform.get("identity"), platform.get("db"), "north")
    school = caller.principal.school_id
    actor = platform.get("db").write(
        lambda uow: platform.get("identity").create_account(
            uow, school_id=school, role="admin", name="Wang", login="wang", secret=None
        )
    )
    datasets: datasets_api.DataSets = platform.get("datasets")
    platform.get("deployment").frozen = lambda _school_id: ""
    evaluation: evaluation_api.Evaluation = platform.get("evaluation")
    gate = evaluation_api.NewGate(conditions=(evaluation_api.Condition(figure="accuracy", comparison=">=", limit=0.8),))
    evaluation.put_gate(Principal(actor, school, "admin"), "good-enough", gate)
    with TestClient(build_app(platform, MODULES)) as client:
        new = datasets_api.NewDataSet(name="pupils", format="csv", filename="pupils.csv")
        made = datasets.create(school, actor, io.BytesIO(table()), new)
        datasets.wait(school, made.id, 120)
        spec = {
            "name": "who passes",
            "model": "passes",
            "data": "data:/pupils",
            "prepare": {
                "plan": {
                    "columns": {"passed": {"kind": "category", "role": "label"}},
                    "rules": [{"rule": "duplicates"}],
                    "split": {"by": "random", "shares": [0.7, 0.15, 0.15], "seed": 7},
                }
            },
            "train": {"task": "tabular_classification", "config": {"epochs": 20}},
            "compress": {"method": "int8_dynamic"},
            "gate": {"name": "good-enough"},
        }
        refused = client.post("/api/pipelines", json=spec, headers={"authorization": f"Bearer {caller.secret}"})
        assert refused.status_code == 403, "a developer's key chooses not what is served"
        admin = platform.get("identity").sign_in_as(actor).principal
        key = platform.get("identity").create_key(admin, "all", scopes=("models", "admin")).secret
        headers = {"authorization": f"Bearer {key}"}
        answer = client.post("/api/pipelines", json=spec, headers=headers)
        assert answer.status_code == 202, answer.text
        ended = until_ended(client, answer.json()["id"], headers)
        assert ended["state"] == "finished", [(step["name"], step["error"]) for step in ended["steps"] if step["error"]]
        number = ended["steps"][-1]["output"]["champion"]
        picture = client.get(f"/api/pipelines/{ended['number']}/picture?language=en", headers=headers)
        assert picture.headers["content-type"] == "image/svg+xml"
        assert picture.text.count("done") >= 8
        lineage = client.get(f"/api/models/passes/versions/{number}/lineage", headers=headers).json()
        kinds = {node["kind"] for node in lineage["nodes"]}
        assert kinds == {"data", "run", "report", "gate", "version", "deployment"}, lineage
        described = client.get("/v2/models/passes", headers=headers)
        assert described.headers["x-shuyuan-model-version"] == f"models:/passes/{number}"
        bundle = client.get(f"/api/models/passes/versions/{number}/bundle", headers=headers)
        assert bundle.content[:2] == b"PK"
        seen = client.get("/api/deployments/passes", headers=headers).json()
        assert (seen["deployment"]["champion"], seen["history"][0]["kind"]) == (number, "promoted")
    platform.close()


def until_ended(client: TestClient, pipeline_id: str, headers: dict[str, str]) -> Any:  # Any: JSON
    for _ in range(1200):
        found = client.get(f"/api/pipelines/{pipeline_id}", headers=headers).json()
        if found["state"] in ("finished", "failed", "cancelled"):
            return found
        time.sleep(0.2)
    raise AssertionError(found)
