"""Bandits: they find out what is best, and keep what they were told."""

import numpy as np
import pytest

from shuyuan.science.ranking import Bandit

ARMS = np.eye(3)
TRUTH = np.array([0.1, 0.3, 0.2])


@pytest.mark.parametrize("rule", ["thompson", "upper"])
def test_a_bandit_ends_with_the_best_of_three(rule: str) -> None:
    rng, bandit, chosen = np.random.default_rng(1), Bandit.new(3), []
    for _ in range(600):
        scores = bandit.thompson(ARMS, rng, spread=0.3) if rule == "thompson" else bandit.upper(ARMS, alpha=0.3)
        arm = int(np.argmax(scores))
        bandit = bandit.learnt(ARMS[arm], TRUTH[arm] + 0.1 * rng.standard_normal())
        chosen.append(arm)
    assert np.mean(np.array(chosen[-100:]) == 1) > 0.8
    assert bandit.tried == 600


def test_it_is_ridge_regression() -> None:
    rng = np.random.default_rng(2)
    x, y, prior = rng.normal(size=(40, 4)), rng.normal(size=40), rng.normal(size=4)
    bandit = Bandit.new(4, prior=prior, ridge=2.0)
    for row, gain in zip(x, y, strict=True):
        bandit = bandit.learnt(row, float(gain))
    assert bandit.mean == pytest.approx(np.linalg.solve(x.T @ x + 2 * np.eye(4), x.T @ y + 2 * prior))


def test_the_same_seed_draws_the_same_world() -> None:
    bandit = Bandit.new(3)
    first, second = (bandit.thompson(ARMS, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, second)


def test_no_candidate_no_score_and_nonsense_is_refused() -> None:
    bandit = Bandit.new(3)
    assert bandit.thompson([], np.random.default_rng(0)).shape == (0,)
    assert bandit.upper([]).shape == (0,)
    with pytest.raises(ValueError, match="gain must be finite"):
        bandit.learnt(ARMS[0], float("nan"))
    with pytest.raises(ValueError, match="contexts must be finite"):
        bandit.upper([[np.inf, 0, 0]])
    with pytest.raises(ValueError, match="dimensions must be >= 1"):
        Bandit.new(0)
