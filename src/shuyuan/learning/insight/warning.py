"""The chance of falling below the class's line next week: a small logistic model, calibrated, or none at all. Pure.

Fitted on the school's own past weeks. Every figure is of learners the fit had not seen (folds by learner), after a
calibration that had not seen them either; and, apart from that, the newest week is foretold from the weeks before it.
Refuses: fewer weeks, learners or rows than stated; a model that is not surely better than the mere share of all, or
whose chances are not honest. Sources: Platt (1999), probabilistic outputs; Guo et al. (2017), calibration error.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.learning.insight.interface import Evidence, Fact, Trust
from shuyuan.learning.insight.weeks import FACTS, Known
from shuyuan.science import metrics
from shuyuan.science.ranking import recalibration
from shuyuan.science.tracing import logistic

Floats = npt.NDArray[np.float64]
WEEKS, LEARNERS, ROWS, OF_EACH = 3, 20, 90, 15  # the least there must be
OF_ONE = 3  # rows of a learner that count towards OF_EACH: one pupil's weeks are no class's
FOLDS, BINS, RIDGE = 5, 5, 3.0
SURE, HONEST = 1.645, 0.12  # standard errors (over learners) by which it must be better; largest calibration error
RAISES = np.asarray([-1, -1, -1, 1, -1, 1, 1, 1])  # the direction of each of FACTS in which it may raise the chance
TOLD = 0.15  # log-odds by which a fact must raise the chance to be given as a reason
REASONS = 3


class Row(NamedTuple):
    """A learner at the beginning of a past week, and whether they were below the line in it. week: 0 is the newest."""

    learner_id: str
    week: int
    values: tuple[float, ...]
    below: bool


@dataclass(frozen=True)
class Model:
    """Weights per standard deviation of each fact; offset and slope of the calibration."""

    bias: float
    weights: tuple[float, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    offset: float
    slope: float

    def chances(self, values: npt.ArrayLike) -> Floats:
        """(N,) from (N, F)."""
        scaled = (np.asarray(values, dtype=np.float64) - self.middle) / self.spread
        logit = self.bias + scaled @ np.asarray(self.weights)
        return logistic.expit(self.offset + self.slope * logit)

    def because(self, one: Known) -> list[tuple[Fact, float]]:
        """(fact, log-odds) of what raises this learner's chance above that of a usual one, the largest first."""
        scaled = np.asarray(one.values) / self.spread
        moved = zip(FACTS, (self.slope * scaled * self.weights).tolist(), strict=True)
        return sorted(((fact, by) for fact, by in moved if by >= TOLD), key=lambda pair: -pair[1])[:REASONS]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The reverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Model":  # Any: JSON
        """The reverse of `to_json`."""
        lists = {name: tuple(told[name]) for name in ("weights", "middle", "spread")}
        return cls(**{**told, **lists})


def evidence(rows: Sequence[Row]) -> Evidence:
    """How much there is, beside how much it takes."""
    sides = [Counter(one.learner_id for one in rows if one.below == side) for side in (True, False)]
    return Evidence(
        weeks=len({one.week for one in rows}),
        learners=len({one.learner_id for one in rows}),
        rows=len(rows),
        rarer=min(sum(min(n, OF_ONE) for n in side.values()) for side in sides),
        least_weeks=WEEKS,
        least_learners=LEARNERS,
        least_rows=ROWS,
        least_rarer=OF_EACH,
    )


def fit(rows: Sequence[Row], *, seed: int = 0) -> tuple[Model, Trust] | None:
    """The model and how far it may be trusted (`Trust.used`: whether it may be used); None: too little evidence."""
    if not evidence(rows).enough:
        return None
    x, below = np.asarray([one.values for one in rows]), np.asarray([one.below for one in rows])
    fold = _folds(rows, seed)
    unseen = _unseen(x, below, fold)
    honest = np.empty(len(rows))
    for at in range(FOLDS):
        inside, out = fold != at, fold == at
        honest[out] = recalibration.fit(unseen[inside], below[inside])(unseen[out])
    offset, slope = recalibration.fit(unseen, below).weights[:2].tolist()
    plain = _plain(x, below)
    return Model(*plain, offset=offset, slope=max(0.0, slope)), _trust(rows, x, below, fold, honest)


