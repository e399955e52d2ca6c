"""One recipe for all nets."""

import numpy as np
import pytest
from tests.science.tracing import school

pytest.importorskip("torch", reason="nets need torch: make train")

import torch

from shuyuan.science.tracing.neural import correcting, distilling, dkt, training
from shuyuan.science.tracing.neural.events import Packed
from shuyuan.science.tracing.vocabulary import Vocabulary

TABLE = school.simulate(30, 12, points=4, items=12, seed=5).table
RECIPE = training.Recipe(epochs=2, updates=4)


def test_the_random_state_of_the_caller_is_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    dkt.fit(TABLE, seed=3, recipe=RECIPE)
    assert torch.equal(torch.rand(3), expected)


def test_the_epoch_that_is_kept_is_the_best_on_learners_held_out() -> None:
    rest, unseen = training.split(TABLE, None, seed=0)
    assert not np.isin(rest.learner, unseen.learner).any()
    vocabulary = Vocabulary.of(TABLE)
    fit, held = Packed(rest, vocabulary), Packed(unseen, vocabulary)
    recipe = training.Recipe(epochs=8, rate=0.1, updates=4)  # so fast that it gets worse again
    trained = training.train(lambda: dkt.Dkt(12, 4), fit, held, recipe, seed=0)
    losses = [epoch.held_out_loss for epoch in trained.epochs]
    assert training.loss(training.logits(trained.net, held), held.right) == pytest.approx(min(losses), abs=1e-6)
    assert losses[-1] > min(losses)


def test_too_few_learners_to_spare_any_select_by_themselves() -> None:
    few = TABLE.take(np.flatnonzero(TABLE.learner < 5))
    assert training.split(few, None, seed=0) == (few, few)


def test_a_student_says_about_what_its_teachers_say_together() -> None:
    prepared = correcting.Prepared.of(TABLE, None, 0)
    together = distilling.teachers(prepared, 2, RECIPE, 0)
    student = distilling.distilled(prepared, together, RECIPE, 0)
    assert np.abs(student.predict(TABLE) - together.predict(TABLE)).mean() < 0.05
