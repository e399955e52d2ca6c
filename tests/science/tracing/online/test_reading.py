"""What people are shown: no level on thin evidence, and a gain that points at the unknown."""

import pytest

from shuyuan.science.tracing import online

PARAMS = online.Params()
LEARNER = online.new_learner(PARAMS)


def test_no_level_is_shown_below_the_minimum_evidence_however_good_the_answers() -> None:
    assert [online.level(0.99, n, 0.05) for n in (0, 1, 4)] == [None, None, None]
    assert online.level(0.99, 5, 0.05) == 5
    assert online.level(0.99, 5, 0.05, minimum_evidence=6) is None


def test_no_level_is_shown_when_the_estimate_is_too_unsure() -> None:
    assert online.level(0.5, 50, 0.31) is None
    assert online.level(0.5, 50, 0.29) == 2


def test_levels_rise_with_mastery_and_use_all_five_steps() -> None:
    levels = [online.level(p / 100, 20, 0.1) for p in range(101)]
    assert levels == sorted(levels, key=lambda step: step or 0)
    assert set(levels) == {1, 2, 3, 4, 5}
    assert [online.level(floor, 20, 0.1) for floor in online.LEVEL_FLOORS] == [2, 3, 4, 5]


def test_mastery_leaves_recent_form_out() -> None:
    hot = LEARNER._replace(form=0.8)
    state = online.new_point(PARAMS)
    assert online.mastery(PARAMS, hot, state, "a") == online.mastery(PARAMS, LEARNER, state, "a")
    assert online.predict(PARAMS, hot, [state], None, ["a"]) > online.predict(PARAMS, LEARNER, [state], None, ["a"])


def test_five_steady_answers_are_enough_for_a_level_right_after_them() -> None:
    learner, state = LEARNER, online.new_point(PARAMS)
    for correct in (True, False, True, True, False):
        step = online.update(PARAMS, learner, [state], None, ["a"], correct, 0.0)
        learner, state = step.learner, step.points[0]
    read = online.mastery(PARAMS, learner, state, "a")
    assert state.evidence == 5
    assert online.level(read.p, state.evidence, read.uncertainty) is not None


def test_an_answer_tells_most_where_least_is_known() -> None:
    fresh = online.new_point(PARAMS)
    known = fresh._replace(variance=0.1, wins=3.0, losses=3.0)
    gain = online.expected_gain(PARAMS, LEARNER, fresh, "a")
    assert gain > online.expected_gain(PARAMS, LEARNER, known, "a") > 0


def test_the_expected_gain_is_exactly_what_an_answer_really_narrows() -> None:
    state = online.new_point(PARAMS)
    before = online.mastery(PARAMS, LEARNER, state, "a")
    step = online.update(PARAMS, LEARNER, [state], None, ["a"], True, 0.0)
    spread_left = (step.learner.variance + step.points[0].variance) ** 0.5
    narrowed = before.uncertainty - before.p * (1 - before.p) * spread_left
    assert online.expected_gain(PARAMS, LEARNER, state, "a") == pytest.approx(narrowed, rel=1e-9)


def test_a_strong_pupil_who_fails_one_point_does_not_read_secure_there() -> None:
    learner, weak = online.new_learner(PARAMS), online.new_point(PARAMS)
    strong = online.new_point(PARAMS)
    for turn in range(120):
        learner, (strong,), _ = online.update(PARAMS, learner, [strong], None, ["b"], True, float(turn))
    for turn in range(12):
        learner, (weak,), _ = online.update(PARAMS, learner, [weak], None, ["a"], turn % 4 == 0, 120.0 + turn)
    read = online.mastery(PARAMS, learner, weak, "a")
    assert online.level(read.p, weak.evidence, read.uncertainty) in (1, 2)
    assert online.level(online.mastery(PARAMS, learner, strong, "b").p, strong.evidence, 0.1) == 5
