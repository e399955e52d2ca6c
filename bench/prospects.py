"""OULAD for the bench of ranking: what is known of a learner at enrolment and after the first assessment.

`final_result` is foretold as "passes" (Pass or Distinction) by the deep model from profile to attitude and goals;
"stays" (not Withdrawn) is its second head. Groups of people are gender, age, deprivation, disability and region.
"""

import csv
import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import harness
from shuyuan.science import metrics
from shuyuan.science.metrics import gaps
from shuyuan.science.ranking import evening, recalibration
from shuyuan.science.ranking.neural import training
from shuyuan.science.ranking.profiles import Kind, Row

SENSITIVE = ("gender", "age", "deprivation", "disability", "region")
AT_ENROLMENT: dict[str, Kind] = {
    **dict.fromkeys(("module", "term", "education", *SENSITIVE), "category"),
    "earlier": "number",
    "credits": "number",
}
AFTER_FIRST: dict[str, Kind] = AT_ENROLMENT | {
    "score": "number",
    "days_early": "number",
    "handed_in": "category",
    "banked": "category",
}
PROTOCOL = (
    "oulad: whole learners dealt by a hash, 3 of 10 for the test (how to even was chosen on another deal); the model, "
    "its epoch, its calibration and what evens it are fit on the other 7; after the first assessment: what was handed "
    "in by the day it was due (a learner who had left by then cannot be told from one who did not hand in); warned: "
    "foretold chance to pass below one half; warning gap: largest difference between groups (of one grouping) in the "
    "share of those who did not pass that was warned, before and after evening; ECE in 15 bins; '2014B': the latest "
    "term foretold from the earlier ones"
)
Array = np.ndarray


class Enrolments(NamedTuple):
    """One row an enrolment."""

    rows: list[Row]
    person: Array
    term: Array
    passes: Array
    stays: Array
    groups: Array  # (N, groupings)


class Foretold(NamedTuple):
    """Chances to pass of the test rows, and what to warn by."""

    plain: Array
    recalibrated: Array
    warning: Array


def figures() -> dict[str, harness.Figure]:
    """Everything the bench says of this data set."""
    table = load(harness.data_folder("oulad"))
    test = np.array([_bucket(person) < 3 for person in table.person])
    found: dict[str, harness.Figure] = {"oulad_enrolments": len(test), "oulad_test_rows": int(test.sum())}
    for when, kinds in (("enrolment", AT_ENROLMENT), ("first", AFTER_FIRST)):
        found |= {f"oulad_{when}_{key}": value for key, value in _judged(table, kinds, test).items()}
        late = table.term == "2014B"
        early = ~late & ~np.isin(table.person, table.person[late])
        p = _foretold(table, kinds, early, late).recalibrated
        found[f"oulad_{when}_auc_2014B"] = metrics.auc(table.passes[late], p)
        found[f"oulad_{when}_ece_2014B"] = metrics.expected_calibration_error(table.passes[late], p)
    return found


def load(folder: Path) -> Enrolments:
    """Every enrolment with what was known of it."""
    info, first = _read(folder / "studentInfo.csv.gz"), _first_assessments(folder)
    ids = {one["id_assessment"] for one in first.values()}
    results = _read(folder / "studentAssessment.csv.gz")
    handed = {(one["id_assessment"], one["id_student"]): one for one in results if one["id_assessment"] in ids}
    rows = [_row(one, first[one["code_module"], one["code_presentation"]], handed) for one in info]
    groupings = [np.unique([str(row[field]) for row in rows], return_inverse=True)[1] for field in SENSITIVE]
    return Enrolments(
        rows,
        np.array([one["id_student"] for one in info]),
        np.array([one["code_presentation"] for one in info]),
        np.array([one["final_result"] in ("Pass", "Distinction") for one in info], dtype=np.float64),
        np.array([one["final_result"] != "Withdrawn" for one in info], dtype=np.float64),
        np.stack(groupings, axis=1),
    )


