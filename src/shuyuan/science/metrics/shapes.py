"""The one shape rule of this folder: labels and probabilities are equally long, flat, finite and not empty."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def paired(correct: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both as float arrays. Raises ValueError on a length mismatch, no rows, labels not 0/1 or NaN."""
    labels, scores = np.asarray(correct, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape or not labels.size:
        raise ValueError(f"correct and p must be flat and equally long, got {labels.shape} and {scores.shape}")
    if not np.isin(labels, (0.0, 1.0)).all():
        raise ValueError("correct must hold only 0 and 1")
    if not np.isfinite(scores).all():
        raise ValueError("p must be finite; drop or repair the rows with NaN or infinity first")
    return labels, scores
