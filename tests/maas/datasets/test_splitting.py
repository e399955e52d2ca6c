"""Splits are exact, seeded, and keep persons and times apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.maas.datasets import splitting
from shuyuan.maas.datasets.interface import Split

HALVES = Split(shares=(0.5, 0.25, 0.25))


def counts(parts: splitting.Parts) -> list[int]:
    return [int(one) for one in np.bincount(parts, minlength=3)]


@given(st.integers(0, 500), st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9)))
def test_shares_are_exact_to_the_row(rows: int, weights: tuple[int, int, int]) -> None:
    shares = tuple(one / sum(weights) for one in weights)
    found = splitting.sizes(rows, shares)
    assert sum(found) == rows
    assert all(abs(one - rows * share) < 1 for one, share in zip(found, shares, strict=True))


def test_the_same_seed_gives_the_same_split_and_another_one_another() -> None:
    first, again = splitting.at_random(1000, HALVES), splitting.at_random(1000, HALVES)
    other = splitting.at_random(1000, HALVES.model_copy(update={"seed": 8}))
    assert counts(first) == [500, 250, 250]
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_class_is_in_every_part_in_its_share() -> None:
    classes = np.repeat([0, 1, 2], [800, 160, 40])
    parts = splitting.stratified(classes, HALVES)
    assert counts(parts) == [500, 250, 250]
    for one in range(3):
        held = np.bincount(parts[classes == one], minlength=3) / (classes == one).sum()
        np.testing.assert_allclose(held, [0.5, 0.25, 0.25], atol=1 / 40)


@given(st.lists(st.integers(-1, 30), min_size=1, max_size=300))
def test_no_person_is_in_two_parts_and_nobody_is_train(persons: list[int]) -> None:
    codes = np.array(persons)
    parts = splitting.by_person(codes, HALVES)
    for person in set(persons):
        assert len(set(parts[codes == person].tolist())) == 1
    assert (parts[codes == -1] == 0).all()


def test_parts_by_person_come_near_their_shares() -> None:
    codes = np.random.default_rng(0).integers(0, 200, 5000)
    np.testing.assert_allclose(
        np.array(counts(splitting.by_person(codes, HALVES))) / 5000, [0.5, 0.25, 0.25], atol=0.02
    )


def test_nothing_in_train_is_later_than_anything_in_test() -> None:
    times = np.random.default_rng(0).permutation(100).astype(float)
    times[3] = np.nan
    parts = splitting.by_time(times, HALVES)
    assert counts(parts) == [50, 25, 25]
    assert parts[3] == 0
    assert np.nanmax(times[parts == 0]) < times[parts == 1].min() <= times[parts == 1].max() < times[parts == 2].min()


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (0.0, 0.5, 0.5), (0.5, 0.5), (1.5, -0.5, 0.0)])
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="shares"):
        Split(shares=shares)
