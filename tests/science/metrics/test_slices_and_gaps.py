"""A planted weakness is found and named; noise is not; gaps between groups are held against chance."""

import numpy as np
import pytest
from numpy.typing import NDArray

from shuyuan.science.metrics import gaps, resampling, slices


def _columns(rng: np.random.Generator, rows: int, count: int, values: int = 4) -> list[slices.Codes]:
    return [rng.integers(0, values, rows) for _ in range(count)]


def test_a_planted_bad_slice_of_two_columns_is_found_first() -> None:
    rng = np.random.default_rng(3)
    columns = _columns(rng, 2000, 5)
    bad = (columns[1] == 2) & (columns[3] == 1)
    loss = (rng.random(2000) < np.where(bad, 0.7, 0.1)).astype(float)
    found = slices.worst_slices(loss, columns).found
    assert (found[0].columns, found[0].codes) == ((1, 3), (2, 1))
    assert found[0].rows == bad.sum()
    assert found[0].mean == pytest.approx(loss[bad].mean())


def test_a_bad_column_is_told_once_and_not_again_with_every_other_column() -> None:
    rng = np.random.default_rng(4)
    columns = _columns(rng, 2000, 5)
    loss = (rng.random(2000) < np.where(columns[0] == 1, 0.6, 0.1)).astype(float)
    found = slices.worst_slices(loss, columns).found
    assert (found[0].columns, found[0].codes) == ((0,), (1,))
    assert all(len(one.columns) == 1 or one.mean > found[0].mean * 1.2 for one in found)


def test_noise_is_found_in_about_one_of_twenty_searches_however_many_slices_are_looked_at() -> None:
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        search = slices.worst_slices((rng.random(400) < 0.2).astype(float), _columns(rng, 400, 6), draws=60, seed=seed)
        assert search.tested > 50
        alarms += bool(search.found)
    assert alarms <= 8  # 3 are expected; 9 or more has a chance of 1 in 400


def test_rows_of_one_person_do_not_make_a_slice() -> None:
    """Persons differ much; which value they have is noise. By rows it would look sure, by persons it does not."""
    by_rows, by_persons = 0, 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(30), 30)
        loss = (rng.random(900) < rng.beta(0.3, 0.7, 30)[person]).astype(float)
        columns = [rng.integers(0, 3, 30)[person] for _ in range(3)]
        by_rows += bool(slices.worst_slices(loss, columns, draws=60, seed=seed).found)
        by_persons += bool(slices.worst_slices(loss, columns, person=person, draws=60, seed=seed).found)
    assert by_rows > 12
    assert by_persons <= 5


def test_small_slices_and_those_of_few_persons_are_not_looked_at() -> None:
    loss, column = np.repeat([1.0, 0.0], [20, 180]), np.repeat([0, 1], [20, 180])
    assert slices.worst_slices(loss, [column], minimum_rows=21).found == ()
    person = np.concatenate([np.zeros(20, int), np.arange(1, 181)])
    assert slices.worst_slices(loss, [column], minimum_rows=10, person=person).tested == 2
    assert slices.worst_slices(loss, [column], minimum_rows=10, person=person, minimum_persons=10).tested == 1


def test_the_search_is_the_same_for_the_same_seed_and_changes_nothing_it_was_given() -> None:
    rng = np.random.default_rng(1)
    loss, columns = rng.random(300), _columns(rng, 300, 3)
    before = loss.copy()
    assert slices.worst_slices(loss, columns, seed=5) == slices.worst_slices(loss, columns, seed=5)
    assert (loss == before).all()


def _share(right: NDArray[np.float64]) -> gaps.Figure:
    return lambda rows: float(right[rows].mean())


def test_a_planted_gap_lies_above_chance_and_no_gap_does_not() -> None:
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(200), 5)
    group = (np.arange(200) % 2)[person]
    for planted, seen in ((0.25, True), (0.0, False)):
        right = (rng.random(1000) < 0.8 - planted * group).astype(float)
        share = _share(right)
        whole = gaps.gap(share, group)
        chance = gaps.gap_by_chance(share, group, person=person)
        bounds = gaps.gap_bounds(share, group, person=person)
        assert (whole > chance + 0.05) == seen
        assert bounds.low <= whole <= bounds.high


def test_rows_left_out_belong_to_no_group() -> None:
    right = np.array([1.0, 1.0, 0.0, 0.0])
    assert np.isnan(gaps.gap(_share(right), np.array([0, 0, -1, -1])))
    assert gaps.gap(_share(right), np.array([0, 1, 1, -1])) == 0.5


def test_an_interval_by_person_is_wider_where_persons_differ() -> None:
    rng = np.random.default_rng(6)
    person = np.repeat(np.arange(40), 25)
    right = (rng.random(1000) < rng.beta(0.5, 0.5, 40)[person]).astype(float)
    by_row = resampling.bounds(lambda rows: float(right[rows].mean()), 1000)
    by_person = resampling.bounds(lambda rows: float(right[rows].mean()), 1000, person=person)
    assert by_person.high - by_person.low > 2 * (by_row.high - by_row.low)


def test_a_draw_of_persons_takes_all_rows_of_each() -> None:
    person = np.array([5, 7, 5, 9, 7, 5])
    seen: list[NDArray[np.int64]] = []

    def note(rows: NDArray[np.int64]) -> float:
        seen.append(rows)
        return 0.0

    resampling.bounds(note, 6, person=person, draws=40)
    for rows in seen:
        for one in (5, 7, 9):
            mine = np.flatnonzero(person == one)
            assert len({int((rows == at).sum()) for at in mine}) == 1
    assert len({tuple(rows) for rows in seen}) > 5
