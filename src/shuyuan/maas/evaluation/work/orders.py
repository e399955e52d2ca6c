"""Figures of ranking and clustering."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.measures import Measures
from shuyuan.maas.evaluation.work.predicted import Predicted, word
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science import metrics

_CUTS = (1, 5, 10)
_MOST_VECTORS = 4000  # rows whose silhouette is computed


def ranking(said: Predicted, query: NDArray[Any] | None) -> Measures:
    """Where the wanted stood. Either `rank` (1 is first) a row, or rows of one `query` with label >= 0 and a score."""
    if "rank" in said.values:
        return _from_ranks(said)
    which = said.values.get("query", query)
    if which is None:
        raise Refused("bad_predictions", "there is neither a column `rank` nor `query`", "write one of them")
    try:
        wanted = np.array([np.nan if one is None else float(one) for one in said.label])
        score = np.array([float(one) for one in said.prediction])
    except (TypeError, ValueError) as wrong:
        raise Refused("no_numbers", f"relevance and score must be numbers: {wrong}", "name the right task") from wrong
    kept = np.flatnonzero(np.isfinite(wanted))
    if not kept.size or not (wanted[kept] > 0).any():
        raise Refused("no_labels", "no row was wanted by anybody", "choose a part with positive labels")
    lists, wanted, score = np.asarray(which)[kept], wanted[kept], score[kept]
    figures = {"rows": float(len(kept)), "queries": float(len(np.unique(lists)))}
    figures |= {f"recall_at_{k}": metrics.recall_at(k, lists, wanted, score) for k in _CUTS}
    figures |= {"ndcg_at_10": metrics.ndcg_at(10, lists, wanted, score)}
    figures |= {"mrr": metrics.reciprocal_rank(lists, wanted, score)}
    return Measures(said.only(kept), figures)


def _from_ranks(said: Predicted) -> Measures:
    rank = np.asarray(said.values["rank"], np.float64)
    kept = np.flatnonzero(np.isfinite(rank) & (rank >= 1))
    if not kept.size:
        raise Refused("no_labels", "no row has a rank", "choose a part in which something was wanted")
    said, rank = said.only(kept), rank[kept]
    gains = np.where(rank <= 10, 1 / np.log2(rank + 1), 0.0)  # one wanted thing a row
    figures = {"rows": float(len(rank)), "mrr": float((1 / rank).mean()), "ndcg_at_10": float(gains.mean())}
    figures |= {f"recall_at_{k}": float((rank <= k).mean()) for k in _CUTS}
    return Measures(
        said,
        figures,
        {
            "ndcg_at_10": lambda rows: float(gains[rows].mean()) if len(rows) else float("nan"),
            "mrr": lambda rows: float((1 / rank[rows]).mean()) if len(rows) else float("nan"),
        },
        ("ndcg_at_10",),
        1 - gains,
    )


def clustering(said: Predicted, vectors: NDArray[np.float64] | None, seed: int) -> Measures:
    """How far apart the clusters lie, and how they agree with a label where there is one."""
    cluster = np.array([word(one) or "" for one in said.prediction])
    _, sizes = np.unique(cluster, return_counts=True)
    figures = {
        "rows": float(len(cluster)),
        "clusters": float(len(sizes)),
        "largest_share": float(sizes.max() / len(cluster)),
    }
    missing: dict[str, str] = {}
    points = said.p if said.p is not None and said.p.shape[1] > 1 else vectors
    if points is None:
        missing["silhouette"] = "no_vectors"
    else:
        rows = np.arange(len(cluster))
        if len(rows) > _MOST_VECTORS:
            rows = np.random.default_rng(seed).choice(len(rows), _MOST_VECTORS, replace=False)
        figures["silhouette"] = metrics.silhouette(points[rows], cluster[rows])
    figures |= _agreement(said, cluster, missing)
    return Measures(said, figures, missing=missing)


def _agreement(said: Predicted, cluster: NDArray[Any], missing: dict[str, str]) -> Mapping[str, float]:
    truth = [word(one) for one in said.label]
    kept = np.flatnonzero([one is not None for one in truth])
    if not kept.size:
        missing["adjusted_rand"] = "no_labels"
        return {}
    return {"adjusted_rand": metrics.adjusted_rand([str(truth[at]) for at in kept], cluster[kept])}
