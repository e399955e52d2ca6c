"""Plans of a cross-validation hold out every row once, keep persons and time apart, and keep shares of classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuyuan.science.metrics import folds, spread


def _whole(plan: list[folds.Fold], rows: int) -> None:
    assert sorted(np.concatenate([fold.held_out for fold in plan]).tolist()) == list(range(rows))
    for fold in plan:
        assert sorted([*fold.train, *fold.held_out]) == list(range(rows))


@given(st.integers(2, 80), st.integers(2, 8), st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_every_row_is_held_out_once_and_folds_are_equally_large(rows: int, k: int, seed: int) -> None:
    if k > rows:
        with pytest.raises(ValueError, match="k must be in"):
            folds.k_fold(rows, k, seed=seed)
        return
    plan = folds.k_fold(rows, k, seed=seed)
    _whole(plan, rows)
    sizes = [len(fold.held_out) for fold in plan]
    assert max(sizes) - min(sizes) <= 1
    assert [f.held_out.tolist() for f in plan] == [f.held_out.tolist() for f in folds.k_fold(rows, k, seed=seed)]


@given(st.lists(st.integers(0, 15), min_size=20, max_size=80))
@settings(deadline=None, max_examples=40)
def test_no_person_is_on_both_sides(persons: list[int]) -> None:
    k = min(4, len(set(persons)))
    if k < 2:
        return
    plan = folds.by_person(persons, k)
    _whole(plan, len(persons))
    for fold in plan:
        assert not {persons[at] for at in fold.train} & {persons[at] for at in fold.held_out}
        assert len(fold.held_out)


def test_every_fold_has_every_class_in_its_share() -> None:
    label = np.repeat(["a", "b", "c"], [50, 30, 10])
    plan = folds.stratified(label, 5)
    _whole(plan, 90)
    assert {tuple(np.unique(label[fold.held_out], return_counts=True)[1].tolist()) for fold in plan} == {(10, 6, 2)}


def test_a_class_of_fewer_than_k_rows_is_named() -> None:
    with pytest.raises(ValueError, match="class 'rare' has 2 rows"):
        folds.stratified(["rare", "rare", *["common"] * 20], 5)


def test_by_time_nothing_is_trained_on_that_came_later_and_equal_times_stay_together() -> None:
    time = np.array([5, 1, 1, 2, 2, 2, 3, 4, 4, 6])
    plan = folds.by_time(time, 3)
    assert len(plan) == 2  # the third would begin and end at the same moment
    assert len(folds.by_time(np.arange(10), 3)) == 3
    for fold in plan:
        assert time[fold.train].max() < time[fold.held_out].min()
    held = np.concatenate([fold.held_out for fold in plan])
    assert len(set(held.tolist())) == len(held)


def test_one_moment_only_cannot_be_cut_by_time() -> None:
    with pytest.raises(ValueError, match="different times"):
        folds.by_time([1, 1, 1], 2)


def test_the_interval_of_a_mean_over_folds_is_wider_than_that_of_independent_draws() -> None:
    stats = pytest.importorskip("scipy.stats", reason="a second implementation of Student's t")
    values = [0.81, 0.84, 0.79, 0.86, 0.83]
    found = spread.over_folds(values)
    assert found.low is not None
    assert found.high is not None
    plain = stats.t.interval(0.95, 4, np.mean(values), np.std(values, ddof=1) / np.sqrt(5))
    ratio = np.sqrt((1 / 5 + 1 / 4) / (1 / 5))
    assert found.high - found.low == pytest.approx((plain[1] - plain[0]) * ratio, rel=1e-3)
    assert spread.over_folds([0.5, 0.5]).low == 0.5
