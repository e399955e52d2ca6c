"""The two kinds of tracer a school may be served with, told apart by their arrays.

`online` is the Kalman step; `recurrent` is that step and a net that corrects what it predicts. Mastery is read from
the Kalman states in both: they are moved alike, whatever the net says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from shuyuan.science.tracing import online
from shuyuan.science.tracing.online import recurrent, weights

Kind = Literal["online", "recurrent"]
_OF_A_NET = weights.NET + "trust"
_NO_VECTOR = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Tracer:
    """One version's numbers. net: None for the Kalman step alone; its own `params` are `params`."""

    params: online.Params
    net: weights.Net | None = None

    @property
    def kind(self) -> Kind:
        """What it is called beside the other."""
        return "online" if self.net is None else "recurrent"


PRIOR = Tracer(online.Params())  # for a school without data of its own


@dataclass
class Memory:
    """What a tracer remembers of one learner, as far as it was looked up. learner: None where nobody has seen them.

    Without a net the learner's vector is empty, and items are not remembered.
    """

    learner: recurrent.LearnerMemory | None = None
    points: dict[str, recurrent.PointMemory] = field(default_factory=dict)
    items: dict[str, recurrent.ItemMemory] = field(default_factory=dict)


def predict(tracer: Tracer, memory: Memory, item_id: str | None, point_ids: Sequence[str], now_s: float = 0.0) -> float:
    """P(right answer) before it is given."""
    learner, points, item = _states(tracer, memory, item_id, point_ids)
    if tracer.net is None:
        states = [one.state for one in points]
        return online.predict(tracer.params, learner.state, states, item_id, point_ids, now_s)
    return recurrent.predict(tracer.net, learner, points, item, item_id, point_ids, now_s)


def update(
    tracer: Tracer, memory: Memory, item_id: str | None, point_ids: Sequence[str], correct: bool, now_s: float = 0.0
) -> float:
    """Learn from one answer: `memory` moves. What `predict` would have said before."""
    learner, points, item = _states(tracer, memory, item_id, point_ids)
    if tracer.net is None:
        states = [one.state for one in points]
        told = online.update(tracer.params, learner.state, states, item_id, point_ids, correct, now_s)
        memory.learner = learner._replace(state=told.learner)
        moved = [one._replace(state=state) for one, state in zip(points, told.points, strict=True)]
        memory.points.update(zip(point_ids, moved, strict=True))
        return told.p_before
    after = recurrent.update(tracer.net, learner, points, item, item_id, point_ids, correct, now_s)
    memory.learner = after.learner
    if item_id is not None:
        memory.items[item_id] = after.item
    memory.points.update(zip(point_ids, after.points, strict=True))
    return after.p_before


def read(raw: bytes) -> Tracer:
    """The tracer in safetensors. Raises ValueError when there is none of this release."""
    try:
        arrays = safetensors.numpy.load(raw)
        if _OF_A_NET not in arrays:
            return Tracer(online.Params.from_arrays(arrays))
        _refuse_no_numbers(arrays)
        net = weights.Net.from_arrays(arrays)
        _try(net)
        return Tracer(net.params, net)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, IndexError) as wrong:
        raise ValueError(f"no tracer in these {len(raw)} bytes: {wrong}") from wrong


def write(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:  # Any: numbers of several widths
    """Arrays of a fit as safetensors: the same arrays give the same bytes."""
    return safetensors.numpy.save({name: np.ascontiguousarray(value) for name, value in sorted(arrays.items())})


def with_params(raw: bytes, params: online.Params) -> bytes:
    """The tracer in safetensors, standing on other numbers of the Kalman step."""
    arrays = safetensors.numpy.load(raw)
    before = weights.KALMAN if _OF_A_NET in arrays else ""
    return write({**arrays, **{before + name: value for name, value in params.to_arrays().items()}})


def _refuse_no_numbers(arrays: Mapping[str, npt.NDArray[Any]]) -> None:  # Any: numbers of several widths
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds what is no number")


def _try(net: weights.Net) -> None:
    """Two answers through the net: matrices that do not fit together fail now, not when a pupil answers."""
    tracer, memory = Tracer(net.params, net), Memory()
    for correct in (True, False):
        update(tracer, memory, None, ["?"], correct)


def _states(
    tracer: Tracer, memory: Memory, item_id: str | None, point_ids: Sequence[str]
) -> tuple[recurrent.LearnerMemory, list[recurrent.PointMemory], recurrent.ItemMemory]:
    unseen = recurrent.PointMemory(online.new_point(tracer.params), recurrent.Met())
    points = [memory.points.get(key, unseen) for key in point_ids]
    return memory.learner or _new(tracer), points, memory.items.get(item_id or "", recurrent.UNSEEN_ITEM)


def _new(tracer: Tracer) -> recurrent.LearnerMemory:
    if tracer.net is not None:
        return recurrent.new_memory(tracer.net)
    return recurrent.LearnerMemory(online.new_learner(tracer.params), _NO_VECTOR)
