"""What every tracer of the family holds to."""

import functools
import importlib.util

import numpy as np
import pytest
import safetensors.numpy
from tests.science.tracing import school

from shuyuan.science import metrics
from shuyuan.science.tracing import family
from shuyuan.science.tracing.interactions import Answer, Interactions

NEEDS_TORCH = {name for name, path in family.REGISTRY.items() if ".neural." in path}
SCHOOL = school.simulate(100, 30, points=6, items=30, seed=1)
STRANGERS = SCHOOL.table.learner >= 60
PAST, UNSEEN = (SCHOOL.table.take(np.flatnonzero(rows)) for rows in (~STRANGERS, STRANGERS))
TRUTH = SCHOOL.truth[STRANGERS]

every_tracer = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                name in NEEDS_TORCH and importlib.util.find_spec("torch") is None,
                reason="the neural tracers need torch: make train",
            ),
        )
        for name in family.REGISTRY
    ],
)


@functools.cache
def fitted(name: str) -> family.Fitted:
    return family.find(name).fit(PAST)


@every_tracer
def test_it_predicts_learners_it_has_never_seen_better_than_chance(name: str) -> None:
    p = fitted(name).predict(UNSEEN)
    assert p.shape == (len(UNSEEN),)
    assert ((p > 0) & (p < 1)).all()
    assert metrics.auc(UNSEEN.correct, p) > 0.52
    assert metrics.auc(UNSEEN.correct, p) <= metrics.auc(UNSEEN.correct, TRUTH) + 0.02


@every_tracer
def test_an_answer_is_predicted_before_it_is_seen(name: str) -> None:
    table = UNSEEN
    turned = table.correct.copy()
    turned[45] = not turned[45]
    before, after = (fitted(name).predict(one) for one in (table, table.with_correct(turned)))
    moved = np.flatnonzero(np.abs(before - after) > 1e-7)
    assert (moved > 45).all()
    assert (table.learner[moved] == table.learner[45]).all()
    assert moved.size or name == "rasch"  # which looks at no answer


@every_tracer
def test_how_learners_are_interleaved_does_not_matter(name: str) -> None:
    table = UNSEEN
    by_learner = np.argsort(table.learner, kind="stable")
    one, two = fitted(name).predict(table.take(by_learner)), fitted(name).predict(table)[by_learner]
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)


@every_tracer
def test_it_comes_back_from_safetensors_as_it_was(name: str) -> None:
    raw = safetensors.numpy.save({key: np.ascontiguousarray(value) for key, value in fitted(name).to_arrays().items()})
    back = family.find(name).load(safetensors.numpy.load(raw))
    np.testing.assert_array_equal(back.predict(UNSEEN), fitted(name).predict(UNSEEN))


@every_tracer
def test_items_and_points_that_were_not_in_the_fit_are_average_ones(name: str) -> None:
    strange = Interactions.of(
        [
            Answer("ann", "never", ["nowhere"], True),
            Answer("ann", None, [], False),
            Answer("bo", "i0", ["p0", "nowhere"], True),
        ]
    )
    p = fitted(name).predict(strange)
    assert ((p > 0.02) & (p < 0.98)).all()
    assert len(fitted(name).predict(Interactions.of([]))) == 0


@every_tracer
def test_the_same_answers_and_seed_give_the_same_tracer(name: str) -> None:
    again = family.find(name).fit(PAST)
    np.testing.assert_array_equal(again.predict(UNSEEN), fitted(name).predict(UNSEEN))


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'oracle'.*best_lr"):
        family.find("oracle")
