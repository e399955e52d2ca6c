"""Refit all weights on traced features: logistic regression with Gaussian priors and positive slopes.

Positive weights are fitted as exponents, so the sign rule of `Params` holds by construction; a point's
slope is the typical slope times its own factor, shrunk to one. Every prior is centred on the defaults
of `Params`, so a handful of answers moves them a little and 200,000 decide for themselves.
"""

from dataclasses import dataclass

import numpy as np

from shuyuan.science.tracing import descent, logistic
from shuyuan.science.tracing.interactions import NO_ITEM, Floats, Interactions
from shuyuan.science.tracing.online.filtering import Trace
from shuyuan.science.tracing.online.layout import GENERAL_COLUMNS, POINT_COLUMNS, Layout
from shuyuan.science.tracing.online.params import Params

GLOBAL_RIDGE = 4.0  # inverse variance of the log of a global weight, and of the bias, around the default
TYPICAL_INFORMATION = 0.2  # p (1 - p) of an average answer, only to scale the search


@dataclass(frozen=True)
class Ridges:
    """Inverse prior variances: larger pulls harder towards the average item, point and slope."""

    item: float
    point: float
    slope: float


@dataclass(frozen=True)
class Weights:
    """The unconstrained numbers that are searched."""

    bias: Floats  # (1,)
    items: Floats  # (items,) difficulty
    points: Floats  # (points,) difficulty
    log_general: Floats  # (GENERAL_COLUMNS,)
    log_typical: Floats  # (POINT_COLUMNS,)
    log_factor: Floats  # (points, POINT_COLUMNS)

    @classmethod
    def default(cls, items: int, points: int) -> "Weights":
        known = Params()
        general = (known.general_weight, known.wins_weight, known.losses_weight, known.form_weight)
        return cls(
            np.asarray([known.bias]),
            np.zeros(items),
            np.zeros(points),
            np.log(general),
            np.log(known.typical_point[1:]),
            np.zeros((points, POINT_COLUMNS)),
        )

    def flat(self) -> Floats:
        return np.concatenate([np.ravel(part) for part in vars(self).values()])

    @classmethod
    def of(cls, flat: Floats, items: int, points: int) -> "Weights":
        sizes = (1, items, points, GENERAL_COLUMNS, POINT_COLUMNS)
        bias, item, point, general, typical, factor = np.split(flat, np.cumsum(sizes))
        return cls(bias, item, point, general, typical, factor.reshape(points, POINT_COLUMNS))

    @property
    def typical_slopes(self) -> Floats:
        return np.asarray(np.exp(self.log_typical))

    def layout(self) -> Layout:
        slopes = np.exp(self.log_typical + self.log_factor)
        return Layout(float(self.bias[0]), np.exp(self.log_general), self.items, self.points, slopes)


def refit(table: Interactions, trace: Trace, start: Weights, ridges: Ridges, steps: int = 60) -> Weights:
    """The weights of highest posterior density, given the features; searched from `start`."""
    items, points = len(table.item_ids), len(table.point_ids)
    posterior = _Posterior(table, trace, ridges)
    scale = posterior.scale()

    def objective(flat: Floats) -> tuple[float, Floats]:
        value, gradient = posterior.at(Weights.of(flat * scale, items, points))
        return value, gradient * scale

    best = descent.minimise(objective, start.flat() / scale, steps=steps)
    return Weights.of(best * scale, items, points)


class _Posterior:
    def __init__(self, table: Interactions, trace: Trace, ridges: Ridges) -> None:
        self.table, self.trace = table, trace
        self.items, self.points = len(table.item_ids), len(table.point_ids)
        self.prior = Weights.default(self.items, self.points)
        ridge = Weights(
            np.full(1, GLOBAL_RIDGE),
            np.full(self.items, ridges.item),
            np.full(self.points, ridges.point),
            np.full(GENERAL_COLUMNS, GLOBAL_RIDGE),
            np.full(POINT_COLUMNS, GLOBAL_RIDGE),
            np.full((self.points, POINT_COLUMNS), ridges.slope),
        )
        self.centre, self.ridge = self.prior.flat(), ridge.flat()
        self.correct = table.correct.astype(np.float64)
        self.known = table.item != NO_ITEM
        self.weighted = trace.point * table.share[:, None]  # (E, POINT_COLUMNS)

    def at(self, weights: Weights) -> tuple[float, Floats]:
        """Minus the log posterior, and its gradient."""
        layout, table = weights.layout(), self.table
        pulled = self.weighted * layout.slopes[table.point]
        logit = layout.base(table) + self.trace.general @ layout.general
        logit += np.bincount(table.row, pulled.sum(1), len(table))
        off = np.asarray(weights.flat() - self.centre)
        value = float(np.logaddexp(0.0, logit).sum() - self.correct @ logit + 0.5 * self.ridge @ (off * off))
        error = logistic.expit(logit) - self.correct
        return value, self._gradient(error, pulled, layout) + self.ridge * off

    def _gradient(self, error: Floats, pulled: Floats, layout: Layout) -> Floats:
        table, by_entry = self.table, error[self.table.row]
        factor = np.stack([self._per_point(column * by_entry) for column in pulled.T], axis=1)
        gradient = Weights(
            error.sum(keepdims=True),
            -np.bincount(table.item[self.known], error[self.known], self.items).astype(np.float64),
            -self._per_point(table.share * by_entry),
            (self.trace.general.T @ error) * layout.general,
            factor.sum(0),
            factor,
        )
        return gradient.flat()

    def scale(self) -> Floats:
        """One over the root of a rough Hessian diagonal, so that rare and frequent ids move alike."""
        rows = np.full(1, float(len(self.table)))
        seen = self._per_point(self.table.share)
        counts = Weights(
            rows,
            np.bincount(self.table.item[self.known], minlength=self.items).astype(np.float64),
            seen,
            np.repeat(rows, GENERAL_COLUMNS),
            np.repeat(rows, POINT_COLUMNS),
            np.repeat(seen[:, None], POINT_COLUMNS, axis=1),
        )
        return np.asarray(1.0 / np.sqrt(TYPICAL_INFORMATION * counts.flat() + self.ridge))

    def _per_point(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.table.point, values, self.points), dtype=np.float64)
