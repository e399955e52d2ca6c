"""How well every tracer of the family predicts learners it has never seen, and how fast nets are trained.

The long trainings are those of `tracingruns`: their report is read and held against the hashes of data and code, and
one model is trained again here. `make bench NAME=tracing`; `python -m bench.tracingruns` makes the report anew.
"""

import importlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench import harness, tracingruns, tracingsets, tracingspeed, tracingtexts
from shuyuan.science import metrics
from shuyuan.science.tracing import evaluation, family

MAIN = "kt_assist2009_qmatrix"
AGAIN = tracingruns.Run(MAIN, "dkt")
VERSIONS = range(5)
PROTOCOL = (
    "question level: an item of several points is one event; learners of the test part are strangers and start cold; "
    "settings and epochs chosen on learners held out of the train part; each test part read once per entry, logged in "
    "bench/reports/tracing.json (test_readings); 95 % intervals by resampling learners; kt_assist2009_pid: mean of the "
    "folds that are in the report; recurrent = one net, on kt_assist2009_qmatrix distilled from two; "
    "control = DKT fitted and asked on answers dealt at random; speeds: interactions a CPU second, one thread, pyKT "
    "0.0.38 in its own environment; "
    + tracingtexts.PROTOCOL
    + "; "
    + "; ".join(f"{name}: {said}" for name, said in tracingsets.PROTOCOLS.items())
)
GOALS: dict[str, harness.Goal] = {
    "stale_entries": ("==", 0),
    "again_off": ("<=", 0.004),
    "control_off_half": ("<=", 0.02),
    "best_auc_owed": (">=", 0.770),
    "best_auc": (">=", 0.79),
    **{f"short_of_published_{name}": ("<=", 0.01) for name in tracingsets.PUBLISHED[MAIN]},
    "kt_assist2017_timed recurrent": (">=", 0.765),
    "kt_spanish recurrent": (">=", 0.85),
    "kt_synthetic5 recurrent": (">=", 0.82),
    "steps_per_s": (">=", 2000),
    **{f"train_{name}_of_peer": (">=", tracingspeed.GOAL) for name in tracingspeed.MODELS},
}


def main() -> bool:
    """Verify, measure, print, and say whether every goal was met."""
    report = tracingruns.read()
    part = tracingsets.load(MAIN)
    figures: dict[str, harness.Figure] = {
        "stale_entries": sum(not tracingruns.is_current(run, report) for run in tracingruns.PLAN),
        "test_readings": len(report["test_readings"]),
        **stored(report["runs"]),
        **slices(report["runs"]),
        **again(report["runs"], part),
        "control_off_half": abs(evaluation.control(family.find("dkt"), part.train, part.test) - 0.5),
        **steps(),
        **tracingspeed.figures(part.train),
        **tracingtexts.figures(),
    }
    return harness.report("tracing", figures, PROTOCOL, GOALS, ("numpy", "torch"))


def stored(runs: Mapping[str, Any]) -> dict[str, harness.Figure]:  # Any: JSON
    """AUC of every algorithm on every data set, mean of its folds, beside what was published."""
    found: dict[str, harness.Figure] = {}
    for key in runs:
        data, _, name = key.split("/")
        folds = [entry["auc"] for other, entry in runs.items() if other.split("/")[::2] == [data, name]]
        found[f"{data} {name}"] = float(np.mean(folds))
        if len(folds) > 1:
            found[f"{data} {name} folds"] = len(folds)
        if name in tracingsets.PUBLISHED.get(data, {}):
            found[f"{data} {name} published"] = tracingsets.PUBLISHED[data][name]
    return {**found, **_of_main(runs)}


def _of_main(runs: Mapping[str, Any]) -> dict[str, harness.Figure]:  # Any: JSON
    mine = {key.split("/")[2]: entry for key, entry in runs.items() if key.startswith(MAIN + "/")}
    served = {name: entry for name, entry in mine.items() if name in family.REGISTRY}
    best = max(served, key=lambda name: served[name]["auc"], default="none")
    found: dict[str, harness.Figure] = {"best": best}
    if best in mine:
        figures = ("auc", "low", "high", "log_loss", "calibration_error")
        found |= {"best_auc_owed": mine[best]["auc"], **{f"best_{name}": mine[best][name] for name in figures}}
    for name, published in tracingsets.PUBLISHED[MAIN].items():
        if name in mine:
            found[f"short_of_published_{name}"] = published - mine[name]["auc"]
    if "recurrent_together" in mine:
        found["auc_lost_by_distilling"] = mine["recurrent_together"]["auc"] - mine["recurrent"]["auc"]
        found["auc_gained_over_one_net"] = mine["recurrent"]["auc"] - mine["recurrent_alone"]["auc"]
    return found


def slices(runs: Mapping[str, Any]) -> dict[str, harness.Figure]:  # Any: JSON
    """By history length and for new items, of our own and of the classical best; "history 0-4" is a new learner."""
    entries = {name: runs.get(f"{MAIN}/0/{name}", {"slices": {}}) for name in ("recurrent", "best_lr", "dkt")}
    return {
        f"{name} {where}": part["auc"]
        for name, entry in entries.items()
        for where, part in entry["slices"].items()
        if part["auc"] is not None
    }


def again(runs: Mapping[str, Any], part: tracingsets.Part) -> dict[str, harness.Figure]:  # Any: JSON
    """One model trained anew: how far its AUC is from the stored one, and whether its predictions are the same."""
    entry = runs.get(AGAIN.key, {"auc": float("nan"), "predictions": ""})
    p = family.find(AGAIN.algorithm).fit(part.train).predict(part.test)
    return {
        "again": AGAIN.key,
        "again_off": abs(metrics.auc(part.test.correct, p) - entry["auc"]),
        "again_same_predictions": tracingruns.digest(p) == entry["predictions"],
    }


def steps() -> dict[str, harness.Figure]:
    """Answers a second through the served step alone, of a net trained for a moment (weights cost what they cost)."""
    from shuyuan.science.tracing.online import recurrent, weights

    module = importlib.import_module("shuyuan.science.tracing.neural.recurrent")
    recipe = importlib.import_module("shuyuan.science.tracing.neural.training").Recipe(epochs=1)
    table = tracingsets.load("kt_spanish").test
    net = weights.Net.from_arrays(module.fit(table, recipe=recipe).to_arrays())
    memory, point, item = recurrent.new_memory(net), recurrent.new_point_memory(net), recurrent.UNSEEN_ITEM
    count, began = 5000, time.perf_counter()
    for row in range(count):
        keys = [table.point_ids[table.point[table.starts[row]]]]
        moved = recurrent.update(net, memory, [point], item, table.item_ids[table.item[row]], keys, row % 2 == 0, 9.0)
        memory, point, item = moved.learner, moved.points[0], moved.item
    return {"steps_per_s": round(count / (time.perf_counter() - began)), "floats_per_learner": net.width + 6}


if __name__ == "__main__":
    importlib.import_module("torch").set_num_threads(1)
    main()
