"""Tables through every real room, once, by three families: a classifier that answers, groups, and a policy."""

import io
import time
from collections.abc import Iterable, Mapping
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


ROWS = 240
DEALT = {"split": {"by": "random", "shares": [0.7, 0.15, 0.15], "seed": 7}}


def csv(**columns: Iterable[object]) -> bytes:
    lines = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join([",".join(columns), *lines]).encode()


def tables() -> dict[str, bytes]:
    """Who did more than half passes; three clouds without a label; an arm that pays by the sign of a number."""
    drawn = np.random.default_rng(7)
    done, x, cloud = drawn.random(ROWS), drawn.uniform(-1, 1, ROWS), np.arange(ROWS) % 3
    arms = ["video" if n % 2 else "text" for n in range(ROWS)]
    paid = [float((at > 0) == (arm == "video")) for at, arm in zip(x, arms, strict=True)]
    return {
        "pupils": csv(done=done.round(4), town=drawn.choice(list("ABC"), ROWS), passed=np.where(done > 0.5, "y", "n")),
        "clouds": csv(x=(cloud * 4 + drawn.normal(size=ROWS)).round(4), y=((cloud == 1) * 5 + drawn.random(ROWS))),
        "log": csv(x=x.round(4), arm=arms, reward=paid, chance=[0.5] * ROWS),
    }


SPECS: Mapping[str, Mapping[str, Any]] = {  # Any: JSON
    "passes": {
        "data": "data:/pupils",
        "prepare": {
            "plan": {
                "columns": {"passed": {"kind": "category", "role": "label"}},
                "rules": [{"rule": "duplicates"}],
                **DEALT,
            }
        },
        "train": {"task": "tabular_classification", "config": {"epochs": 20}},
        "compress": {"method": "int8_dynamic"},
        "gate": {"name": "good-enough"},
    },
    "groups": {
        "data": "data:/clouds",
        "prepare": {"plan": DEALT},
        "train": {"task": "clustering", "config": {"clusters": 3, "epochs": 5}},
    },
    "offers": {
        "data": "data:/log",
        "prepare": {"plan": {"columns": {"arm": {"kind": "category", "role": "label"}}, **DEALT}},
        "train": {"task": "bandit", "config": {"propensity": "chance", "ridge": 0.1}},
    },
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tables_become_versions_a_classifier_s_that_answers_groups_and_a_policy(tmp_path: Path) -> None:
    platform = Platform(
        Settings(
            home=tmp_path / "home",
            database_url=f"sqlite:///{tmp_path / 'shuyuan.db'}",
            starter="none",
            port=0,
            training_slots=2,
        )
    )
    migrations.upgrade(platform.get("db"))
    identity = platform.get("identity")
    caller = new_caller(identity, platform.get("db"), "north")
    school = caller.principal.school_id
    actor = platform.get("db").write(
        lambda uow: identity.create_account(uow, school_id=school, role="admin", name="Wang", login="wang", secret=None)
    )
    # a zone in which it is Saturday evening or Sunday is not to be had every day: the school's hours are tested apart
    platform.get("deployment").frozen = lambda _school_id: ""
    gate = evaluation_api.NewGate(conditions=(evaluation_api.Condition(figure="accuracy", comparison=">=", limit=0.8),))
    platform.get("evaluation").put_gate(Principal(actor, school, "admin"), "good-enough", gate)
    key = identity.create_key(identity.sign_in_as(actor).principal, "all", scopes=("models", "admin")).secret
    headers = {"authorization": f"Bearer {key}"}
    with TestClient(build_app(platform, MODULES)) as client:
        bring(platform.get("datasets"), school, actor)
        specs = {model: {"name": f"new {model}", "model": model, **said} for model, said in SPECS.items()}
        refused = client.post(
            "/api/pipelines", json=specs["passes"], headers={"authorization": f"Bearer {caller.secret}"}
        )
        assert refused.status_code == 403, "a developer's key chooses not what is served"
        asked = {model: client.post("/api/pipelines", json=spec, headers=headers) for model, spec in specs.items()}
        assert {model: answer.status_code for model, answer in asked.items()} == dict.fromkeys(SPECS, 202)
        ended = {model: until_ended(client, answer.json()["id"], headers) for model, answer in asked.items()}
        errors = {
            model: [(one["name"], one["error"]) for one in found["steps"] if one["error"]]
            for model, found in ended.items()
        }
        assert {model: found["state"] for model, found in ended.items()} == dict.fromkeys(SPECS, "finished"), errors
        assert_served(client, headers, ended["passes"])
        assert ended["groups"]["steps"][-1]["output"]["champion"] == 1, "no label is needed to tell groups apart"
        assert [one["name"] for one in ended["offers"]["steps"]][-1] == "register", "who is offered what, people decide"
        gain = figures(platform, school, ended["offers"])
        assert gain["mean_return"] > gain["baseline_return"], "returns, and no accuracy"
    platform.close()


def bring(datasets: datasets_api.DataSets, school: str, actor: str) -> None:
    works = []
    for name, content in tables().items():
        new = datasets_api.NewDataSet(name=name, format="csv", filename=f"{name}.csv")
        works.append(datasets.create(school, actor, io.BytesIO(content), new))
    for work in works:
        datasets.wait(school, work.id, 120)


def figures(platform: Platform, school: str, ended: Any) -> Mapping[str, float]:  # Any: JSON
    made = {step["name"]: step["output"] for step in ended["steps"]}
    found: Mapping[str, float] = platform.get("evaluation").report(school, made["evaluate"]["report"]).figures
    return found


def assert_served(client: TestClient, headers: dict[str, str], ended: Any) -> None:  # Any: JSON
    """It answers, can be drawn from its data on, and leaves as a bundle."""
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


def until_ended(client: TestClient, pipeline_id: str, headers: dict[str, str]) -> Any:  # Any: JSON
    for _ in range(1200):
        found = client.get(f"/api/pipelines/{pipeline_id}", headers=headers).json()
        if found["state"] in ("finished", "failed", "cancelled"):
            return found
        time.sleep(0.2)
    raise AssertionError(found)
