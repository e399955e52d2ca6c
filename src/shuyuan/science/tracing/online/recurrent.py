"""The recurrent tracer's step: a vector per learner that every answer moves, beside the states of `step.py`.

The Kalman step says what it expects; a small net corrects it by what it has seen of this learner: a gated recurrent
state, vectors of item and points, and the numbers of `FEATURES`. Constant time and room per answer. NumPy only; its
weights are trained in `neural.recurrent` and travel as safetensors. A test holds this step against that net.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shuyuan.science.tracing.online import step
from shuyuan.science.tracing.online.neighbours import FAR, NEAR, NOWHERE
from shuyuan.science.tracing.online.state import LearnerState, PointState, new_learner, new_point
from shuyuan.science.tracing.online.weights import Net, Vector

NEVER = -1.0

FEATURES = (
    "logit", "ability", "wins", "losses", "form",
    "point_ability", "point_wins", "point_losses", "point_gap", "point_new", "point_last",
    "item_wins", "item_losses", "item_gap", "item_last", "item_known", "pause", "point_pause", "apart", "onward",
)  # fmt: skip


class Met(NamedTuple):
    """When a learner last met a point or an item (their how manieth answer it was), and how that went."""

    turn: float = NEVER
    last: float = 0.0  # 1 right, -1 wrong


class PointMemory(NamedTuple):
    """One learner on one point."""

    state: PointState
    met: Met


class ItemMemory(NamedTuple):
    """One learner on one item."""

    wins: float = 0.0
    losses: float = 0.0
    met: Met = Met()


class LearnerMemory(NamedTuple):
    """One learner over everything; `hidden` is (H,) float32."""

    state: LearnerState
    hidden: Vector
    place: float = NOWHERE  # of the last item, among its neighbours


class Moved(NamedTuple):
    """What an answer leaves, and P(right) before it."""

    learner: LearnerMemory
    points: list[PointMemory]
    item: ItemMemory
    p_before: float


UNSEEN_ITEM = ItemMemory()


def new_memory(net: Net) -> LearnerMemory:
    """A learner nobody has seen yet."""
    return LearnerMemory(new_learner(net.params), np.zeros(net.width, np.float32))


def new_point_memory(net: Net) -> PointMemory:
    """A point this learner has never met."""
    return PointMemory(new_point(net.params), Met())


def predict(
    net: Net,
    learner: LearnerMemory,
    points: Sequence[PointMemory],
    item: ItemMemory,
    item_id: str | None,
    point_ids: Sequence[str],
    now_s: float = 0.0,
) -> float:
    """P(right answer) before it is given. `points` stand in the order of `point_ids`."""
    expected = step.predict(net.params, learner.state, [one.state for one in points], item_id, point_ids)
    question = _question(net, learner, points, item, item_id, point_ids, now_s, _logit(expected))
    return _told(net, learner, question, item_id, _logit(expected))


def update(
    net: Net,
    learner: LearnerMemory,
    points: Sequence[PointMemory],
    item: ItemMemory,
    item_id: str | None,
    point_ids: Sequence[str],
    correct: bool,
    now_s: float = 0.0,
) -> Moved:
    """Learn from one answer. Pure: the given states are left as they are."""
    kalman = step.update(net.params, learner.state, [one.state for one in points], item_id, point_ids, correct, now_s)
    expected = _logit(kalman.p_before)
    question = _question(net, learner, points, item, item_id, point_ids, now_s, expected)
    sign = 1.0 if correct else -1.0
    met = Met(learner.state.wins + learner.state.losses, sign)
    answer = np.append(question, np.asarray([sign, correct - kalman.p_before], np.float32))
    return Moved(
        LearnerMemory(
            kalman.learner,
            _recurred(net, learner.hidden, np.tanh(net.into @ answer + net.into_bias)),
            net.neighbours.place(item_id),
        ),
        [PointMemory(state, met) for state in kalman.points],
        ItemMemory(item.wins + correct, item.losses + (not correct), met),
        _told(net, learner, question, item_id, expected),
    )


def _told(net: Net, learner: LearnerMemory, question: Vector, item_id: str | None, expected: float) -> float:
    inner = np.maximum(net.first @ np.concatenate([question, learner.hidden]) + net.first_bias, 0.0)
    own = net.item_bias[net.items.get(item_id or "", -1)]
    return step.sigmoid(net.trust * expected + float(own) + float(net.second @ inner) + net.second_bias)


def _recurred(net: Net, hidden: Vector, x: Vector) -> Vector:
    """A gated recurrent unit. Source: Cho et al. (2014), in the form that fused implementations have."""
    coming, held = net.gates @ x + net.gates_bias, net.back @ hidden + net.back_bias
    wide = len(hidden)
    both = 1.0 / (1.0 + np.exp(-(coming[: 2 * wide] + held[: 2 * wide])))
    reset, keep = both[:wide], both[wide:]
    fresh = np.tanh(coming[2 * wide :] + reset * held[2 * wide :])
    return np.asarray(fresh + keep * (hidden - fresh), np.float32)


def _question(
    net: Net,
    learner: LearnerMemory,
    points: Sequence[PointMemory],
    item: ItemMemory,
    item_id: str | None,
    point_ids: Sequence[str],
    now_s: float,
    expected: float,
) -> Vector:
    """(Q,)"""
    numbers = [*_numbers(net, learner, points, item, item_id, now_s, expected), *net.neighbours.about(item_id)]
    places = [net.points.get(key, -1) for key in point_ids]
    vector = net.point[places].mean(0) if places else np.zeros(net.point.shape[1], np.float32)
    scaled = (np.asarray(numbers, np.float32) - net.centre) * net.scale
    return np.concatenate([net.item[net.items.get(item_id or "", -1)], vector, scaled])


def _numbers(
    net: Net,
    learner: LearnerMemory,
    points: Sequence[PointMemory],
    item: ItemMemory,
    item_id: str | None,
    now_s: float,
    expected: float,
) -> list[float]:
    """`FEATURES`, of which those of points are averaged over them."""
    own = learner.state
    turn = own.wins + own.losses
    share = 1.0 / max(len(points), 1)
    by_point = [_of_point(point, turn, now_s) for point in points] or [(0.0,) * 7]
    mean = [share * sum(column) for column in zip(*by_point, strict=True)]
    pause = _days(now_s - own.last_at_s) if turn else 0.0
    return [
        expected, own.mean, math.log1p(own.wins), math.log1p(own.losses), own.form, *mean[:-1],
        math.log1p(item.wins), math.log1p(item.losses), _gap(item.met, turn), item.met.last,
        float(item_id is not None and net.params.met(item_id)), pause, mean[-1],
        *_moved_on(net.neighbours.place(item_id), learner.place),
    ]  # fmt: skip


def _of_point(point: PointMemory, turn: float, now_s: float) -> tuple[float, ...]:
    state, met = point
    new = met.turn == NEVER
    pause = 0.0 if new else _days(now_s - state.last_at_s)
    wins, losses = math.log1p(state.wins), math.log1p(state.losses)
    return state.mean, wins, losses, _gap(met, turn), float(new), met.last, pause


def _moved_on(place: float, last: float) -> tuple[float, float]:
    """`neighbours.between` of two numbers."""
    if NOWHERE in (place, last):
        return math.log1p(FAR), 0.0
    apart = abs(place - last)
    return math.log1p(apart), math.copysign(1.0, place - last) if 0.0 < apart < NEAR else 0.0


def _gap(met: Met, turn: float) -> float:
    """log(1 + answers since), -1 where there was none."""
    return NEVER if met.turn == NEVER else math.log1p(turn - met.turn)


def _days(seconds: float) -> float:
    """log(1 + days)"""
    return math.log1p(max(seconds, 0.0) / step.SECONDS_PER_DAY)


def _logit(p: float) -> float:
    return math.log(max(p, 1e-12)) - math.log(max(1.0 - p, 1e-12))
