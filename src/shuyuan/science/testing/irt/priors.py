"""What is believed of guessing before any answer: Beta(5, 17), one in five, as strong as twenty blind answers."""

import numpy as np

from shuyuan.science.testing.bank import Floats

RIGHT, WRONG = 4.0, 16.0
START = RIGHT / (RIGHT + WRONG)


def log_density(c: Floats) -> float:
    """Up to a constant, summed over items."""
    return float((RIGHT * np.log(c) + WRONG * np.log1p(-c)).sum())


def gradient(c: Floats) -> Floats:
    """(J,)"""
    return np.asarray(RIGHT / c - WRONG / (1.0 - c))


def information(c: Floats) -> Floats:
    """(J,) minus the second derivative."""
    return np.asarray(RIGHT / c**2 + WRONG / (1.0 - c) ** 2)
