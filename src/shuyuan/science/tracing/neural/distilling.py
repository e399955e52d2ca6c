"""Several nets into one: a student learns what teachers say on average, beside what was answered.

Source: Hinton, Vinyals & Dean (2015). The student alone is served; teachers may be of any family.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.neural import correcting
from shuyuan.science.tracing.neural.training import Recipe

TRUST = 0.7  # share of the teachers in what a student is to say; the rest is what was answered


@dataclass(frozen=True)
class Together:
    """The mean of several tracers. For comparison: it is not served."""

    tracers: Sequence[correcting.Fitted]

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`."""
        return np.asarray(np.mean([one.predict(table) for one in self.tracers], axis=0))


def teachers(prepared: correcting.Prepared, count: int, recipe: Recipe, seed: int) -> Together:
    """Nets of other seeds; without given validation learners also of other held-out ones."""
    return Together([prepared.trained(recipe, seed + 1 + number) for number in range(count)])


def distilled(prepared: correcting.Prepared, together: Together, recipe: Recipe, seed: int) -> correcting.Fitted:
    """A student of `together`."""
    said = np.mean([prepared.said(one) for one in together.tracers], axis=0)
    return prepared.trained(recipe, seed, TRUST * said + (1.0 - TRUST) * prepared.train.correct)
