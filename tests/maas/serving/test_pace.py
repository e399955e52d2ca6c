"""The pace of a line is that of its items, however many share a pass."""

import pytest

from shuyuan.maas.serving.pace import Pace


@pytest.mark.parametrize("together", [1, 8, 32])
def test_items_of_one_pass_share_its_time(together: int) -> None:
    pace, now = Pace(), 100.0
    for _ in range(60):
        began, now = now, now + 0.01 * together
        for _ in range(together):
            pace.note(1, began, now)
            now += 2e-6
    assert pace.gap_s == pytest.approx(0.01, rel=0.02)


def test_time_without_work_is_not_counted() -> None:
    pace = Pace()
    assert pace.gap_s == 0
    pace.note(4, 10.0, 10.2)
    pace.note(4, 500.0, 500.2)
    assert pace.gap_s == pytest.approx(0.05)


def test_a_change_of_pace_is_followed_slowly() -> None:
    pace, now = Pace(), 0.0
    for seconds in [0.1] * 10 + [1.0]:
        began, now = now, now + seconds
        pace.note(1, began, now)
    assert pace.gap_s == pytest.approx(0.1 + 0.1 * 0.9)
