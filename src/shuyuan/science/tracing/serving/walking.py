"""A table of answers through the served step, learners cold at their first row: what would have been said live."""

from collections import defaultdict

import numpy as np

from shuyuan.science.tracing import online
from shuyuan.science.tracing.interactions import NO_ITEM, Floats, Interactions
from shuyuan.science.tracing.serving import tracer as served
from shuyuan.science.tracing.serving.tracer import Memory, Tracer


def replay(tracer: Tracer, table: Interactions) -> Floats:
    """(N,) P(right) before each answer, in the table's order."""
    if tracer.net is None:
        return online.replay(tracer.params, table)
    learners: defaultdict[int, Memory] = defaultdict(Memory)
    points = [table.point_ids[place] for place in table.point.tolist()]
    starts = table.starts.tolist()
    items = [None if place == NO_ITEM else table.item_ids[place] for place in table.item.tolist()]
    columns = zip(table.learner.tolist(), items, table.correct.tolist(), table.at_s.tolist(), strict=True)
    said = [
        served.update(tracer, learners[who], item, points[starts[row] : starts[row + 1]], correct, at_s)
        for row, (who, item, correct, at_s) in enumerate(columns)
    ]
    return np.asarray(said, np.float64)
