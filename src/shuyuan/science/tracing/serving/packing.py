"""A tracer's memory of a learner as rows of bytes: one of the learner, one a point and one an item they have met.

Exact to the last bit: states are float64, the net's vector is float32, both little-endian.
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np

from shuyuan.science.tracing import online
from shuyuan.science.tracing.online import recurrent
from shuyuan.science.tracing.serving.tracer import Memory

LEARNER, POINT, ITEM = "", "p:", "i:"
_LEARNER, _POINT, _ITEM = struct.Struct("<7d"), struct.Struct("<8d"), struct.Struct("<4d")
_VECTOR = np.dtype("<f4")


def keys(point_ids: Iterable[str], item_ids: Iterable[str]) -> list[str]:
    """The rows that answers on these points and items need."""
    return [LEARNER, *(POINT + key for key in point_ids), *(ITEM + key for key in item_ids)]


def pack(memory: Memory, point_ids: Iterable[str], item_ids: Iterable[str]) -> dict[str, bytes]:
    """The rows of the learner, and of those of the points and items that are remembered."""
    learner = memory.learner
    if learner is None:
        return {}
    vector = np.asarray(learner.hidden, _VECTOR).tobytes()
    rows = {LEARNER: _LEARNER.pack(*learner.state, learner.place) + vector}
    rows |= {POINT + key: _point(memory.points[key]) for key in point_ids if key in memory.points}
    return rows | {ITEM + key: _item(memory.items[key]) for key in item_ids if key in memory.items}


def unpack(rows: Iterable[tuple[str, bytes]]) -> Memory:
    memory = Memory()
    for key, raw in rows:
        kind, name = key[:2], key[2:]
        if key == LEARNER:
            memory.learner = _learner(raw)
        elif kind == POINT:
            numbers = _POINT.unpack(raw)
            memory.points[name] = recurrent.PointMemory(online.PointState(*numbers[:6]), recurrent.Met(*numbers[6:]))
        elif kind == ITEM:
            wins, losses, *met = _ITEM.unpack(raw)
            memory.items[name] = recurrent.ItemMemory(wins, losses, recurrent.Met(*met))
        else:
            raise ValueError(f"there is no row called {key!r} in a memory")
    return memory


def _learner(raw: bytes) -> recurrent.LearnerMemory:
    numbers: Sequence[float] = _LEARNER.unpack_from(raw)
    vector = np.frombuffer(raw, _VECTOR, offset=_LEARNER.size)
    return recurrent.LearnerMemory(online.LearnerState(*numbers[:6]), vector, numbers[6])


def _point(one: recurrent.PointMemory) -> bytes:
    return _POINT.pack(*one.state, *one.met)


def _item(one: recurrent.ItemMemory) -> bytes:
    return _ITEM.pack(one.wins, one.losses, *one.met)
