"""ROUGE: how many words, pairs and ordered words a summary shares with a reference. Source: Lin (2004).

Takes texts that are already lists of terms: which terms (stems, characters) is the caller's choice and is stated
beside the figure. F-measures throughout.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

Terms = Sequence[str]


class Rouge(NamedTuple):
    """F-measures of single terms, of pairs and of the longest common subsequence, 0..1."""

    one: float
    two: float
    longest: float


def rouge(said: Terms, reference: Terms) -> Rouge:
    """One summary against one reference; an empty side scores 0.

    >>> [round(part, 3) for part in rouge("the cat sat".split(), "the cat lay down".split())]
    [0.571, 0.4, 0.571]
    """
    longest = _f_measure(_common_subsequence(said, reference), len(said), len(reference))
    return Rouge(_overlap(said, reference, 1), _overlap(said, reference, 2), longest)


def best_rouge(said: Terms, references: Sequence[Terms]) -> Rouge:
    """Against the reference with the best ROUGE-1; the first of equals."""
    if not references:
        raise ValueError("references must hold at least one reference, got 0")
    return max((rouge(said, reference) for reference in references), key=lambda scored: scored.one)


def mean_rouge(scored: Sequence[Rouge]) -> Rouge:
    """The mean over a set. Raises ValueError for none."""
    if not scored:
        raise ValueError("scored must hold at least one result, got 0")
    return Rouge(*(sum(part) / len(scored) for part in zip(*scored, strict=True)))


def _overlap(said: Terms, reference: Terms, size: int) -> float:
    mine, theirs = _grams(said, size), _grams(reference, size)
    return _f_measure((mine & theirs).total(), mine.total(), theirs.total())


def _grams(terms: Terms, size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(terms[at : at + size]) for at in range(len(terms) - size + 1))


def _f_measure(common: int, mine: int, theirs: int) -> float:
    return 2 * common / (mine + theirs) if common else 0.0


def _common_subsequence(a: Terms, b: Terms) -> int:
    row = [0] * (len(b) + 1)
    for term in a:
        corner = 0
        for at, other in enumerate(b, start=1):
            corner, row[at] = row[at], corner + 1 if term == other else max(row[at], row[at - 1])
    return row[-1]
