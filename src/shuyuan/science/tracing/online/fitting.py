"""From recorded answers to new `Params`: trace, refit, repeat; settings chosen on held-out learners only.

Tracing needs weights and the weights are fitted on the trace, so the two alternate until they agree:
three rounds do, a fourth changed the held-out log loss by less than 0.0001 on ASSISTments 2009.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shuyuan.science import metrics
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.online import filtering, regression
from shuyuan.science.tracing.online.params import Params
from shuyuan.science.tracing.online.replaying import replay

ROUNDS = 3
FEWEST_LEARNERS_TO_SELECT = 40  # below this a held-out fifth is too few learners to choose anything by


@dataclass(frozen=True)
class Settings:
    """What is chosen rather than fitted. Variances in logits squared; ridges are inverse prior variances."""

    general_variance: float = 0.65
    general_drift: float = 0.001
    point_variance: float = 1.6
    point_drift: float = 0.045
    drift_per_day: float = 0.01
    form_rate: float = 0.35
    item_ridge: float = 1.5
    point_ridge: float = 0.3
    slope_ridge: float = 1.0

    def blank(self) -> Params:
        """Params with these rates and no items or points yet."""
        return Params(
            general_variance=self.general_variance,
            general_drift=self.general_drift,
            point_variance=self.point_variance,
            point_drift=self.point_drift,
            drift_per_day=self.drift_per_day,
            form_rate=self.form_rate,
        )

    def ridges(self) -> regression.Ridges:
        return regression.Ridges(self.item_ridge, self.point_ridge, self.slope_ridge)


CANDIDATES = (
    Settings(),
    replace(Settings(), item_ridge=4.0, point_ridge=1.0, slope_ridge=4.0),  # little data
    replace(Settings(), point_variance=0.8, point_drift=0.02),  # points much alike
    replace(Settings(), general_variance=1.5),  # learners far apart
    replace(Settings(), form_rate=0.15),  # steady form
)


@dataclass(frozen=True)
class Candidate:
    """One setting and how it predicted learners it had not seen (NaN when there were too few to tell)."""

    settings: Settings
    held_out_log_loss: float


@dataclass(frozen=True)
class Fitted:
    """The result of a selection: `params` from all rows, with the best of `tried`."""

    params: Params
    settings: Settings
    tried: tuple[Candidate, ...]


def fit(table: Interactions, *, seed: int = 0, candidates: Sequence[Settings] = CANDIDATES) -> Params:
    """New params from answers in time order. No rows: the defaults. Deterministic for a given seed."""
    return select_and_fit(table, seed=seed, candidates=candidates).params


def select_and_fit(
    table: Interactions,
    *,
    seed: int = 0,
    held_out: float = 0.2,
    candidates: Sequence[Settings] = CANDIDATES,
    validation: Interactions | None = None,
) -> Fitted:
    """Choose settings by the log loss on held-out learners, then fit them on every row.

    validation: learners to choose by; without them `held_out` of the table's are, and join the last fit again.
    With fewer than 40 learners, or one candidate, the first candidate is taken as it is.
    """
    if not candidates:
        raise ValueError("candidates must hold at least one Settings")
    tried = tuple(Candidate(settings, float("nan")) for settings in candidates[:1])
    if len(candidates) > 1 and len(np.unique(table.learner)) >= FEWEST_LEARNERS_TO_SELECT:
        rest, unseen = table.split(held_out, seed) if validation is None else (table, validation)
        tried = tuple(Candidate(settings, _loss(rest, unseen, settings)) for settings in candidates)
    best = min(tried, key=lambda candidate: candidate.held_out_log_loss).settings
    return Fitted(fit_with(table, best), best, tried)


def fit_with(table: Interactions, settings: Settings) -> Params:
    """Fit one setting on every row."""
    params = settings.blank()
    if not len(table):
        return params
    weights = regression.Weights.default(len(table.item_ids), len(table.point_ids))
    for _ in range(ROUNDS):
        trace = filtering.run(table, params, weights.layout())
        weights = regression.refit(table, trace, weights, settings.ridges())
    ability, practice = map(float, weights.typical_slopes)
    return weights.layout().into(params, table, (ability, practice))


def _loss(rest: Interactions, unseen: Interactions, settings: Settings) -> float:
    return metrics.log_loss(unseen.correct, replay(fit_with(rest, settings), unseen))
