"""Where does it go wrong more often than elsewhere? Every slice of one or two columns, tested against chance at once.

Each slice's mean loss is compared with that of all rows. Chance is what the worst of all slices reaches when losses are
dealt anew over the rows (or, where persons are known, when each person's losses change sign at random), so a p-value
accounts for every slice looked at, however they overlap. Source: Westfall & Young (1993), the max-T procedure.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes

Codes = npt.NDArray[np.int64]
_TELLING = 1.2  # a pair's mean loss over that of its worse column


class FoundSlice(NamedTuple):
    """columns and codes: which value of which column(s).  mean: of the loss inside.  p: adjusted for all slices."""

    columns: tuple[int, ...]
    codes: tuple[int, ...]
    rows: int
    mean: float
    z: float
    p: float


class Search(NamedTuple):
    """Slices above chance, worst first, and how many were looked at."""

    found: tuple[FoundSlice, ...]
    tested: int


class _Cut(NamedTuple):
    """All slices of one column or one pair. place: (N,) slice of each row; kept: which slices are large enough."""

    columns: tuple[int, ...]
    width: int
    place: Codes
    rows: Codes
    kept: Codes


def worst_slices(
    loss: npt.ArrayLike,
    columns: Sequence[Codes],
    *,
    person: npt.ArrayLike | None = None,
    minimum_rows: int = 30,
    minimum_persons: int = 0,
    level: float = 0.05,
    most: int = 10,
    draws: int = 200,
    seed: int = 0,
) -> Search:
    """Slices with at least `minimum_rows` rows (and persons) whose mean loss is above chance at `level`.

    loss: (N,), larger is worse.  columns: each (N,) of codes 0..K-1.
    A pair that is hardly worse (by a fifth) than one of its columns alone is left out: it says nothing new.

    >>> bad = np.repeat([1, 0, 0, 0], 50)
    >>> [one.codes for one in worst_slices(bad, [np.repeat([2, 0, 1, 0], 50)]).found]
    [(2,)]
    """
    losses = np.asarray(loss, dtype=np.float64)
    if losses.ndim != 1 or not losses.size or any(codes.shape != losses.shape for codes in columns):
        raise ValueError(f"loss must be (N,) and every column as long, got {losses.shape}")
    people = None if person is None else np.unique(np.asarray(person), return_inverse=True)[1]
    cuts = _cuts(columns, people, minimum_rows, minimum_persons)
    tested = sum(len(cut.kept) for cut in cuts)
    centred = losses - losses.mean()
    scale = float(centred.std())
    if not tested or not scale:
        return Search((), tested)
    by_chance = _largest_by_chance(centred, scale, cuts, people, draws, np.random.default_rng(seed))
    found = [one for cut in cuts for one in _scored(centred, losses, scale, cut, by_chance) if one.p <= level]
    found.sort(key=lambda one: -one.z)
    return Search(tuple(_telling(found)[:most]), tested)


def _cuts(columns: Sequence[Codes], people: Codes | None, minimum_rows: int, minimum_persons: int) -> list[_Cut]:
    sizes = [int(codes.max()) + 1 for codes in columns]
    singles = [((at,), 1, codes) for at, codes in enumerate(columns)]
    pairs = [
        ((a, b), sizes[b], columns[a] * sizes[b] + columns[b])
        for a, b in itertools.combinations(range(len(columns)), 2)
    ]
    cuts = []
    for names, width, place in [*singles, *pairs]:
        rows = np.bincount(place)
        enough = (rows >= minimum_rows) & (rows < len(place))
        if people is not None and minimum_persons:
            together = np.unique(place * (int(people.max()) + 1) + people) // (int(people.max()) + 1)
            enough &= np.bincount(together, minlength=len(rows)) >= minimum_persons
        if enough.any():
            cuts.append(_Cut(names, width, place, rows, np.flatnonzero(enough)))
    return cuts


def _z(centred: shapes.Floats, scale: float, cut: _Cut) -> shapes.Floats:
    """How many standard errors each kept slice's mean lies above that of all rows."""
    rows = cut.rows[cut.kept]
    error = scale * np.sqrt(rows * (1 - rows / len(centred)))
    return np.asarray(np.bincount(cut.place, centred)[cut.kept] / error, dtype=np.float64)


def _largest_by_chance(
    centred: shapes.Floats,
    scale: float,
    cuts: Sequence[_Cut],
    people: Codes | None,
    draws: int,
    rng: np.random.Generator,
) -> shapes.Floats:
    largest = np.empty(draws)
    for at in range(draws):
        if people is None:
            dealt = rng.permutation(centred)
        else:
            dealt = centred * rng.choice((-1.0, 1.0), int(people.max()) + 1)[people]
            dealt -= dealt.mean()
        largest[at] = max(float(_z(dealt, scale, cut).max()) for cut in cuts)
    return np.sort(largest)


def _scored(
    centred: shapes.Floats, losses: shapes.Floats, scale: float, cut: _Cut, by_chance: shapes.Floats
) -> list[FoundSlice]:
    means = np.bincount(cut.place, losses)[cut.kept] / cut.rows[cut.kept]
    found = []
    for code, mean, z in zip(cut.kept.tolist(), means.tolist(), _z(centred, scale, cut).tolist(), strict=True):
        above = len(by_chance) - int(np.searchsorted(by_chance, z))
        codes = divmod(code, cut.width) if len(cut.columns) == 2 else (code,)
        p = (1 + above) / (1 + len(by_chance))
        found.append(FoundSlice(cut.columns, codes, int(cut.rows[code]), mean, z, p))
    return found


def _telling(found: Sequence[FoundSlice]) -> list[FoundSlice]:
    """Without pairs that are hardly worse than one of their own columns."""
    alone = {(one.columns[0], one.codes[0]): one.mean for one in found if len(one.columns) == 1}
    kept = []
    for one in found:
        parts = zip(one.columns, one.codes, strict=True)
        if len(one.columns) == 1 or one.mean > max(alone.get(part, -np.inf) for part in parts) * _TELLING:
            kept.append(one)
    return kept
