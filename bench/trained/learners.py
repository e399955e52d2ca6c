"""Learners: who passes a course, from a profile and the first assessments; with calibration and gaps of groups."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import harness
from bench.trained import runs
from shuyuan.science import metrics

DAY = 60  # oulad: what was due and handed in by this day of the presentation is known
SMALLEST_GROUP = 100  # rows of a group whose AUC is compared
GOALS: dict[str, dict[str, harness.Goal]] = {
    "oulad": {"oulad_over_profile_auc": (">", 0), "oulad_calibration_error": ("<=", 0.03)},
}
PROTOCOLS = {
    "oulad": f"oulad: pass or distinction against fail or withdrawn, from profile and assessments due by day {DAY} "
    "(handed in by then; some learners had left by then, which this cut of the data does not tell); split by student, "
    "sha-256 of '7 ' + id: 70/15/15; groups of 100 and more test rows",
}


def oulad(home: Path) -> runs.Figures:
    rows = _enrolments()
    profile = [
        ("module", "category"), ("presentation", "category"), ("gender", "category"), ("region", "category"),
        ("education", "category"), ("deprivation", "category"), ("age", "category"), ("attempts", "number"),
        ("credits", "number"), ("disability", "category"),
    ]  # fmt: skip
    early = [("due", "number"), ("handed_in", "number"), ("missing", "number"), ("mean_score", "number"),
             ("lowest_score", "number"), ("last_score", "number"), ("days_early", "number")]  # fmt: skip
    tables = {
        part: runs.columns_of([row for row in rows if row["part"] == part]) for part in ("train", "validation", "test")
    }
    config = {"hidden": [64], "dropout": 0.2, "rate": 3e-3, "epochs": 20, "patience": 5, "batch": 128}
    label = ("result", "category", "label")
    made: dict[str, dict[str, Any]] = {}  # Any: JSON
    for name, used in (("oulad", profile + early), ("profile", profile)):
        columns = [*((column, kind, "feature") for column, kind in used), label]
        made[name] = runs.run(home / f"oulad-{name}", "tabular_classification", config, columns, tables)
    test = tables["test"]
    passed = np.array([one == "passed" for one in test["result"]])
    p, p_profile = (runs.chances(made[name], "passed") for name in ("oulad", "profile"))
    gaps: runs.Figures = {}
    for group in ("gender", "age", "deprivation", "disability"):
        gaps |= _gaps(group, np.array([str(one) for one in test[group]]), passed, p)
    low, high = _interval(np.array(test["student"]), passed, p)
    return {
        "oulad_auc": metrics.auc(passed, p),
        "oulad_auc_low": low,
        "oulad_auc_high": high,
        "oulad_calibration_error": metrics.expected_calibration_error(passed, p),
        "oulad_accuracy": runs.accuracy(made["oulad"]),
        "oulad_validation_accuracy": made["oulad"]["figures"]["validation_accuracy"],
        "oulad_profile_only_auc": metrics.auc(passed, p_profile),
        "oulad_over_profile_auc": metrics.auc(passed, p) - metrics.auc(passed, p_profile),
        "oulad_test_rows": len(passed),
        **gaps,
    }


def _gaps(group: str, values: Any, passed: Any, p: Any) -> runs.Figures:  # arrays
    """Lowest and highest AUC of the groups, and the largest difference between what was expected and what came."""
    aucs, off = {}, {}
    for value in sorted(set(values)):
        mine = values == value
        if mine.sum() >= SMALLEST_GROUP and 0 < passed[mine].mean() < 1:
            aucs[value] = metrics.auc(passed[mine], p[mine])
            off[value] = float(p[mine].mean() - passed[mine].mean())
    return {
        f"oulad_{group}_groups": len(aucs),
        f"oulad_{group}_auc_gap": max(aucs.values()) - min(aucs.values()),
        f"oulad_{group}_lowest": min(aucs, key=lambda one: aucs[one]),
        f"oulad_{group}_expected_minus_real_gap": max(off.values()) - min(off.values()),
    }


def _interval(student: Any, passed: Any, p: Any) -> tuple[float, float]:  # arrays
    """95 % interval of the AUC, students drawn again."""
    rng, whole = np.random.default_rng(runs.SEED), np.unique(student, return_inverse=True)[1]
    rows = [np.flatnonzero(whole == n) for n in range(whole.max() + 1)]
    found = []
    for _ in range(200):
        drawn = np.concatenate([rows[n] for n in rng.integers(len(rows), size=len(rows))])
        found.append(metrics.auc(passed[drawn], p[drawn]))
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def _enrolments() -> list[dict[str, Any]]:  # Any: words and numbers
    """One row an enrolment: profile, what was due by the day and how it went, the result."""
    due = {
        (row["code_module"], row["code_presentation"], row["id_assessment"]): int(row["date"])
        for row in csv_rows("assessments.csv.gz")
        if row["date"] and int(row["date"]) <= DAY
    }
    handed: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in csv_rows("studentAssessment.csv.gz"):
        if row["date_submitted"] and int(row["date_submitted"]) <= DAY:
            score = float(row["score"]) if row["score"] else float("nan")
            handed.setdefault((row["id_assessment"], row["id_student"]), []).append((int(row["date_submitted"]), score))
    rows = []
    for row in csv_rows("studentInfo.csv.gz"):
        asked = [(number, day) for (module, time_, number), day in due.items()
                 if (module, time_) == (row["code_module"], row["code_presentation"])]  # fmt: skip
        told = [(day, *one) for number, day in asked for one in handed.get((number, row["id_student"]), [])]
        scores = [score for _, _, score in sorted(told) if score == score]
        at = runs.hashed(row["id_student"]) % 100
        rows.append({
            "student": row["id_student"], "part": "train" if at < 70 else "validation" if at < 85 else "test",
            "module": row["code_module"], "presentation": row["code_presentation"], "gender": row["gender"],
            "region": row["region"], "education": row["highest_education"], "deprivation": row["imd_band"] or None,
            "age": row["age_band"], "attempts": float(row["num_of_prev_attempts"]),
            "credits": float(row["studied_credits"]), "disability": row["disability"],
            "due": float(len(asked)), "handed_in": float(len(told)), "missing": float(len(asked) - len(told)),
            "mean_score": float(np.mean(scores)) if scores else None, "lowest_score": min(scores, default=None),
            "last_score": scores[-1] if scores else None,
            "days_early": float(np.mean([day - on for day, on, _ in told])) if told else None,
            "result": "passed" if row["final_result"] in ("Pass", "Distinction") else "not passed",
        })  # fmt: skip
    return rows


def csv_rows(file: str) -> Iterator[dict[str, str]]:
    with gzip.open(harness.data_folder("oulad") / file, "rt") as lines:
        yield from csv.DictReader(lines)
