"""What simulated pupils say of themselves and agreed to; six say nothing. Planted: who likes making things wants to get
ahead, who likes music wants to enjoy it. Four state no goal, so that there is one to foretell.
"""

from collections.abc import Mapping

from shuyuan.demo import pupils
from shuyuan.kernel import db
from shuyuan.learning.people.interface import Pace, ProfilePurpose, Profiles, Stated

SILENT_NUMBERS = pupils.LATE_NUMBERS | {pupils.NO_CONSENT_NUMBER, 32}
NO_GOAL_NUMBERS = frozenset({1, 2, 7, 16})
OTHERWISE_NUMBERS = frozenset({12, 23})  # want what the others of their kind do not
NO_SUGGESTIONS_NUMBERS = frozenset({4, 19})
ALL: frozenset[ProfilePurpose] = frozenset({"suggestions", "outlook", "peers"})


def stated(number: int) -> Stated:
    """The profile of the pupil with this number."""
    makes = number % 2 == 0
    ahead = makes != (number in OTHERWISE_NUMBERS)
    pace: Pace = "short" if number % 3 else "normal"
    return Stated(
        interests=("computing", "making") if makes else ("music", "languages"),
        education="lower_secondary",
        pace=pace,
        style="questions" if makes else "examples",
        goals=() if number in NO_GOAL_NUMBERS else ("get_ahead",) if ahead else ("enjoy",),
        own_words="我想知道大模型是怎么写字的。" if number == 1 else "",
    )


def write(uow: db.UnitOfWork, profiles: Profiles, school_id: str, learners: Mapping[int, str]) -> None:
    """Profile and agreement of every pupil who is not silent. learners: number → learner id."""
    for number, learner_id in learners.items():
        if number not in SILENT_NUMBERS:
            agreed = ALL - {"suggestions"} if number in NO_SUGGESTIONS_NUMBERS else ALL
            profiles.write_down(
                uow, school_id=school_id, learner_id=learner_id, stated=stated(number), purposes=agreed, by=learner_id
            )
