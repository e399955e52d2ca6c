"""The real trainer under the real supervisor, on a tiny table: killed at any moment it ends with the same weights."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal
from shuyuan.maas.training import children, interface, service, store

pytest.importorskip("torch", reason="training needs torch: make train")
polars = pytest.importorskip("polars", reason="training reads Parquet with polars: make train")
CONFIG = {"epochs": 600, "batch": 8, "rate": 0.01}


@pytest.fixture
def sets(school_id: str, tmp_path: Path) -> rooms.Sets:
    """Three parts of thirty rows whose label follows from the first column."""
    rng = np.random.default_rng(3)
    for part in ("train", "validation", "test"):
        a = rng.normal(size=30)
        told = {"a": a, "b": rng.choice(["red", "blue"], 30), "y": np.where(a > 0, "yes", "no")}
        polars.DataFrame(told).write_parquet(tmp_path / f"{part}.parquet")
    return rooms.Sets(tmp_path, school_id)


@pytest.fixture
def training(make: Make) -> service.TrainingService:
    """With the child that ships."""
    return make(command=children.COMMAND)


def pid(platform: Platform, run: interface.Run) -> int | None:
    """The process that trains just now."""
    with platform.get("db").read() as conn:
        row = store.by_id(conn, run.id)
    return row.pid if row is not None else None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_real_run_gives_a_version_that_can_be_served_and_killed_at_random_moments_the_same_weights(
    training: service.TrainingService, platform: Platform, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shuyuan.maas.training.preparing.CHECKPOINT_EVERY_S", 0.1)
    who, dice = rooms.person(school_id), random.Random(5)
    undisturbed = rooms.ended(training, training.start(who, rooms.new(config=CONFIG)))
    is_served(undisturbed, training, platform, who)

    run = training.start(who, rooms.new(config=CONFIG))
    for _ in range(2):
        rooms.until(lambda: training.run(who, run.id), lambda one: one.stage == "training" or one.is_ended)
        killed = rooms.until(lambda: pid(platform, run), lambda found: found is not None)
        assert killed is not None
        time.sleep(dice.uniform(0.05, 0.3))
        os.kill(killed, signal.SIGKILL)
        rooms.until(lambda: pid(platform, run), lambda now: now != killed)  # noqa: B023
    ended = rooms.ended(training, run)
    assert (ended.state, ended.weights_sha256) == ("finished", undisturbed.weights_sha256), ended.error
    assert ended.crashes == 2


def is_served(run: interface.Run, training: service.TrainingService, platform: Platform, who: Principal) -> None:
    """It has learned, says what it did, and its version is one that the onnx runner takes."""
    assert run.state == "finished", run.error
    assert run.figures["validation_accuracy"] > 0.8
    assert {"model.onnx", "weights.safetensors", "spec.json", "features.json", "predictions.parquet"} <= set(
        run.artefacts
    )
    assert run.versions["torch"]
    assert {line["split"] for line in training.metrics(who, run.id)} == {"train", "validation"}
    version = training.register(who, run.id, "marks")
    assert version.spec["labels"] in (["no", "yes"], ["yes", "no"])
    assert platform.get("catalogue").locate(version.uri, run.school_id).runner == "onnx"
