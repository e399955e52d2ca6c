"""Replaying a table equals serving its answers one by one; no answer is seen before it is predicted."""

import numpy as np
import pytest
from tests.science.tracing import school

from shuyuan.science.tracing import online

PARAMS = online.Params(
    points={f"p{k}": online.PointParams(0.1 * k - 1, 0.1 * k, 0.05 * k) for k in range(0, 20, 2)},
    items={f"i{k}": 0.02 * k - 1 for k in range(0, 100, 3)},
)


def served(params: online.Params, answers: list[online.Answer]) -> list[float]:
    learners: dict[object, online.LearnerState] = {}
    points: dict[tuple[object, str], online.PointState] = {}
    said = []
    for who, item_id, keys, correct, at_s in answers:
        states = [points.get((who, key), online.new_point(params)) for key in keys]
        learner = learners.get(who, online.new_learner(params))
        step = online.update(params, learner, states, item_id, keys, correct, at_s)
        assert online.predict(params, learner, states, item_id, keys, at_s) == step.p_before
        learners[who] = step.learner
        points.update(((who, key), state) for key, state in zip(keys, step.points, strict=True))
        said.append(step.p_before)
    return said


@pytest.mark.parametrize("params", [online.Params(), PARAMS])
def test_replaying_a_table_equals_serving_its_answers_one_by_one(params: online.Params) -> None:
    past = school.simulate(25, 30, seed=4)
    answers = [
        *past.answers,
        online.Answer(3, None, [], True, 9e6),
        online.Answer("new", "i0", ["p0", "p1", "p2"], False),
    ]
    np.testing.assert_allclose(
        online.replay(params, online.Interactions.of(answers)), served(params, answers), rtol=0, atol=1e-12
    )


def test_turning_an_answer_round_changes_only_later_predictions_of_that_learner() -> None:
    table = school.simulate(10, 12, seed=5).table
    turned = table.correct.copy()
    turned[45] = not turned[45]
    before, after = online.replay(PARAMS, table), online.replay(PARAMS, table.with_correct(turned))
    moved = np.flatnonzero(before != after)
    assert moved.size
    assert (moved > 45).all()
    assert (table.learner[moved] == table.learner[45]).all()


def test_the_order_in_which_learners_are_interleaved_does_not_matter() -> None:
    table = school.simulate(10, 12, seed=6).table
    by_learner = np.argsort(table.learner, kind="stable")
    np.testing.assert_allclose(
        online.replay(PARAMS, table.take(by_learner)), online.replay(PARAMS, table)[by_learner], rtol=0, atol=1e-12
    )


def test_an_empty_table_replays_to_nothing() -> None:
    assert online.replay(PARAMS, online.Interactions.of([])).shape == (0,)


def test_a_split_shares_no_learner_and_loses_no_row() -> None:
    table = school.simulate(40, 5).table
    rest, unseen = table.split(0.25, seed=1)
    assert len(rest) + len(unseen) == len(table)
    assert len(np.unique(unseen.learner)) == 10
    assert not set(rest.learner) & set(unseen.learner)


def test_a_table_that_names_a_point_twice_in_one_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="same point twice"):
        online.Interactions.of([online.Answer(1, "i", ["p", "p"], True)])


def test_columns_that_do_not_fit_together_are_refused() -> None:
    table = school.simulate(2, 2).table
    with pytest.raises(ValueError, match="rows"):
        table.with_correct(table.correct[:-1])
