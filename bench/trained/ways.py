"""Three ways on the same rows: a model for each learner, one that learns on, one for all on several processes."""

import csv
import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars

from bench import harness
from bench.trained import runs

GOALS: dict[str, dict[str, harness.Goal]] = {
    "ways": {"ways_distributed_over_per_learner_auc": (">", 0)},
}
PROTOCOLS = {
    "ways": "kt_spanish: 25 learners, first 80 % of each one's trials to train, the rest held; rows in the order "
    "of each one's n-th trial; same features, config and seed for all three ways",
}


def ways(home: Path) -> runs.Figures:
    train, held = _trials()
    folder = home / "ways"
    folder.mkdir(parents=True)
    for name, rows in (("train", train), ("held", held)):
        polars.DataFrame(runs.columns_of(rows)).write_parquet(folder / f"{name}.parquet")
    names = [name for name in train[0] if name not in ("at", "learner", "right", "skill")]
    columns = [
        *({"name": name, "kind": "number", "role": "feature"} for name in names),
        {"name": "skill", "kind": "category", "role": "feature"},
        {"name": "right", "kind": "category", "role": "label"},
    ]
    said = {
        "config": {"hidden": [], "epochs": 6, "rate": 0.01, "batch": 256, "schedule": "cosine"}, "columns": columns,
        "person": "learner", "train": str(folder / "train.parquet"), "held": str(folder / "held.parquet"),
        "seed": runs.SEED,
    }  # fmt: skip
    (folder / "lab.json").write_text(json.dumps(said))
    subprocess.run([sys.executable, "-m", "shuyuan.maas.training.lab", str(folder)], check=True, env=runs.environment())
    told = json.loads((folder / "lab_result.json").read_bytes())
    kept = ("auc", "log_loss", "accuracy", "calibration_error", "seconds", "cpu_s", "models", "parameters")
    figures: runs.Figures = {f"ways_{way}_{key}": one[key] for way, one in told["ways"].items() for key in kept}
    over = told["ways"]["distributed"]["auc"] - told["ways"]["per_learner"]["auc"]
    return {**figures, "ways_learners": told["learners"], "ways_distributed_over_per_learner_auc": over}


def _trials() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # Any: words and numbers
    """kt_spanish with what was known before each trial; the last fifth of each learner's is held."""
    with gzip.open(harness.data_folder("kt_spanish") / "trials.tsv.gz", "rt") as lines:
        trials = list(csv.DictReader(lines, delimiter="\t"))
    whole = Counter(row["user_id"] for row in trials)
    tried: Counter[tuple[str, ...]] = Counter()
    right: Counter[tuple[str, ...]] = Counter()
    last: dict[tuple[str, ...], int] = {}
    train, held = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in trials:
        who, at = row["user_id"], tried[(row["user_id"],)]
        keys = {"all": (who,), "skill": (who, "skill", row["skill_id"]), "item": (who, "item", row["item_id"])}
        known: dict[str, Any] = {}
        for name, key in keys.items():
            known[f"{name}_tried"] = float(np.log1p(tried[key]))
            known[f"{name}_right"] = float(np.log1p(right[key]))
        known["item_lag"] = float(np.log1p(at - last[keys["item"]])) if keys["item"] in last else None
        answer = {
            "at": at,
            "learner": who,
            "skill": row["skill_id"],
            **known,
            "right": "yes" if row["correct"] == "1" else "no",
        }
        (train if at < 0.8 * whole[who] else held).append(answer)
        for key in keys.values():
            tried[key] += 1
            right[key] += row["correct"] == "1"
        last[keys["item"]] = at
    train.sort(key=lambda answer: int(answer["at"]))  # the data has no clock: each one's n-th trial counts as one time
    return train, held
