"""Does a question favour one age band among learners of equal score? Only where bands are known and learners agreed.

Pure. Nothing is said below FEWEST learners in each of two bands: on a handful of people chance names questions. Where
everybody answered other questions hardly two are of equal score: on how many questions something would show is counted.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from shuyuan.learning.assessment.interface import Favour
from shuyuan.learning.people.interface import Learner
from shuyuan.learning.records.interface import Response
from shuyuan.science.testing import irt

FEWEST = 50  # learners of each group
SHOWS = 0.77  # standard error of a comparison in which a large difference (1.5) would be beyond chance
_UNKNOWN = "unknown"


class Compared(NamedTuple):
    """groups: large enough to be compared.  favours: item id → what favours whom.  questions: on which a large favour
    would show in every comparison."""

    groups: tuple[str, ...]
    favours: Mapping[str, tuple[Favour, ...]]
    questions: int


def favours(learners: Sequence[Learner], answers: Sequence[Response], items: Sequence[str]) -> Compared:
    """Each group against the largest; nothing where they cannot be compared."""
    agreed = {one.id: one.age_band for one in learners if one.age_band != _UNKNOWN and "improvement" in one.consent}
    answered = {one.learner_id for one in answers}
    sizes = Counter(band for who, band in agreed.items() if who in answered)
    groups = tuple(band for band, n in sizes.most_common() if n >= FEWEST)
    if len(groups) < 2:
        return Compared((), {}, 0)
    found, shown = defaultdict[str, list[Favour]](list), set(items)
    for group in groups[1:]:
        people = [who for who, band in agreed.items() if who in answered and band in (groups[0], group)]
        told = _compared(people, [agreed[who] == group for who in people], answers, items)
        shown &= {item for item, one in told.items() if one.size != "A" or one.error <= SHOWS}
        for item, one in told.items():
            if one.size != "A":
                found[item].append(Favour(group, one.delta < 0, one.size))
    return Compared(groups, {item: tuple(all_of) for item, all_of in found.items()}, len(shown))


def _compared(
    people: Sequence[str], focal: Sequence[bool], answers: Sequence[Response], items: Sequence[str]
) -> dict[str, irt.Dif]:
    row, column = ({one: at for at, one in enumerate(names)} for names in (people, items))
    matrix = np.full((len(people), len(items)), -1, dtype=np.int8)
    for one in answers:
        if one.learner_id in row and one.item_id in column:
            matrix[row[one.learner_id], column[one.item_id]] = one.correct
    kept = np.flatnonzero((matrix >= 0).any(0))
    if not kept.size:
        return {}
    told = irt.mantel_haenszel(irt.Answers.of(matrix[:, kept]), focal)
    pairs = zip(kept, told, strict=True)
    return {items[int(place)]: dif for place, dif in pairs if dif is not None}
