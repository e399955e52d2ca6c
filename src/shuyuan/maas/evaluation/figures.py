"""Families of figures: which figures a report of a family may hold, and which way each of them is better."""

from collections.abc import Mapping
from typing import Literal

Family = Literal[
    "classification",
    "regression",
    "ranking",
    "generation",
    "language_model",
    "clustering",
    "reconstruction",
    "policy",
]
FAMILIES: tuple[Family, ...] = (
    *("classification", "regression", "ranking", "generation"),
    *("language_model", "clustering", "reconstruction", "policy"),
)
BY_ROW: frozenset[Family] = frozenset({"classification", "regression", "clustering", "reconstruction"})
FLAGGED_AT = 0.1  # distance from chance, of a control with shuffled labels
FEWEST_PERSONS = 10  # a group of fewer is not shown
MAIN_FIGURE: Mapping[Family, str] = {
    "classification": "accuracy",
    "regression": "rmse",
    "ranking": "ndcg_at_10",
    "generation": "chrf",
    "language_model": "perplexity",
    "clustering": "silhouette",
    "reconstruction": "reconstruction_error",
    "policy": "mean_return",
}
SMALLER_IS_BETTER = frozenset(
    {"rmse", "mae", "log_loss", "brier", "calibration_error", "perplexity", "latency_p50_ms", "latency_p99_ms"}
    | {"size_bytes", "subgroup_gap", "subgroup_gap_excess", "shuffled_distance", "leak_suspects"}
    | {"reconstruction_error"}
)
_OF_FAMILY: Mapping[Family, tuple[str, ...]] = {
    "classification": (
        *("accuracy", "majority_share", "macro_precision", "macro_recall", "macro_f1", "micro_f1"),
        *("weighted_precision", "weighted_recall", "weighted_f1", "precision", "recall", "f1"),
        *("auc", "log_loss", "brier", "calibration_error", "calibration_by_chance"),
    ),
    "regression": ("rmse", "mae", "r2", "correlation", "bias", "baseline_rmse"),
    "ranking": ("recall_at_1", "recall_at_5", "recall_at_10", "ndcg_at_10", "mrr", "queries"),
    "generation": ("chrf", "mean_chrf", "bleu", "rouge_1", "rouge_2", "rouge_l", "exact_match"),
    "language_model": ("perplexity", "nats_per_token", "tokens"),
    "clustering": ("silhouette", "adjusted_rand", "clusters", "largest_share"),
    "reconstruction": ("reconstruction_error", "unusual_share", "auc"),
    "policy": ("mean_return", "baseline_return", "gain", "effective_rows"),
}
_OF_ALL = (
    *("rows", "subgroup_gap", "subgroup_gap_excess", "shuffled_distance", "leak_suspects"),
    *("latency_p50_ms", "latency_p99_ms", "rows_per_s", "size_bytes"),
)
_OF_COLUMN = ("subgroup_gap",)
_OF_FIGURE = ("cv_mean", "cv_spread")


def known(family: Family | None = None) -> tuple[str, ...]:
    """Every figure a report may hold; those of one family first where it is named.

    >>> known("language_model")[:2]
    ('perplexity', 'nats_per_token')
    """
    families = [family] if family else FAMILIES
    return tuple(dict.fromkeys([*(name for one in families for name in _OF_FAMILY[one]), *_OF_ALL]))


def is_known(figure: str) -> bool:
    """Whether a report may hold it.

    >>> is_known("auc"), is_known("subgroup_gap:gender"), is_known("cv_mean:auc"), is_known("acuracy")
    (True, True, True, False)
    """
    kind, _, of = figure.partition(":")
    if of:
        return kind in _OF_COLUMN or kind in _OF_FIGURE
    return figure in known()
