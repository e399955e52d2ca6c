"""The three ways, on learners who differ."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import polars

from shuyuan.maas.training import lab


def write(folder: Path, *, labels: tuple[str, str] = ("no", "yes")) -> None:
    rng = np.random.default_rng(0)
    rows = [(f"l{n % 6}", n) for n in range(480)]
    x = rng.normal(size=len(rows))
    right = [labels[int(at + 0.3 * rng.normal() > 0)] for at in x]
    frame = polars.DataFrame({"who": [who for who, _ in rows], "x": x, "right": right})
    frame[:360].write_parquet(folder / "train.parquet")
    frame[360:].vstack(polars.DataFrame({"who": ["new"], "x": [2.0], "right": [labels[1]]})).write_parquet(
        folder / "held.parquet"
    )
    said = {
        "config": {"hidden": [], "epochs": 3, "rate": 0.05},
        "columns": [
            {"name": "x", "kind": "number", "role": "feature"}, {"name": "right", "kind": "category", "role": "label"}
        ],
        "person": "who", "train": str(folder / "train.parquet"), "held": str(folder / "held.parquet"),
    }  # fmt: skip
    (folder / "lab.json").write_text(json.dumps(said))


def test_three_ways_are_judged_on_the_same_rows_and_only_one_has_a_model_for_each_learner(tmp_path: Path) -> None:
    write(tmp_path)
    subprocess.run([sys.executable, "-m", "shuyuan.maas.training.lab", str(tmp_path)], check=True)
    told = json.loads((tmp_path / "lab_result.json").read_bytes())
    assert told["rows"] == {"train": 360, "held": 121}
    ways = told["ways"]
    assert [ways[name]["models"] for name in ("per_learner", "incremental", "distributed")] == [6, 1, 1]
    assert ways["per_learner"]["rows_with_own_model"] == 120  # the new learner has none
    for way in ways.values():
        assert way["auc"] > 0.9
        assert 0 < way["log_loss"] < 0.7


def test_a_label_of_three_classes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, labels=("no", "yes"))
    held = polars.read_parquet(tmp_path / "held.parquet")
    held.with_columns(right=polars.Series(["no", "yes", "maybe"] + ["no"] * (len(held) - 3))).write_parquet(
        tmp_path / "held.parquet"
    )
    with pytest.raises(Exception, match="3 classes"):
        lab.compare(tmp_path)
