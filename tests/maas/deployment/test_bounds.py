"""Bounds that hold however often one looks: noise takes nothing back, a broken version goes soon."""

import math

import numpy as np
import pytest

from shuyuan.maas.deployment import bounds
from shuyuan.maas.deployment.bounds import Counts

LIMIT = 0.05


def timed(seconds: np.ndarray) -> Counts:
    logs = np.log(seconds)
    return Counts(len(logs), 0, float(logs.sum()), float((logs * logs).sum()))


def test_a_canary_at_the_very_limit_is_not_taken_back_however_often_one_looks() -> None:
    taken_back = 0
    for seed in range(200):
        failed = np.random.default_rng(seed).random(600) < LIMIT
        sums = failed.cumsum()
        looks = range(20, 601, 4)
        taken_back += any(bounds.error_rate(Counts(n, int(sums[n - 1])))[0] > LIMIT for n in looks)
    assert taken_back <= 1  # 0.1 % of 200


def test_a_usual_interval_would_take_it_back_by_noise() -> None:
    def wilson_low(n: int, k: int, z: float = 1.96) -> float:
        p = k / n
        return (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)

    taken_back = 0
    for seed in range(200):
        sums = (np.random.default_rng(seed).random(600) < LIMIT).cumsum()
        taken_back += any(wilson_low(n, int(sums[n - 1])) > LIMIT for n in range(20, 601, 4))
    assert taken_back > 10


@pytest.mark.parametrize(("rate", "within"), [(1.0, 10), (0.5, 30), (0.2, 300)])
def test_a_broken_canary_is_seen_soon(rate: float, within: int) -> None:
    for seed in range(20):
        sums = (np.random.default_rng(seed).random(within) < rate).cumsum()
        assert bounds.error_rate(Counts(within, int(sums[-1])))[0] > LIMIT


def test_bounds_hold_the_rate_and_shrink() -> None:
    few, many = bounds.error_rate(Counts(40, 2)), bounds.error_rate(Counts(4000, 200))
    assert few[0] < many[0] < 0.05 < many[1] < few[1]
    assert bounds.error_rate(Counts()) == (0.0, 1.0)
    assert bounds.error_rate(Counts(10, 0))[0] == 0.0
    assert bounds.error_rate(Counts(10, 10))[1] == 1.0


def test_equal_latencies_of_a_heavy_tail_are_not_taken_for_slower() -> None:
    wrong = 0
    for seed in range(200):
        drawn = np.random.default_rng(seed)
        canary, champion = drawn.lognormal(-4, 1, 400), drawn.lognormal(-4, 1, 3600)
        for n in range(50, 401, 10):
            ratio = bounds.latency_ratio(timed(canary[:n]), timed(champion[: 9 * n]))
            wrong += ratio is not None and (ratio[0] > 1 or ratio[1] < 1)
    assert wrong <= 5


def test_a_canary_three_times_as_slow_is_seen() -> None:
    drawn = np.random.default_rng(1)
    found = bounds.latency_ratio(timed(drawn.lognormal(-3, 0.5, 200)), timed(drawn.lognormal(-4.1, 0.5, 1800)))
    assert found is not None
    assert 2 < found[0] < 3 < found[1] < 4


def test_too_few_calls_say_nothing_of_latency() -> None:
    assert bounds.latency_ratio(timed(np.array([1.0])), timed(np.array([1.0, 2.0]))) is None
    assert bounds.typical_s(Counts()) is None
    assert bounds.typical_s(timed(np.array([0.1, 10.0]))) == pytest.approx(1.0)


def test_constant_latencies_have_a_ratio_without_width() -> None:
    found = bounds.latency_ratio(timed(np.full(50, 0.2)), timed(np.full(50, 0.1)))
    assert found == pytest.approx((2.0, 2.0), rel=1e-5)
