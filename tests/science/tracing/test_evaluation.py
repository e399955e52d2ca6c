"""Figures of a tracer, and what would make them lie."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from tests.science.tracing import school

from shuyuan.science import metrics
from shuyuan.science.tracing import evaluation, family
from shuyuan.science.tracing.interactions import Answer, Interactions

DATA = Path(os.environ.get("SHUYUAN_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")


def test_figures_are_those_of_the_metrics_and_slices_part_the_rows() -> None:
    past = school.simulate(30, 25, seed=3)
    report = evaluation.report(past.table, past.truth, past.table)
    assert report.auc == metrics.auc(past.table.correct, past.truth)
    assert report.low < report.auc < report.high
    histories = [found for name, found in report.slices.items() if name.startswith("history")]
    assert [found.rows for found in histories] == [30 * 5, 30 * 15, 30 * 5, 0]
    assert histories[-1].auc is None
    assert report.slices["known item"].rows == len(past.table)
    assert report.slices["new item"].rows == 0


def test_items_that_were_not_in_the_fit_are_reported_apart() -> None:
    fit = Interactions.of([Answer("ann", "old", ["p"], True)])
    table = Interactions.of(
        [Answer("bo", "old", ["p"], True), Answer("bo", "new", ["p"], False), Answer("bo", None, ["p"], True)]
    )
    slices = evaluation.report(table, np.array([0.6, 0.5, 0.7]), fit).slices
    assert (slices["known item"].rows, slices["new item"].rows) == (1, 2)


def expanded(table: Interactions) -> Interactions:
    """Each answer written once a point, as the leak comes into the world."""
    rows = []
    for row in range(len(table)):
        for point in table.point[table.starts[row] : table.starts[row + 1]]:
            item = table.item_ids[table.item[row]]
            rows.append(
                Answer(int(table.learner[row]), item, [table.point_ids[point]], bool(table.correct[row]), row * 1.0)
            )
    return Interactions.of(rows)


@pytest.mark.parametrize("other", [False, True])
def test_answers_written_twice_are_refused_where_times_tell_them_from_a_second_try(other: bool) -> None:
    table = school.simulate(20, 20, seed=4).table

    def doubled(apart_s: float) -> Interactions:
        rows = []
        for row in range(len(table)):
            who, item = int(table.learner[row]), table.item_ids[table.item[row]]
            points = [table.point_ids[at] for at in table.point[table.starts[row] : table.starts[row + 1]]]
            right, at_s = bool(table.correct[row]), 10.0 * row * apart_s
            rows += [Answer(who, item, points, right, at_s), Answer(who, item, points, right != other, at_s)]
        return Interactions.of(rows)

    with pytest.raises(evaluation.Leak, match="give every answer once"):
        evaluation.refuse_leaks(doubled(1.0))
    evaluation.refuse_leaks(doubled(0.0))  # no times: they may be tries


def test_answers_written_once_a_point_are_refused_as_a_leak() -> None:
    table = expanded(school.simulate(20, 20, seed=4).table)
    with pytest.raises(evaluation.Leak, match="as one row"):
        evaluation.report(table, np.full(len(table), 0.5))


def test_tries_at_the_same_item_again_are_no_leak() -> None:
    rows = [Answer("ann", "q", ["p", "r"], True, 0.0)] * 50
    evaluation.refuse_leaks(Interactions.of(rows))


def test_the_published_rows_with_the_well_known_leak_are_refused_and_without_it_are_not() -> None:
    fold = DATA / "kt_assist2009_pid" / "fold1.csv.gz"
    if not fold.exists():
        pytest.skip(f"needs {fold.name} of kt_assist2009_pid; set SHUYUAN_DATA to the folder of data sets")
    with gzip.open(fold, "rt") as text:
        lines = text.read().split("\n")
    rows, kept = [], []
    for at in range(0, len(lines) - 3, 4):
        columns = (line.strip(",").split(",") for line in lines[at + 1 : at + 4])
        before = None
        for item, skill, right in zip(*columns, strict=True):
            answer = Answer(at, item, [skill], right == "1")
            rows.append(answer)
            if before is None or before.item_id != item or before.point_ids == [skill]:
                kept.append(answer)
            before = answer
    with pytest.raises(evaluation.Leak):
        evaluation.refuse_leaks(Interactions.of(rows))
    evaluation.refuse_leaks(Interactions.of(kept))


def test_answers_dealt_at_random_are_predicted_no_better_than_by_chance() -> None:
    past, unseen = school.simulate(60, 20, seed=5).table, school.simulate(60, 20, seed=6).table
    assert abs(evaluation.control(family.find("pfa"), past, unseen) - 0.5) < 0.06