def _plain(
    x: Floats, below: npt.NDArray[np.bool_]
) -> tuple[float, tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """A fact keeps a weight only in the direction that makes sense to a teacher; one that does not is left out."""
    middle, spread = x.mean(0), x.std(0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    scaled, kept = (x - middle) / spread, np.ones(x.shape[1], dtype=bool)
    while True:
        fitted = logistic.fit(_dense(scaled * kept), below, ridge=RIDGE)
        against = np.where(kept, fitted.weights * RAISES, 0.0)
        if against.min() >= 0:
            weights = fitted.weights * kept
            return fitted.bias, tuple(weights.tolist()), tuple(middle.tolist()), tuple(spread.tolist())
        kept[against.argmin()] = False  # one at a time: without it another may turn round


def _dense(x: Floats) -> logistic.SparseRows:
    row, column = (one.ravel() for one in np.indices(x.shape))
    return logistic.SparseRows(len(x), x.shape[1], row, column, x.ravel())


def _chances(x: Floats, below: npt.NDArray[np.bool_], asked: Floats) -> Floats:
    """Of a fit without calibration."""
    return Model(*_plain(x, below), offset=0.0, slope=1.0).chances(asked)


def _folds(rows: Sequence[Row], seed: int) -> npt.NDArray[np.int64]:
    """(N,) the part each row is judged in; all rows of a learner are in one, and who was ever below is in each."""
    ever = {one.learner_id for one in rows if one.below}
    people = np.random.default_rng(seed).permutation(sorted({one.learner_id for one in rows})).tolist()
    place = {who: at % FOLDS for at, who in enumerate(sorted(people, key=lambda who: who in ever))}
    return np.asarray([place[one.learner_id] for one in rows])


def _unseen(x: Floats, below: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64]) -> Floats:
    found = np.empty(len(x))
    for at in range(FOLDS):
        found[fold == at] = _chances(x[fold != at], below[fold != at], x[fold == at])
    return found


def _trust(
    rows: Sequence[Row], x: Floats, below: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64], p: Floats
) -> Trust:
    share = np.empty(len(rows))
    for at in range(FOLDS):
        share[fold == at] = below[fold != at].mean()
    gained = metrics.log_losses(below, share) - metrics.log_losses(below, p)
    learners = np.unique([one.learner_id for one in rows], return_inverse=True)[1]
    better = bool(gained.mean() > SURE * _error(gained, learners))
    interval = metrics.bootstrap_by_group(metrics.auc, below, p, learners)
    error = metrics.expected_calibration_error(below, p, bins=BINS)
    newest = _newest(rows, x, below)
    return Trust(
        used=better and error <= HONEST,
        better=better,
        evidence=evidence(rows),
        share_below=float(below.mean()),
        auc=interval.value,
        auc_low=interval.low,
        auc_high=interval.high,
        log_loss=float(metrics.log_loss(below, p)),
        log_loss_share=float(metrics.log_losses(below, share).mean()),
        calibration_error=float(error),
        largest_calibration_error=HONEST,
        bins=tuple(metrics.reliability_bins(below, p, bins=BINS)),
        newest_rows=len(newest),
        newest_expected=float(newest[:, 0].mean()) if len(newest) else 0.0,
        newest_came=float(newest[:, 1].mean()) if len(newest) else 0.0,
    )


def _error(values: Floats, learner: npt.NDArray[np.int64]) -> float:
    """The standard error of the mean, over learners: the weeks of one learner are no independent witnesses."""
    off = np.bincount(learner, weights=values - values.mean())
    return float(np.sqrt((off**2).sum() * len(off) / max(1, len(off) - 1)) / len(values))


def _newest(rows: Sequence[Row], x: Floats, below: npt.NDArray[np.bool_]) -> Floats:
    """(M, 2) the newest week: each chance as the weeks before it would have told it, and what came."""
    newest = np.asarray([one.week for one in rows]) == min(one.week for one in rows)
    before = below[~newest]
    if before.all() or not before.any():
        return np.empty((0, 2))
    return np.column_stack([_chances(x[~newest], before, x[newest]), below[newest]])
