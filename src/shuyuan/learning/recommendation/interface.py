"""What to do next, with the reason in words: the only file of recommendation that other modules import."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal

ActivityKind = Literal["practice", "review", "lesson", "mistakes", "assignment"]
FORETELLING = "outlooks"  # what `Outlooks.renew` is called while somebody is at it


@dataclass(frozen=True)
class Activity:
    """One thing to do: items ready to start, minutes, and why, in words for the learner."""

    kind: ActivityKind
    course_id: str
    point_id: str | None
    lesson_id: str | None
    assignment_id: str | None
    item_ids: tuple[str, ...]
    minutes: int
    title: Mapping[str, str]  # language → words
    reason: Mapping[str, str]
    leads_to: str | None = None  # point id that this opens up


@dataclass(frozen=True)
class Mistake:
    """An item whose last answer was wrong. due: it is time to redo it."""

    item_id: str
    point_id: str
    seed: int
    answer: str
    misconception: str | None
    at: datetime
    times_wrong: int
    due: bool


class Recommendation(Protocol):
    """Next activities and the mistakes notebook."""

    def next(self, principal: Principal, learner_id: str, *, limit: int = 3) -> list[Activity]:
        """Best first; never empty while the learner's courses hold an item."""
        ...

    def mistakes(self, principal: Principal, learner_id: str) -> list[Mistake]: ...

    def facts(self, principal: Principal, learner_id: str) -> Mapping[str, float]:
        """What is derived from answers for this learner's profile (`behaviour.FACTS`), disputed facts too; empty
        without a purpose agreed to, or with too few answers."""
        ...


@dataclass(frozen=True)
class Foretold:
    """One attitude or goal that is to be expected. head: "keeps_at_it", "tries_again" or "goal:<goal>"."""

    head: str
    chance: float
    title: Mapping[str, str]
    evidence: tuple[Mapping[str, str], ...]  # strongest first, in words


@dataclass(frozen=True)
class Expectation:
    """What is to be expected of a learner, until `expires_at`. learners: how many stand behind the model.

    version: the catalogue's name of the model, which has its card and how well it did; empty: not known.
    """

    learner_id: str
    foretold: tuple[Foretold, ...]
    learners: int
    made_at: datetime
    expires_at: datetime
    version: str = ""


@dataclass(frozen=True)
class NoOutlook:
    """Why nothing is foretold of a learner who agreed to it: the first that holds, as a teacher is told.

    set_aside: a teacher disagreed. few_answers: a model serves, this learner answered too little of late; soon: it is
    still to be made. few_learners: so many of those it takes agreed that their results count. no_parts: torch is not
    installed. refused: the newest version did not pass its check, then. not_fitted: none was made yet.
    """

    why: Literal["set_aside", "few_answers", "soon", "few_learners", "no_parts", "refused", "not_fitted"]
    learners: int = 0
    wanted: int = 0
    version: str = ""
    at: datetime | None = None


class Outlooks(Protocol):
    """Predicted attitude and goals: for teachers only, with evidence, for a time, and only where agreed to."""

    def of(self, principal: Principal, learner_id: str) -> Expectation | None:
        """None: not agreed to, nothing foretold, run out or dismissed. Raises Forbidden for pupils."""
        ...

    def why_not(self, principal: Principal, learner_id: str) -> NoOutlook | None:
        """The true reason why `of` tells nothing; None where it tells something, or the learner did not agree."""
        ...

    def dismiss(self, principal: Principal, learner_id: str) -> None:
        """The teacher disagrees: gone, and not made again before it would have run out."""
        ...

    def chances(self, principal: Principal, learner_id: str) -> Mapping[str, float]:
        """head → chance, to rank courses by and not to be shown: for learners who agreed to both uses; else empty."""
        ...

    def renew(self, school_id: str, *, learn: bool = True, strict: bool = False) -> int:
        """Make a new version of the model where it is time and enough learners agreed, foretell for those who agreed;
        how many were foretold. learn: False leaves the model as it is. strict: what kept a version from being made is
        raised at the end (Unavailable); else it is logged, and tried again the next time."""
        ...


@dataclass(frozen=True)
class CourseAdvice:
    """A course in its place. taken: by the class. reason: why it is there, in words; empty in the plain order."""

    course_id: str
    title: Mapping[str, str]
    taken: bool
    reason: Mapping[str, str]


@dataclass(frozen=True)
class CourseRanking:
    """Courses for a learner. ranked: False is the plain order of the class. agreed: to suggestions; then the learner
    turned the order off. by: how nearness to what was stated was found."""

    ranked: bool
    agreed: bool
    by: Literal["meaning", "words"] | None
    courses: tuple[CourseAdvice, ...]


class Advising(Protocol):
    """Courses for a learner, in an order that is told."""

    async def ranking(self, principal: Principal, learner_id: str) -> CourseRanking:
        """Every course of the class and of the school: best first where agreed to, else in the plain order."""
        ...
