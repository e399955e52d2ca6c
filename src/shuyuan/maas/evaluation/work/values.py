"""Figures of regression."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.measures import Measures, Rows
from shuyuan.maas.evaluation.work.predicted import Predicted
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science import metrics

_MOST_POINTS = 400  # dots in the picture of residuals


def measure(said: Predicted, seed: int) -> Measures:
    """Of rows whose value is known. Raises Refused when there is none, or what was predicted is no number."""
    truth, found = _floats(said.label, "label"), _floats(said.prediction, "prediction")
    kept = np.flatnonzero(np.isfinite(truth))
    if not kept.size:
        raise Refused("no_labels", "no row has a value to be found", "choose a part with a label column of numbers")
    if not np.isfinite(found[kept]).all():
        raise Refused("bad_predictions", "some predictions are not finite numbers", "predict again")
    said, truth, found = said.only(kept), truth[kept], found[kept]
    off = found - truth
    figures = {
        "rows": float(len(truth)),
        "rmse": metrics.rmse(truth, found),
        "mae": metrics.mae(truth, found),
        "r2": metrics.r_squared(truth, found),
        "correlation": metrics.correlation(truth, found),
        "bias": float(off.mean()),
        "baseline_rmse": float(truth.std()),
    }
    return Measures(
        said=said,
        figures=figures,
        resampled={
            "rmse": lambda rows: float(np.sqrt((off[rows] ** 2).mean())) if len(rows) else float("nan"),
            "mae": lambda rows: float(np.abs(off[rows]).mean()) if len(rows) else float("nan"),
            "r2": lambda rows: metrics.r_squared(truth[rows], found[rows]) if len(rows) else float("nan"),
        },
        grouped=("mae",),
        loss=np.abs(off),
        missing={} if truth.std() else {"r2": "one_value", "correlation": "one_value"},
        curves={"residuals": _thinned(np.column_stack([found, off]), seed)},
        truth=truth,
    )


def _thinned(points: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    if len(points) <= _MOST_POINTS:
        return points
    rows: Rows = np.sort(np.random.default_rng(seed).choice(len(points), _MOST_POINTS, replace=False))
    return points[rows]


def _floats(values: Any, what: str) -> NDArray[np.float64]:  # Any: an array or a list with None
    try:
        return np.array([np.nan if one is None else float(one) for one in values], dtype=np.float64)
    except (TypeError, ValueError) as wrong:
        raise Refused("no_numbers", f"a {what} is not a number: {wrong}", "name the right task") from wrong
