"""What to do next, with the reason in words: the only file of recommendation that other modules import."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal

ActivityKind = Literal["practice", "review", "lesson", "mistakes", "assignment"]


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
