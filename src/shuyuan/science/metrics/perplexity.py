"""How many words a language model wavers between, on average."""

import math

import numpy as np
import numpy.typing as npt


def perplexity(negative_log_likelihood: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
    """exp of the nats per token over all texts. Both (N,): nats of a text, summed over its tokens; its tokens.

    >>> round(perplexity([2 * math.log(4), math.log(4)], [2, 1]), 6)
    4.0
    """
    nats, counts = np.asarray(negative_log_likelihood, dtype=np.float64), np.asarray(tokens, dtype=np.float64)
    if nats.ndim != 1 or nats.shape != counts.shape or not nats.size:
        raise ValueError(f"nats and tokens must be flat, equally long and not empty, got {nats.shape}, {counts.shape}")
    if not np.isfinite(nats).all() or not (counts >= 0).all() or not counts.sum():
        raise ValueError("nats must be finite, tokens >= 0 and at least one")
    return math.exp(min(float(nats.sum() / counts.sum()), 700.0))  # e^709 is the largest float
