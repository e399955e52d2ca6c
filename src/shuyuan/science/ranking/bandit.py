"""Trying things out sensibly: contextual bandits over a linear guess of what an activity brings. Seeded by the caller.

`Bandit` keeps ridge regression in closed form: what was learnt from d numbers about an activity and the gain it
brought. `thompson` draws one plausible world and takes the best of it; `upper` (LinUCB) takes the best that could
reasonably be. Both try what is uncertain, and less so the more is known. One update costs O(d²).
Sources: Agrawal & Goyal (2013), ICML 30; Li et al. (2010), WWW 19.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bandit:
    """inverse: (d, d) of the precision. weighted: (d,) sum of context times gain. tried: how often."""

    inverse: Floats
    weighted: Floats
    tried: int = 0

    @staticmethod
    def new(dimensions: int, *, prior: npt.ArrayLike | None = None, ridge: float = 1.0) -> "Bandit":
        """prior: (d,) what one believes beforehand. ridge: how many tries that belief is worth."""
        if dimensions < 1 or not ridge > 0:
            raise ValueError(f"dimensions must be >= 1 and ridge > 0, got {dimensions} and {ridge}")
        mean = np.zeros(dimensions) if prior is None else np.asarray(prior, dtype=np.float64)
        if mean.shape != (dimensions,):
            raise ValueError(f"prior must be ({dimensions},), got {mean.shape}")
        return Bandit(np.eye(dimensions) / ridge, ridge * mean)

    @property
    def mean(self) -> Floats:
        """(d,) what is believed now."""
        return np.asarray(self.inverse @ self.weighted)

    def thompson(self, contexts: npt.ArrayLike, rng: np.random.Generator, *, spread: float = 0.1) -> Floats:
        """(n,) a drawn gain for each of (n, d); rank by it. spread: how noisy one gain is."""
        x = _checked(contexts, len(self.weighted))
        world = rng.multivariate_normal(self.mean, spread**2 * self.inverse, method="cholesky")
        return np.asarray(x @ world)

    def upper(self, contexts: npt.ArrayLike, *, alpha: float = 0.5) -> Floats:
        """(n,) the guess plus `alpha` standard deviations."""
        x = _checked(contexts, len(self.weighted))
        return np.asarray(x @ self.mean + alpha * np.sqrt(np.einsum("nd,de,ne->n", x, self.inverse, x)))

    def learnt(self, context: npt.ArrayLike, gain: float) -> "Bandit":
        """After one try (Sherman-Morrison)."""
        x = _checked(np.asarray(context, dtype=np.float64)[None], len(self.weighted))[0]
        if not np.isfinite(gain):
            raise ValueError(f"gain must be finite, got {gain}")
        turned = self.inverse @ x
        inverse = self.inverse - np.outer(turned, turned) / (1 + x @ turned)
        return Bandit((inverse + inverse.T) / 2, self.weighted + gain * x, self.tried + 1)


def _checked(contexts: npt.ArrayLike, dimensions: int) -> Floats:
    x = (
        np.asarray(contexts, dtype=np.float64).reshape(-1, dimensions)
        if np.size(contexts)
        else np.empty((0, dimensions))
    )
    if not np.isfinite(x).all():
        raise ValueError("contexts must be finite")
    return x
