"""The interval of a share. Source: Wilson (1927); holds near 0 and 1 and for few rows, where p ± 1.96·se does not."""

from statistics import NormalDist

from shuyuan.science.metrics.bootstrap import Interval


def wilson(hits: int, rows: int, share: float = 0.95) -> Interval:
    """Of `hits` in `rows`.

    >>> [round(x, 3) for x in wilson(9, 10)]
    [0.9, 0.596, 0.982]
    """
    if not 0 <= hits <= rows or rows < 1:
        raise ValueError(f"hits must be in 0..rows and rows >= 1, got {hits} of {rows}")
    z = NormalDist().inv_cdf((1 + share) / 2)
    p, pull = hits / rows, z * z / rows
    middle = (p + pull / 2) / (1 + pull)
    half = z / (1 + pull) * (p * (1 - p) / rows + pull / (4 * rows)) ** 0.5
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))
