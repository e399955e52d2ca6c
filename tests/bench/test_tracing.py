"""The bench of knowledge tracing: data sets as tables, and a report that says when it is no longer true."""

from typing import Any

import numpy as np
import pytest

from bench import harness, tracing, tracingruns, tracingsets
from shuyuan.science.tracing import family


def test_rows_of_one_item_that_follow_each_other_with_other_skills_are_one_answer() -> None:
    rows = (["7", "7", "7", "8"], ["1", "2", "2", "1"], ["1", "1", "0", "0"])
    told = [(one.item_id, list(one.point_ids), one.correct) for one in tracingsets._events("ann", *rows)]
    assert told == [("7", ["1", "2"], True), ("7", ["2"], False), ("8", ["1"], False)]


def test_every_fourth_learner_is_kept_for_the_test() -> None:
    try:
        part = tracingsets.load("kt_spanish")
    except SystemExit:
        pytest.skip("kt_spanish not found; set SHUYUAN_DATA to the folder of data sets")
    assert len(part.train) + len(part.test) == 66_740
    assert not np.intersect1d(part.train.learner, part.test.learner).size


def test_an_unknown_data_set_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'moon'.*kt_spanish"):
        tracingsets.load("moon")


def test_every_planned_run_is_of_a_data_set_and_an_algorithm_that_exist() -> None:
    assert len({run.key for run in tracingruns.PLAN}) == len(tracingruns.PLAN)
    assert {run.data for run in tracingruns.PLAN} <= set(tracingsets.PROTOCOLS)
    assert {run.algorithm for run in tracingruns.PLAN} == set(family.REGISTRY)


def test_an_entry_of_other_code_or_data_is_no_longer_current(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tracingruns.PLAN[0]
    monkeypatch.setattr(tracingsets, "digest", lambda name: "d")
    report: dict[str, Any] = {"runs": {run.key: {"code": tracingruns.code(run.algorithm), "data": "d"}}}
    assert tracingruns.is_current(run, report)
    assert not tracingruns.is_current(tracingruns.PLAN[1], report)
    assert not tracingruns.is_current(run, {"runs": {run.key: {**report["runs"][run.key], "code": "other"}}})
    assert not tracingruns.is_current(run, {"runs": {run.key: {**report["runs"][run.key], "data": "other"}}})


def test_what_is_stored_names_the_best_and_how_far_it_is_from_what_was_published() -> None:
    entry = {"auc": 0.79, "low": 0.78, "high": 0.8, "log_loss": 0.5, "calibration_error": 0.01, "slices": {}}
    runs = {
        f"{tracing.MAIN}/0/{name}": entry | {"auc": auc}
        for name, auc in {
            "recurrent": 0.79,
            "recurrent_together": 0.791,
            "recurrent_alone": 0.788,
            "dkt": 0.753,
        }.items()
    }
    told = tracing.stored(runs)
    assert told["best"] == "recurrent"
    assert told["short_of_published_dkt"] == pytest.approx(-0.003)
    assert told["auc_lost_by_distilling"] == pytest.approx(0.001)
    assert harness.judge(told, "best_auc", (">=", 0.79))["met"]
