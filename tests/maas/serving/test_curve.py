"""What a pass costs, and which items share the next one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.maas.serving.counting import Counting

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import measuring
from shuyuan.maas.serving.curve import Curve, companions

LENGTHS, ROWS = (8, 16, 64), (1, 2, 4, 8)
SAVING = Curve({(length, rows): 5 + length * rows for length in LENGTHS for rows in ROWS})  # a fixed part to share
USELESS = Curve({(length, rows): length * rows for length in LENGTHS for rows in ROWS})


def items(*lengths: int) -> list[runners.Item]:
    return [runners.Item(length, None) for length in sorted(lengths)]


def test_costs_are_drawn_straight_between_measurements() -> None:
    assert SAVING.cost_s(8, 1) == 13
    assert SAVING.cost_s(12, 2) == 29
    assert SAVING.cost_s(8, 3) == 29
    assert SAVING.cost_s(8, 16) == 2 * SAVING.cost_s(8, 8)
    assert SAVING.cost_s(128, 1) == 2 * SAVING.cost_s(64, 1)


def test_where_sharing_gains_nothing_every_item_runs_alone() -> None:
    assert companions(USELESS, items(*[8] * 20), 3) == range(3, 4)
    assert companions(Curve({}), items(8, 8, 8), 0) == range(1)


def test_where_it_gains_the_pass_is_as_large_as_was_measured() -> None:
    assert len(companions(SAVING, items(*[8] * 20), 0)) == 8


def test_a_short_item_is_not_padded_up_to_a_long_one() -> None:
    waiting = items(8, 8, 8, 64, 64)
    assert companions(SAVING, waiting, 0) == range(3)
    assert companions(SAVING, waiting, 4) == range(3, 5)


@given(st.lists(st.integers(1, 80), min_size=1, max_size=30), st.data())
def test_a_pass_holds_its_head_and_never_costs_more_than_running_alone(lengths: list[int], data: st.DataObject) -> None:
    waiting = items(*lengths)
    head = data.draw(st.integers(0, len(waiting) - 1))
    for curve in (SAVING, USELESS):
        chosen = companions(curve, waiting, head)
        assert head in chosen
        alone = sum(curve.cost_s(waiting[at].length, 1) for at in chosen)
        assert curve.cost_s(waiting[chosen[-1]].length, len(chosen)) <= alone + 1e-9


def test_rows_of_one_request_count_as_many() -> None:
    waiting = [runners.Item(8, None, rows=6), runners.Item(8, None, rows=6)]
    assert len(companions(SAVING, waiting, 0)) == 1


def test_measuring_stays_within_its_budget_and_leaves_the_rest_out() -> None:
    at = 0.0

    class Slow(Counting):
        def run(self, items: Sequence[runners.Item]) -> Sequence[object]:
            nonlocal at
            at += 0.1 * len(items)
            return super().run(items)

    found = measuring.measure(Slow(), budget_s=1.0, clock=lambda: at, cost_clock=lambda: at)
    assert at < 1.0 + 0.1 * 32
    assert (1, 1) in found.cells
    assert (256, 1) not in found.cells


def test_what_was_disturbed_is_smoothed() -> None:
    at, calls = 0.0, 0

    class Disturbed(Counting):
        def run(self, items: Sequence[runners.Item]) -> Sequence[object]:
            nonlocal at, calls
            calls += 1
            at += 100.0 if items[0].length == 1 and len(items) == 1 else 1.0 * len(items)
            return super().run(items)

    found = measuring.measure(Disturbed(), budget_s=1e9, clock=lambda: at, cost_clock=lambda: at)
    assert found.cells[1, 1] == found.cells[16, 1] == 1.0


def test_a_curve_is_measured_once_for_a_file_and_a_number_of_threads(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"one")
    runner = Counting()
    first = measuring.curve_of(runner, path, 1)
    passes = runner.passes
    assert passes > 0
    assert measuring.curve_of(runner, path, 1).cells == first.cells
    assert runner.passes == passes
    measuring.curve_of(runner, path, 2)
    assert runner.passes > passes
    passes = runner.passes
    path.write_bytes(b"another")
    measuring.curve_of(runner, path, 1)
    assert runner.passes > passes


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"file": [3, 0], "cells": 7})])
def test_a_spoilt_memory_is_measured_again(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"one")
    measuring.curve_of(Counting(), path, 1)
    (kept,) = (found for found in tmp_path.iterdir() if found != path)
    kept.write_text(text)
    assert measuring.curve_of(Counting(), path, 1).cells
