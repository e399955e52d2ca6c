"""Figures of policies: what they earn a row, in a simulation, or from a log weighted by what they would have done."""

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.measures import Figure, Measures, Rows
from shuyuan.maas.evaluation.work.predicted import Predicted, word
from shuyuan.maas.evaluation.work.refusal import Refused

Floats = NDArray[np.float64]
_MOST_WEIGHT = 20.0  # of one row of a log


def measure(said: Predicted) -> Measures:
    """Either `gained` and `random_gained` a row, or the `reward` of the arm that a log took."""
    if "gained" in said.values:
        return _simulated(said)
    if "reward" in said.values:
        return _logged(said)
    raise Refused("bad_predictions", "there is neither a column `gained` nor `reward`", "evaluate the run of a policy")


def _simulated(said: Predicted) -> Measures:
    gained = np.asarray(said.values["gained"], np.float64)
    chance = np.asarray(said.values.get("random_gained", np.full(len(gained), np.nan)), np.float64)
    kept = np.flatnonzero(np.isfinite(gained))
    if not kept.size:
        raise Refused("no_labels", "no row has a return", "choose a part with learners")
    said, gained, chance = said.only(kept), gained[kept], chance[kept]
    resampled: dict[str, Figure] = {
        "mean_return": lambda rows: _mean(gained[rows]),
        "baseline_return": lambda rows: _mean(chance[rows]),
        "gain": lambda rows: _mean(gained[rows] - chance[rows]),
    }
    return _measures(said, resampled, float(len(gained)), gained.max() - gained)


def _logged(said: Predicted) -> Measures:
    """Self-normalised: Σ w·reward / Σ w, w = how likely the policy takes the arm / how likely the log took it."""
    arm, reward = [word(one) for one in said.label], np.asarray(said.values["reward"], np.float64)
    kept = np.flatnonzero(np.array([one is not None for one in arm]) & np.isfinite(reward))
    if not kept.size:
        raise Refused("no_labels", "no row has an arm and what it paid", "choose a part of the log")
    said, reward = said.only(kept), reward[kept]
    taken = np.array([str(arm[at]) for at in kept])
    weight = np.minimum(_likely(said, taken) / _propensity(said, taken), _MOST_WEIGHT)

    def earned(rows: Rows) -> float:
        total = float(weight[rows].sum())
        return float((weight[rows] * reward[rows]).sum() / total) if total else float("nan")

    resampled: dict[str, Figure] = {
        "mean_return": earned,
        "baseline_return": lambda rows: _mean(reward[rows]),
        "gain": lambda rows: earned(rows) - _mean(reward[rows]),
    }
    effective = float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0  # Kish (1965)
    return _measures(said, resampled, effective, None)


def _measures(said: Predicted, resampled: dict[str, Figure], effective: float, loss: Floats | None) -> Measures:
    rows: Rows = np.arange(len(said))
    figures = {name: figure(rows) for name, figure in resampled.items()}
    figures |= {"rows": float(len(said)), "effective_rows": effective}
    return Measures(said, figures, resampled, ("mean_return",), loss)


def _likely(said: Predicted, taken: NDArray[np.str_]) -> Floats:
    """How likely the policy takes the arm that was taken; where it does not say, it takes the one it names."""
    if said.p is not None and len(said.labels) == said.p.shape[1]:
        at = {label: n for n, label in enumerate(map(str, said.labels))}
        return np.array([said.p[row, at[arm]] if arm in at else 0.0 for row, arm in enumerate(taken)])
    return np.array([float(word(one) == arm) for one, arm in zip(said.prediction, taken, strict=True)])


def _propensity(said: Predicted, taken: NDArray[np.str_]) -> Floats:
    """As logged; else the share of each arm, which is right where the log chose without looking."""
    if "propensity" in said.values:
        told = np.asarray(said.values["propensity"], np.float64)
        return np.where(np.isfinite(told) & (told > 0), told, 1.0)
    arms, place, counts = np.unique(taken, return_inverse=True, return_counts=True)
    return (counts / len(taken))[place] if len(arms) else np.ones(0)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
