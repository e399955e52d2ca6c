"""Answers as events in pieces of time."""

import numpy as np
import pytest
from tests.science.tracing import school

pytest.importorskip("torch", reason="events are tensors: make train")

from shuyuan.science.tracing.interactions import Answer, Interactions
from shuyuan.science.tracing.neural import events
from shuyuan.science.tracing.vocabulary import Vocabulary

TABLE = school.simulate(7, 23, points=4, items=12, seed=5).table


def packed(longest: int, context: int) -> events.Packed:
    return events.Packed(TABLE, Vocabulary.of(TABLE), longest=longest, context=context)


@pytest.mark.parametrize(("longest", "context"), [(100, 0), (10, 0), (10, 5), (10, 9), (23, 3)])
@pytest.mark.parametrize("seed", [None, 1])
def test_every_answer_is_asked_exactly_once_with_its_own_columns(longest: int, context: int, seed: int | None) -> None:
    rows = []
    for batch in packed(longest=longest, context=context).batches(positions=40, seed=seed):
        row = batch.row[batch.asked].numpy()
        rows.append(row)
        np.testing.assert_array_equal(batch.right[batch.asked].numpy(), TABLE.correct[row])
        np.testing.assert_array_equal(batch.item[batch.asked].numpy(), TABLE.item[row])
        assert (batch.row[~batch.there] == events.NOTHING).all()
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(TABLE)))


def test_a_piece_begins_with_the_end_of_the_one_before_it() -> None:
    pieces = events.cut(np.zeros(25, np.int64), 10, 4)
    assert [piece.tolist() for piece in pieces.rows[:2]] == [list(range(10)), list(range(6, 16))]
    assert list(pieces.context) == [0, 4, 4, 4]
    assert pieces.events == 25


def test_learners_who_are_interleaved_are_told_apart_and_stay_in_order() -> None:
    pieces = events.cut(np.asarray([3, 1, 3, 1, 3]), 10, 0)
    assert [piece.tolist() for piece in pieces.rows] == [[1, 3], [0, 2, 4]]


def test_pieces_of_like_length_share_a_batch_so_that_little_is_padding() -> None:
    rows = [Answer(who, "i", ["p"], True) for who in range(240) for _ in range(1 + who // 4)]
    table = Interactions.of(rows)
    batches = list(events.Packed(table, Vocabulary.of(table)).batches(positions=400, seed=2))
    places = sum(batch.there.numel() for batch in batches)
    assert max(batch.there.numel() for batch in batches) <= 400
    assert len(rows) / places > 0.85


def test_an_item_of_several_points_is_one_event_with_their_mean() -> None:
    table = Interactions.of([Answer("a", "i", ["x", "y"], True), Answer("a", "j", [], True)])
    place, members = events.groups(table, Vocabulary(("i",), ("x",)))
    np.testing.assert_array_equal(members[place], [[0.5, 0.5], [0.0, 0.0]])


def test_a_context_as_long_as_the_piece_is_refused() -> None:
    with pytest.raises(ValueError, match=r"context must lie in \[0, 10\)"):
        packed(longest=10, context=10)
