"""The graded response model: marks in steps, each step a curve, all curves of an item of one slope.

P(mark >= k) = 1 / (1 + exp(-a (theta - b_k))), thresholds rising. Source: Samejima (1969), Psychometrika monograph 17;
fitted by expectation maximisation with Fisher scoring.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.bank import Floats, Ints, logistic
from shuyuan.science.testing.irt.ability import Grid
from shuyuan.science.testing.irt.answers import Unfit

_STEPS, _TOLERANCE, _NEWTON_STEPS = 500, 1e-7, 2
_LEAST_SLOPE, _MOST_SLOPE, _LEAST_GAP = 0.05, 8.0, 1e-3


@dataclass(frozen=True)
class Graded:
    """a: (J,) slopes.  thresholds: for each item (K - 1,) rising.  abilities: (N, 2) mean and standard deviation."""

    a: Floats
    thresholds: tuple[Floats, ...]
    log_likelihood: float
    abilities: Floats


def fit_graded(marks: npt.ArrayLike) -> Graded:
    """marks: (N, J) whole numbers from 0; negative or NaN where not asked.

    Raises Unfit for other marks, or an item of which some mark between its lowest and highest was never given.
    """
    levels, asked = _checked(marks)
    grid = Grid.normal()
    numbers = [_start(levels[asked[:, item], item]) for item in range(levels.shape[1])]
    last = -np.inf
    for _ in range(_STEPS):
        share, value = _posterior(levels, asked, numbers, grid)
        if value - last <= _TOLERANCE * abs(value):
            break
        last = value
        for item, number in enumerate(numbers):
            rows = asked[:, item]
            kinds = np.arange(len(number))
            counts = (levels[rows, item][:, None] == kinds).astype(np.float64).T @ share[rows]  # (K, Q)
            numbers[item] = _improved(counts, grid, number)
    share, value = _posterior(levels, asked, numbers, grid)
    mean = share @ grid.ability
    deviation = np.sqrt(np.maximum(share @ grid.ability**2 - mean**2, 0.0))
    return Graded(
        np.asarray([number[0] for number in numbers]),
        tuple(-number[1:] / number[0] for number in numbers),
        value,
        np.stack([mean, deviation], axis=1),
    )


def mark_chances(number: Floats, ability: Floats) -> Floats:
    """(K, Q) chance of each mark. number: slope, then the K - 1 falling intercepts."""
    steps = logistic(number[0] * ability + number[1:, None])  # (K - 1, Q) P(mark >= k)
    whole = np.concatenate([np.ones((1, len(ability))), steps, np.zeros((1, len(ability)))])
    return np.asarray(np.maximum(whole[:-1] - whole[1:], 1e-12))


def _checked(marks: npt.ArrayLike) -> tuple[Ints, npt.NDArray[np.bool_]]:
    found = np.asarray(marks, dtype=np.float64)
    if found.ndim != 2 or min(found.shape) < 1:
        raise Unfit(f"need persons × items, got shape {found.shape}")
    asked = np.nan_to_num(found, nan=-1.0) >= 0
    levels = np.where(asked, found, -1).astype(np.int64)
    if (levels != np.where(asked, found, -1)).any():
        raise Unfit("marks must be whole numbers from 0")
    for item in range(found.shape[1]):
        given = np.unique(levels[asked[:, item], item])
        if len(given) < 2 or not np.array_equal(given, np.arange(len(given))):
            raise Unfit(
                f"item {item} was marked {given.tolist()}: marks must run from 0 without a gap, two at least; "
                "join marks that nobody got"
            )
    return levels, asked


def _start(levels: Ints) -> Floats:
    reached = np.asarray([(levels >= k).mean() for k in range(1, levels.max() + 1)])
    return np.append(1.0, np.log(reached / (1.0 - reached + 1e-9) + 1e-9) * 1.2)


def _posterior(levels: Ints, asked: npt.NDArray[np.bool_], numbers: list[Floats], grid: Grid) -> tuple[Floats, float]:
    log_share = np.tile(np.log(grid.weight), (len(levels), 1))
    for item, number in enumerate(numbers):
        rows = asked[:, item]
        log_share[rows] += np.log(mark_chances(number, grid.ability))[levels[rows, item]]
    most = log_share.max(1, keepdims=True)
    share = np.exp(log_share - most)
    total = share.sum(1, keepdims=True)
    return share / total, float((most + np.log(total)).sum())


def _improved(counts: Floats, grid: Grid, number: Floats) -> Floats:
    for _ in range(_NEWTON_STEPS):
        p, slope = mark_chances(number, grid.ability), _slopes(number, grid.ability)
        gradient = np.einsum("kq,kmq->m", counts / p, slope)
        information = np.einsum("q,kq,kmq,klq->ml", counts.sum(0), 1.0 / p, slope, slope)
        step = np.linalg.solve(information + 1e-9 * np.eye(len(number)), gradient)
        number = _bounded(number + np.clip(step, -1.0, 1.0))
    return number


def _slopes(number: Floats, ability: Floats) -> Floats:
    """(K, K, Q) derivative of each mark's chance in slope and intercepts."""
    steps = logistic(number[0] * ability + number[1:, None])
    steep, kinds = steps * (1.0 - steps), len(number)
    found = np.zeros((kinds, kinds, len(ability)))
    for k in range(kinds - 1):
        found[k, 0] -= steep[k] * ability
        found[k + 1, 0] += steep[k] * ability
        found[k, k + 1] -= steep[k]
        found[k + 1, k + 1] += steep[k]
    return found


def _bounded(number: Floats) -> Floats:
    """Slope in its bounds, intercepts falling."""
    falling = np.minimum.accumulate(number[1:] + _LEAST_GAP * np.arange(len(number) - 1))
    return np.append(np.clip(number[0], _LEAST_SLOPE, _MOST_SLOPE), falling - _LEAST_GAP * np.arange(len(number) - 1))