def _judged(table: Enrolments, kinds: dict[str, Kind], test: Array) -> dict[str, harness.Figure]:
    foretold = _foretold(table, kinds, ~test, test)
    y, groups = table.passes[test], table.groups[test]
    interval = metrics.bootstrap_by_group(metrics.auc, y, foretold.recalibrated, table.person[test])
    before, after = (_warning_gaps(y, one, groups) for one in (foretold.plain, foretold.warning))
    unfair, fair = max(before, key=lambda one: before[one]), max(after, key=lambda one: after[one])
    warned = foretold.warning < 0.5
    return {
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "ece_before": metrics.expected_calibration_error(y, foretold.plain),
        "ece": metrics.expected_calibration_error(y, foretold.recalibrated),
        "gap_before": before[unfair],
        "gap_before_of": unfair,
        "gap_after": after[fair],
        "gap_after_of": fair,
        "gap_left": after[fair] / before[unfair],
        "gaps_before": dict(before),
        "gaps_after": dict(after),
        "auc_of_warning": metrics.auc(y, foretold.warning),
        "warned_of_failed_before": float((foretold.plain[y == 0] < 0.5).mean()),
        "warned_of_failed_after": float(warned[y == 0].mean()),
        "right_warnings_after": float(1 - y[warned].mean()),
    }


def _foretold(table: Enrolments, kinds: dict[str, Kind], train: Array, test: Array) -> Foretold:
    targets = {"passes": table.passes[train], "stays": table.stays[train]}
    model = training.train(_of(table.rows, train), kinds, targets, person=table.person[train])
    seen, p = model.predict(_of(table.rows, train))[:, 0], model.predict(_of(table.rows, test))[:, 0]
    right = recalibration.fit(seen, table.passes[train], table.groups[train], ridge=20.0)
    honest, shown = right(seen, table.groups[train]), right(p, table.groups[test])
    even = evening.fit(honest, table.passes[train], table.groups[train], ridge=5.0)
    return Foretold(p, shown, even(shown, table.groups[test]))


def _warning_gaps(y: Array, p: Array, groups: Array) -> dict[str, float]:
    failed = y == 0
    return {
        name: gaps.gap(lambda rows: float((p[failed][rows] < 0.5).mean()), column[failed])
        for name, column in zip(SENSITIVE, groups.T, strict=True)
    }


def _first_assessments(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """(module, term) → the earliest assessment with a day."""
    first: dict[tuple[str, str], dict[str, str]] = {}
    for one in _read(folder / "assessments.csv.gz"):
        place = (one["code_module"], one["code_presentation"])
        if one["date"] and (place not in first or float(one["date"]) < float(first[place]["date"])):
            first[place] = one
    return first


def _row(one: dict[str, str], first: dict[str, str], handed: dict[tuple[str, str], dict[str, str]]) -> Row:
    result, due = handed.get((first["id_assessment"], one["id_student"])), float(first["date"])
    known = result if result is not None and float(result["date_submitted"]) <= due else None
    return {
        "module": one["code_module"],
        "term": one["code_presentation"][-1],
        "education": one["highest_education"],
        "gender": one["gender"],
        "age": one["age_band"],
        "deprivation": one["imd_band"] or None,
        "disability": one["disability"],
        "region": one["region"],
        "earlier": float(one["num_of_prev_attempts"]),
        "credits": float(one["studied_credits"]),
        "handed_in": "no" if known is None else "yes",
        "banked": known["is_banked"] if known else None,
        "score": float(known["score"]) if known and known["score"] else None,
        "days_early": due - float(known["date_submitted"]) if known else None,
    }


def _of(rows: list[Row], chosen: Array) -> list[Row]:
    return [rows[at] for at in np.flatnonzero(chosen)]


def _bucket(person: str) -> int:
    """0..9. The choices were made on a deal of another name."""
    return int(hashlib.sha256(f"prospects {person}".encode()).hexdigest()[:8], 16) % 10


def _read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as lines:
        return list(csv.DictReader(lines))
