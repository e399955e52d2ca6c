"""Gates that come with the platform, one a family of figures; a school replaces one by setting a gate of its name.

Margins, in the unit of their figure: a candidate may lose a hundredth of quality against the champion before it is
refused, and must not be better for some groups than for others beyond what chance shows by five hundredths.
"""

from collections.abc import Mapping

from shuyuan.maas.evaluation.interface import Condition, Family, Gate

_SOUND = (
    Condition(figure="shuffled_distance", comparison="<=", limit=0.1, unless=("no_control",)),
    Condition(figure="leak_suspects", comparison="<=", limit=0, unless=("no_control",)),
)
_FIT = (
    Condition(figure="latency_p99_ms", comparison="<=", limit=200.0, unless=("no_model",)),
    Condition(figure="size_bytes", comparison="<=", limit=2e9, unless=("no_model",)),
)

SHIPPED: Mapping[Family, Gate] = {
    "classification": Gate(
        name="classification",
        conditions=(
            Condition(figure="accuracy", comparison=">", limit="majority_share"),
            Condition(figure="accuracy", comparison=">=", limit="champion - 0.01"),
            Condition(figure="macro_f1", comparison=">=", limit="champion - 0.01"),
            Condition(figure="calibration_error", comparison="<=", limit="calibration_by_chance + 0.1"),
            Condition(figure="subgroup_gap_excess", comparison="<=", limit=0.05, unless=("no_groups",)),
            *_SOUND,
            *_FIT,
        ),
    ),
    "regression": Gate(
        name="regression",
        conditions=(
            Condition(figure="rmse", comparison="<", limit="baseline_rmse"),
            Condition(figure="rmse", comparison="<=", limit="champion * 1.01"),
            Condition(figure="mae", comparison="<=", limit="champion * 1.01"),
            *_SOUND,
            *_FIT,
        ),
    ),
    "ranking": Gate(
        name="ranking",
        conditions=(
            Condition(figure="ndcg_at_10", comparison=">=", limit="champion - 0.01"),
            Condition(figure="recall_at_10", comparison=">=", limit="champion - 0.01"),
        ),
    ),
    "generation": Gate(
        name="generation",
        conditions=(
            Condition(figure="chrf", comparison=">=", limit="champion - 0.5"),
            Condition(figure="rouge_l", comparison=">=", limit="champion - 0.01"),
        ),
    ),
    "language_model": Gate(
        name="language_model", conditions=(Condition(figure="perplexity", comparison="<=", limit="champion * 1.01"),)
    ),
    "clustering": Gate(
        name="clustering",
        conditions=(
            Condition(figure="silhouette", comparison=">", limit=0.0),
            Condition(figure="silhouette", comparison=">=", limit="champion - 0.02"),
        ),
    ),
    "reconstruction": Gate(
        name="reconstruction",
        conditions=(Condition(figure="reconstruction_error", comparison="<=", limit="champion * 1.02"),),
    ),
    "policy": Gate(
        name="policy",
        conditions=(
            Condition(figure="gain", comparison=">", limit=0.0),
            Condition(figure="mean_return", comparison=">=", limit="champion - 0.01"),
        ),
    ),
}
