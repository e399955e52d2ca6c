"""Parts that differ: population stability index over ten bins of train, and the Kolmogorov-Smirnov distance."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shuyuan.maas.datasets import findings, interface, steps
from shuyuan.maas.datasets.rules.base import Parts, Rule, State

_BINS, _FLOOR, _MOST_CATEGORIES = 10, 1e-4, 50


class Shift(Rule):
    """See steps.Shift. Nothing is changed."""

    options: steps.Shift

    def finish(self, parts: Parts, state: State, seen: list[interface.Finding]) -> Parts:
        """Compare validation and test with train, column by column."""
        for part, frame in parts.items():
            if part == "train" or not frame.height:
                continue
            for name in self.chosen("number", "integer", "boolean", "category", roles=("feature", "label")):
                if name in frame.columns:
                    self._compare(name, part, parts["train"][name], frame[name], seen)
        return parts

    def _compare(self, name: str, part: str, train: pl.Series, other: pl.Series, seen: list[interface.Finding]) -> None:
        numeric = train.dtype.is_numeric()
        index = psi(*(_binned(train, other) if numeric else _counted(train, other)))
        if index <= self.options.limit:
            return
        distance = {"ks": f"{ks(_floats(train), _floats(other)):.3f}"} if numeric else {}
        said = ("shift_numbers" if numeric else "shift", {"part": part, "psi": f"{index:.3f}", **distance})
        seen.append(findings.found(self.name, said, column=name, count=other.len(), action="report"))


def psi(expected: NDArray[np.float64], seen: NDArray[np.float64]) -> float:
    """Population stability index of two rows of counts: 0 for equal shares, over 0.2 by custom a shift."""
    shares = [np.maximum(counts / max(counts.sum(), 1), _FLOOR) for counts in (expected, seen)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def ks(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Largest distance of the two distribution functions."""
    if not one.size or not other.size:
        return 0.0
    values = np.concatenate([one, other])
    first = np.searchsorted(np.sort(one), values, side="right") / one.size
    second = np.searchsorted(np.sort(other), values, side="right") / other.size
    return float(np.abs(first - second).max())


def _floats(series: pl.Series) -> NDArray[np.float64]:
    return series.drop_nulls().cast(pl.Float64).to_numpy()


def _binned(train: pl.Series, other: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts between deciles of train; what is missing is a bin of its own."""
    known = _floats(train)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if known.size else np.zeros(0)
    counts = []
    for series in (train, other):
        inside = np.bincount(np.searchsorted(edges, _floats(series), side="left"), minlength=len(edges) + 1)
        counts.append(np.append(inside, series.null_count()).astype(np.float64))
    return counts[0], counts[1]


def _counted(train: pl.Series, other: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts of the most frequent categories of train; all others together."""
    tables = [
        dict(zip(one[train.name].to_list(), one["count"].to_list(), strict=True))
        for one in (train.value_counts(), other.value_counts())
    ]
    names = sorted(tables[0], key=lambda name: (-tables[0][name], str(name)))[:_MOST_CATEGORIES]
    rows = [[table.get(name, 0) for name in names] for table in tables]
    return (
        np.array([*rows[0], train.len() - sum(rows[0])], np.float64),
        np.array([*rows[1], other.len() - sum(rows[1])], np.float64),
    )


RULE = Shift
