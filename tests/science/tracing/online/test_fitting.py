"""Fitting recovers what a simulated school was made of, and stays sane on little or lopsided data."""

import math

import numpy as np
import pytest
from tests.science.tracing import school

from shuyuan.science import metrics
from shuyuan.science.tracing import online
from shuyuan.science.tracing.online import filtering, regression


def test_a_fit_recovers_item_difficulties_and_beats_the_defaults_on_unseen_learners() -> None:
    past, unseen = school.simulate(400, 50, seed=1), school.simulate(1, 1).table
    rest, unseen = past.table.split(0.25, seed=0)
    params = online.fit(rest, candidates=[online.Settings()])
    found = [params.items[key] - sum_of_points(params, key, past) for key in params.items]
    true = [past.difficulty[key] for key in params.items]
    assert np.corrcoef(found, true)[0, 1] > 0.9
    fitted = metrics.auc(unseen.correct, online.replay(params, unseen))
    assert fitted > metrics.auc(unseen.correct, online.replay(online.Params(), unseen)) + 0.05
    assert metrics.expected_calibration_error(unseen.correct, online.replay(params, unseen)) < 0.05


def sum_of_points(params: online.Params, item_id: str, past: school.School) -> float:
    keys = next(row.point_ids for row in past.answers if row.item_id == item_id)
    return -sum(params.point(key).difficulty for key in keys) / len(keys)


def test_settings_are_chosen_by_held_out_learners_and_every_try_is_reported() -> None:
    table = school.simulate(60, 20).table
    poor = online.Settings(general_variance=1e-6, point_variance=1e-6, form_rate=0.0, item_ridge=1e6)
    fitted = online.select_and_fit(table, candidates=[poor, online.Settings()])
    assert fitted.settings == online.Settings()
    assert [tried.settings for tried in fitted.tried] == [poor, online.Settings()]
    assert fitted.tried[1].held_out_log_loss < fitted.tried[0].held_out_log_loss


def test_a_small_class_keeps_the_first_settings_because_nothing_can_be_chosen_by_it() -> None:
    fitted = online.select_and_fit(school.simulate(10, 5).table)
    assert fitted.settings == online.Settings()
    assert math.isnan(fitted.tried[0].held_out_log_loss)


def test_a_small_school_of_2000_answers_gets_sane_numbers() -> None:
    params = online.fit(school.simulate(50, 40).table)
    assert all(abs(value) < 3 for value in params.items.values())
    assert all(abs(point.difficulty) < 3 and point.ability_weight < 2 for point in params.points.values())
    assert 0.05 < params.general_weight < 2


@pytest.mark.parametrize("correct", [True, False])
def test_a_class_that_answers_all_alike_does_not_run_away(correct: bool) -> None:
    rows = [online.Answer(k % 5, f"i{k % 7}", ["p"], correct) for k in range(100)]
    params = online.fit(online.Interactions.of(rows))
    numbers = [params.bias, params.wins_weight, params.losses_weight, *params.items.values()]
    assert max(abs(number) for number in numbers) < 6


def test_no_answers_at_all_give_the_defaults() -> None:
    assert online.fit(online.Interactions.of([])) == online.Params()


def test_answers_without_item_or_points_still_teach_the_general_part() -> None:
    rows = [online.Answer(k % 5, None, [], k % 3 > 0) for k in range(200)]
    params = online.fit(online.Interactions.of(rows))
    assert not params.items
    assert not params.points
    assert online.replay(params, online.Interactions.of(rows)).shape == (200,)


def test_the_same_answers_and_seed_give_the_same_params() -> None:
    table = school.simulate(50, 10).table
    assert online.fit(table, seed=3) == online.fit(table, seed=3)


def test_shuffled_labels_teach_nothing_about_unseen_learners() -> None:
    rng = np.random.default_rng(0)
    table = school.simulate(200, 50, seed=2).table
    rest, unseen = table.with_correct(rng.permutation(table.correct)).split(0.3, seed=0)
    p = online.replay(online.fit(rest, candidates=[online.Settings()]), unseen)
    assert abs(metrics.auc(unseen.correct, p) - 0.5) < 0.05


def test_the_gradient_of_the_fit_equals_finite_differences() -> None:
    table = school.simulate(8, 6, points=3, items=5).table
    items, points = len(table.item_ids), len(table.point_ids)
    weights = regression.Weights.default(items, points)
    trace = filtering.run(table, online.Params(), weights.layout())
    posterior = regression._Posterior(table, trace, regression.Ridges(1.5, 0.3, 1.0))
    at = weights.flat() + np.random.default_rng(0).normal(0, 0.3, len(weights.flat()))
    _, gradient = posterior.at(regression.Weights.of(at, items, points))
    for place in range(len(at)):
        nudge = np.zeros(len(at))
        nudge[place] = 1e-5
        up, _ = posterior.at(regression.Weights.of(at + nudge, items, points))
        down, _ = posterior.at(regression.Weights.of(at - nudge, items, points))
        assert gradient[place] == pytest.approx((up - down) / 2e-5, abs=1e-4)
