"""One answer moves mastery the right way, and nothing else surprises."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.science.tracing import online

WEIGHT = st.floats(0, 2)
DAY_S = 86_400.0
POINTS = st.builds(online.PointParams, st.floats(-3, 3), WEIGHT, WEIGHT)
PARAMS = st.builds(
    online.Params,
    bias=st.floats(-2, 2),
    general_weight=WEIGHT,
    wins_weight=WEIGHT,
    losses_weight=WEIGHT,
    form_weight=WEIGHT,
    general_variance=st.floats(0.01, 4),
    point_variance=st.floats(0.01, 4),
    points=st.fixed_dictionaries({"a": POINTS, "b": POINTS}),
    items=st.fixed_dictionaries({"q": st.floats(-3, 3)}),
)
ANSWERS = st.lists(st.tuples(st.sampled_from(["a", "b", "ab"]), st.booleans(), st.floats(0, 60)), max_size=25)


class Pupil:
    """Plays answers in order and keeps the states, as the platform would."""

    def __init__(self, params: online.Params) -> None:
        self.params, self.learner, self.now_s = params, online.new_learner(params), 0.0
        self.points = {key: online.new_point(params) for key in "abc"}

    def answer(self, keys: str, correct: bool, after_days: float = 0.0, item_id: str | None = "q") -> float:
        self.now_s += after_days * DAY_S
        states = [self.points[key] for key in keys]
        step = online.update(self.params, self.learner, states, item_id, list(keys), correct, self.now_s)
        self.learner = step.learner
        self.points |= dict(zip(keys, step.points, strict=True))
        return step.p_before

    def mastery(self, key: str) -> online.Mastery:
        return online.mastery(self.params, self.learner, self.points[key], key, self.now_s)


@given(PARAMS, ANSWERS, st.sampled_from(["a", "b", "ab"]), st.booleans(), st.floats(0, 400))
def test_a_right_answer_never_lowers_mastery_of_its_points_and_a_wrong_one_never_raises_it(
    params: online.Params, history: list[tuple[str, bool, float]], keys: str, correct: bool, days: float
) -> None:
    pupil = Pupil(params)
    for past_keys, past_correct, after_days in history:
        pupil.answer(past_keys, past_correct, after_days)
    before = {key: pupil.mastery(key).p for key in keys}
    pupil.answer(keys, correct, days)
    for key in keys:
        after = pupil.mastery(key).p
        assert after >= before[key] if correct else after <= before[key]


@given(PARAMS, ANSWERS)
def test_variances_stay_positive_and_never_exceed_the_prior(
    params: online.Params, history: list[tuple[str, bool, float]]
) -> None:
    pupil = Pupil(params)
    for keys, correct, after_days in history:
        assert 0.0 <= pupil.answer(keys, correct, after_days) <= 1.0
        assert 0.0 < pupil.learner.variance <= params.general_variance
        assert all(0.0 < pupil.points[key].variance <= params.point_variance for key in keys)


def test_an_answer_moves_its_point_more_than_a_point_it_does_not_touch() -> None:
    pupil = Pupil(online.Params())
    before = pupil.mastery("a").p, pupil.mastery("c").p
    pupil.answer("a", True)
    assert pupil.mastery("a").p - before[0] > pupil.mastery("c").p - before[1] > 0
    assert pupil.points["c"] == online.new_point(online.Params())


def test_an_item_of_several_points_is_one_event_not_several() -> None:
    params = online.Params()
    together, apart = Pupil(params), Pupil(params)
    together.answer("ab", True)
    apart.answer("a", True)
    apart.answer("b", True)
    assert together.learner.wins == 1
    assert together.points["a"].wins == together.points["b"].wins == 1
    assert 0 < together.points["a"].mean < apart.points["a"].mean


def test_the_more_surprising_answer_teaches_more() -> None:
    params = online.Params(items={"easy": -2.0, "hard": 2.0})
    easy, hard = Pupil(params), Pupil(params)
    assert easy.answer("a", True, item_id="easy") > hard.answer("a", True, item_id="hard")
    assert hard.points["a"].mean > easy.points["a"].mean


def test_the_thousandth_answer_moves_ability_less_than_the_first() -> None:
    pupil = Pupil(online.Params(point_drift=0.0))
    pupil.answer("a", True)
    first = pupil.points["a"].mean
    for turn in range(1000):
        pupil.answer("a", turn % 2 == 0)
    settled = pupil.points["a"].mean
    pupil.answer("a", True)
    assert 0 < pupil.points["a"].mean - settled < first / 20


def test_time_without_answers_widens_uncertainty_but_leaves_mastery_where_it_was() -> None:
    pupil = Pupil(online.Params())
    for _ in range(8):
        pupil.answer("a", True)
    fresh = pupil.mastery("a")
    later = online.mastery(pupil.params, pupil.learner, pupil.points["a"], "a", pupil.now_s + 90 * DAY_S)
    assert later.p == fresh.p
    assert later.uncertainty > fresh.uncertainty
    forgetful_off = online.Params(drift_per_day=0.0)
    kept = online.mastery(forgetful_off, pupil.learner, pupil.points["a"], "a", pupil.now_s + 90 * DAY_S)
    assert kept.uncertainty == pytest.approx(fresh.uncertainty)


def test_a_clock_that_runs_backwards_does_not_create_certainty() -> None:
    pupil = Pupil(online.Params())
    pupil.answer("a", True, after_days=10)
    widened = online.mastery(pupil.params, pupil.learner, pupil.points["a"], "a", 0.0)
    assert widened == pupil.mastery("a")


def test_unseen_items_and_points_fall_back_to_their_priors() -> None:
    params = online.Params(points={"a": online.PointParams(2.0)}, items={"q": 1.0})
    learner, state = online.new_learner(params), online.new_point(params)
    unknown = online.predict(params, learner, [state], "never seen", ["never seen"])
    assert unknown == pytest.approx(1 / (1 + math.exp(-params.bias)))
    assert online.predict(params, learner, [state], None, ["a"]) < unknown
    assert online.predict(params, learner, [], "q", []) < unknown


def test_updating_leaves_the_given_states_as_they_were() -> None:
    params = online.Params()
    learner, states = online.new_learner(params), [online.new_point(params)]
    online.update(params, learner, states, "q", ["a"], True, 5.0)
    assert (learner, states) == (online.new_learner(params), [online.new_point(params)])


@pytest.mark.parametrize("keys", [["a", "a"], ["a"], ["a", "b", "c"]])
def test_states_that_do_not_match_distinct_points_are_refused(keys: list[str]) -> None:
    params = online.Params()
    states = [online.new_point(params)] * 2
    with pytest.raises(ValueError, match="distinct point ids"):
        online.update(params, online.new_learner(params), states, "q", keys, True, 0.0)
