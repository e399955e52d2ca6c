"""Items whose ids stand next to each other tell of each other."""

import numpy as np

from shuyuan.science.tracing.online import neighbours

IDS = ("q10", "q9", "q11", "q400")
ITEM = np.asarray([0, 0, 0, 0, 3])
SURPRISE = np.asarray([0.5, 0.5, 0.5, 0.5, -0.5])  # q10 went better than it should have, q400 worse


def around() -> neighbours.Neighbours:
    return neighbours.Neighbours.of(IDS, ITEM, SURPRISE, np.full(5, 0.25))


def test_an_item_borrows_from_those_beside_it_and_not_from_itself() -> None:
    near = neighbours.REACHES.index(3.0)
    beside, itself = around().about("q9")[near], around().about("q10")[near]
    assert beside > 0.1
    assert itself < 0


def test_an_item_nobody_knows_is_told_by_its_place() -> None:
    about = around().about("q10b")
    np.testing.assert_allclose(about[:-1], (around().about("q10") + around().about("q11"))[:-1] / 2)
    assert about[-1] == 0  # answers of its own
    assert around().place("q10b") == 1.5


def test_no_item_and_no_items_are_told_nothing_of() -> None:
    nobody = neighbours.Neighbours.of((), ITEM[:0], SURPRISE[:0], SURPRISE[:0])
    assert not around().about(None).any()
    assert not nobody.about("q1").any()
    assert nobody.table(()).shape == (1, neighbours.COLUMNS)


def test_a_table_of_items_holds_what_each_is_told() -> None:
    table = around().table(["q11", "new"])
    np.testing.assert_array_equal(table[0], around().about("q11"))
    assert not table[2].any()
