"""Tracers as they are served: either kind under the same verbs, their memory of a learner as bytes. NumPy only.

    tracer = serving.read(safetensors)          # the Kalman step alone, or a net that corrects it
    p = serving.update(tracer, memory, item_id, point_ids, correct, now_s)   # before the answer; `memory` has moved
    serving.replay(tracer, table)               # what it would have said before each answer of a table

Constant time and room per answer, whatever the history. `child` is the main of a process of its own: it alone knows
torch, and nothing here imports it.
"""

from shuyuan.science.tracing.serving.packing import keys, pack, unpack
from shuyuan.science.tracing.serving.tracer import PRIOR, Memory, Tracer, predict, read, update, with_params, write
from shuyuan.science.tracing.serving.walking import replay

__all__ = [
    "PRIOR",
    "Memory",
    "Tracer",
    "keys",
    "pack",
    "predict",
    "read",
    "replay",
    "unpack",
    "update",
    "with_params",
    "write",
]
