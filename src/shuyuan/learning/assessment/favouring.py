"""Does a question favour one age band among learners of equal score? Only where bands are known and learners agreed.

Pure. Nothing is said below FEWEST learners in each of two bands: on a handful of people chance names questions.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from shuyuan.learning.assessment.interface import Favour
from shuyuan.learning.people.interface import Learner
from shuyuan.learning.records.interface import Response
from shuyuan.science.testing import irt

FEWEST = 50  # learners of each group
_UNKNOWN = "unknown"


def favours(
    learners: Sequence[Learner], answers: Sequence[Response], items: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, tuple[Favour, ...]]]:
    """(the groups that could be compared, item id → what favours whom). Groups: empty where they cannot be."""
    agreed = {one.id: one.age_band for one in learners if one.age_band != _UNKNOWN and "improvement" in one.consent}
    answered = {one.learner_id for one in answers}
    sizes = Counter(band for who, band in agreed.items() if who in answered)
    groups = tuple(band for band, n in sizes.most_common() if n >= FEWEST)
    if len(groups) < 2:
        return (), {}
    found: dict[str, list[Favour]] = defaultdict(list)
    for group in groups[1:]:  # each against the largest
        people = [who for who, band in agreed.items() if who in answered and band in (groups[0], group)]
        for item, told in _compared(people, [agreed[who] == group for who in people], answers, items).items():
            found[item].append(Favour(group, told.delta < 0, "C" if told.size == "C" else "B"))
    return groups, {item: tuple(all_of) for item, all_of in found.items()}


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
    return {items[int(place)]: dif for place, dif in pairs if dif is not None and dif.size != "A"}
