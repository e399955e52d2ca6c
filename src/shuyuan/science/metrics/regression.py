"""How far numbers are off: RMSE, MAE and R²."""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes


def rmse(truth: npt.ArrayLike, said: npt.ArrayLike) -> float:
    """Root of the mean squared error, in the unit of the truth.

    >>> rmse([0, 0], [3, 4]) == (25 / 2) ** 0.5
    True
    """
    a, b = numbers(truth, said)
    return float(np.sqrt(((a - b) ** 2).mean()))


def mae(truth: npt.ArrayLike, said: npt.ArrayLike) -> float:
    """Mean absolute error, in the unit of the truth.

    >>> mae([0, 0], [3, -4])
    3.5
    """
    a, b = numbers(truth, said)
    return float(np.abs(a - b).mean())


def r_squared(truth: npt.ArrayLike, said: npt.ArrayLike) -> float:
    """Share of the variance explained: 1 is perfect, 0 is always saying the mean; NaN when the truth never varies.

    >>> r_squared([1, 2, 3], [2, 2, 2])
    0.0
    """
    a, b = numbers(truth, said)
    spread = float(((a - a.mean()) ** 2).sum())
    return float(1 - ((a - b) ** 2).sum() / spread) if spread else float("nan")


def correlation(truth: npt.ArrayLike, said: npt.ArrayLike) -> float:
    """Pearson's r; NaN when either side never varies.

    >>> round(correlation([1, 2, 3], [2, 4, 6]), 6)
    1.0
    """
    a, b = numbers(truth, said)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / size) if size else float("nan")


def numbers(truth: npt.ArrayLike, said: npt.ArrayLike) -> tuple[shapes.Floats, shapes.Floats]:
    """Both as finite, flat, equally long floats. Raises ValueError."""
    a, b = np.asarray(truth, dtype=np.float64), np.asarray(said, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"truth and said must be flat, equally long and not empty, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("truth and said must be finite; drop or repair the rows with NaN or infinity first")
    return a, b
