"""95 % intervals of the figures: whole persons are drawn where they are known; a share of rows has Wilson's."""

import numpy as np

from shuyuan.maas.evaluation.interface import Interval
from shuyuan.maas.evaluation.work.measures import Measures, Rows
from shuyuan.science import metrics
from shuyuan.science.metrics import resampling

_DRAWS = 200
_MOST_WORK = 10_000_000  # rows drawn in all, a figure


def of(measured: Measures, person: Rows | None, seed: int) -> dict[str, Interval]:
    """Of every figure that can be computed from some of the rows."""
    rows = len(measured.said)
    draws = int(min(_DRAWS, max(50, _MOST_WORK / rows)))
    found: dict[str, Interval] = {}
    for name, figure in measured.resampled.items():
        if name == "accuracy" and person is None and measured.hits is not None:
            share = metrics.wilson(measured.hits, rows)
            found[name] = Interval(low=share.low, high=share.high, by="wilson")
            continue
        low, high = resampling.bounds(figure, rows, person=person, draws=draws, seed=seed)
        if np.isfinite(low) and np.isfinite(high):
            found[name] = Interval(low=low, high=high, by="row" if person is None else "person")
    return found
