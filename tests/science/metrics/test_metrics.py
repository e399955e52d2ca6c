"""The figures of merit agree with hand-computed numbers and with brute force."""

import doctest
import importlib
import importlib.util
import math
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan import science
from shuyuan.science import metrics

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=2, max_size=40)


def brute_force_auc(correct: list[bool], p: list[float]) -> float:
    rights = [s for c, s in zip(correct, p, strict=True) if c]
    wrongs = [s for c, s in zip(correct, p, strict=True) if not c]
    won = sum(1.0 if r > w else 0.5 if r == w else 0.0 for r in rights for w in wrongs)
    return won / (len(rights) * len(wrongs))


@given(ROWS)
def test_auc_equals_counting_every_pair_with_ties_as_half(rows: list[tuple[bool, int]]) -> None:
    correct, p = [c for c, _ in rows], [s / 10 for _, s in rows]
    if len(set(correct)) < 2:
        assert math.isnan(metrics.auc(correct, p))
    else:
        assert metrics.auc(correct, p) == pytest.approx(brute_force_auc(correct, p))


def test_auc_of_a_hand_computed_example() -> None:
    assert metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == pytest.approx(0.75)


def test_log_loss_of_a_hand_computed_example() -> None:
    expected = -(math.log(0.9) + math.log(0.8) + math.log(0.3)) / 3
    assert metrics.log_loss([1, 0, 1], [0.9, 0.2, 0.3]) == pytest.approx(expected)


def test_of_rows_compared_one_by_one_a_certain_mistake_is_capped() -> None:
    rows = metrics.log_losses([1, 0, 1], [0.9, 0.2, 0.0])
    assert rows == pytest.approx([-math.log(0.9), -math.log(0.8), -math.log(1e-6)])
    assert metrics.log_loss([1, 0, 1], [0.9, 0.2, 0.0]) == pytest.approx((rows[:2].sum() - math.log(1e-12)) / 3)


def test_log_loss_of_a_certain_mistake_is_large_but_finite() -> None:
    assert 20 < metrics.log_loss([1], [0.0]) < 30


def test_calibration_error_weighs_bins_by_their_rows() -> None:
    correct, p = [1, 1, 0, 0, 1], [0.9, 0.9, 0.9, 0.1, 0.1]
    expected = 3 / 5 * abs(0.9 - 2 / 3) + 2 / 5 * abs(0.1 - 0.5)
    assert metrics.expected_calibration_error(correct, p, bins=10) == pytest.approx(expected)


def test_bins_cover_every_row_including_p_of_exactly_one() -> None:
    bins = metrics.reliability_bins([1, 0, 1, 1], [0.0, 0.5, 0.999, 1.0], bins=4)
    assert sum(piece.rows for piece in bins) == 4
    assert bins[-1]._replace(mean_p=0.0) == metrics.Bin(0.75, 1.0, 2, 0.0, 1.0)
    assert bins[-1].mean_p == pytest.approx(0.9995)


def test_bootstrap_resamples_learners_and_brackets_the_figure() -> None:
    rng = np.random.default_rng(1)
    group, p = np.repeat(np.arange(60), 20), rng.random(1200)
    correct = rng.random(1200) < p
    interval = metrics.bootstrap_by_group(metrics.auc, correct, p, group, draws=100)
    assert interval.low < interval.value < interval.high
    assert interval == metrics.bootstrap_by_group(metrics.auc, correct, p, group, draws=100)


def test_bootstrap_of_one_learner_has_no_width() -> None:
    interval = metrics.bootstrap_by_group(metrics.accuracy, [1, 0], [0.9, 0.9], ["ann", "ann"], draws=5)
    assert interval == (0.5, 0.5, 0.5)


def test_bootstrap_by_learner_is_wider_than_by_row_when_learners_agree_with_themselves() -> None:
    rng = np.random.default_rng(2)
    correct = np.repeat(rng.random(30) < 0.5, 40)
    p = np.full(1200, 0.9)
    by_learner = metrics.bootstrap_by_group(metrics.accuracy, correct, p, np.repeat(np.arange(30), 40))
    by_row = metrics.bootstrap_by_group(metrics.accuracy, correct, p, np.arange(1200))
    assert by_learner.high - by_learner.low > 3 * (by_row.high - by_row.low)


def test_shuffled_labels_score_about_one_half_even_for_a_perfect_score() -> None:
    correct = np.arange(4000) % 2
    assert metrics.auc(correct, correct) == 1.0
    assert abs(metrics.shuffled_labels_auc(correct, correct) - 0.5) < 0.04


@pytest.mark.parametrize(
    ("correct", "p", "said"),
    [([1, 0], [0.5], "equally long"), ([], [], "equally long"), ([2, 0], [0.5, 0.5], "0 and 1"),
     ([1, 0], [math.nan, 0.5], "finite")],
)  # fmt: skip
def test_bad_columns_are_refused_by_name(correct: list[int], p: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        metrics.auc(correct, p)


def test_every_example_in_the_docstrings_holds() -> None:
    tried = 0
    for found in pkgutil.walk_packages(science.__path__, "shuyuan.science."):
        if found.name.startswith("shuyuan.science.nets.") and importlib.util.find_spec("torch") is None:
            continue  # the nets are torch modules; their own tests say that they were skipped
        result = doctest.testmod(importlib.import_module(found.name))
        assert result.failed == 0, found.name
        tried += result.attempted
    assert tried >= 10
