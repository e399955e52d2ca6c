"""Reports for teachers: who needs help, on what evidence. The only file of insight that other modules import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal
from shuyuan.learning.people.interface import Learner
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import Mastery


@dataclass(frozen=True)
class Need:
    """A learner who is stuck on a point, with the very answers that say so."""

    learner: Learner
    right: int
    answers: int
    evidence: tuple[Response, ...]  # newest wrong answers, at most three
    misconception: str | None


@dataclass(frozen=True)
class ClassToday:
    """The teacher's Today for one class and course. `point_id` is the point most pupils are stuck on."""

    class_id: str
    course_id: str
    point_id: str | None
    size: int
    stuck: tuple[Need, ...]
    too_little_evidence: tuple[tuple[Learner, int], ...]  # (learner, answers so far)
    ready: int
    shared_misconception: str | None
    shared_by: int


@dataclass(frozen=True)
class ClassMap:
    """Learners × points, learners sorted by need."""

    points: tuple[str, ...]
    rows: tuple[tuple[Learner, Mapping[str, Mastery]], ...]
    percent_correct: Mapping[str, float | None]  # point id → share correct of all answers, None without answers


@dataclass(frozen=True)
class Reason:
    """Why a learner needs help, counted. stuck: `right` of `answers` on a point.  mistake: the same one `answers` times
    lately.  slipping: `right` of the last `answers`, `before` of as many before.  faded: `answers` solid points past
    their review, the most faded first.  silent: `days` without an answer, None: none ever."""

    kind: Literal["stuck", "mistake", "slipping", "faded", "silent"]
    point_id: str | None
    right: int
    answers: int
    before: int = 0
    days: int | None = None
    misconception: str | None = None
    evidence: tuple[Response, ...] = ()  # newest first, at most three


@dataclass(frozen=True)
class Help:
    """A learner with every reason why they need help."""

    learner: Learner
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ClassMistake:
    """A known mistake in a class: where it shows most, who makes it, and an example each of different learners."""

    misconception: str
    point_id: str
    learners: tuple[Learner, ...]
    times: int
    examples: tuple[Response, ...]


class Insight(Protocol):
    """Evidence for teachers."""

    def today(self, principal: Principal, class_id: str, course_id: str) -> ClassToday: ...
    def class_map(self, principal: Principal, class_id: str, course_id: str) -> ClassMap: ...
    def help(self, principal: Principal, class_id: str, course_id: str) -> tuple[Help, ...]:
        """Who needs help and why, most in need first."""
        ...

    def mistakes(self, principal: Principal, class_id: str, course_id: str) -> tuple[ClassMistake, ...]:
        """The known mistakes of the last weeks, of the most learners first."""
        ...

    def answers(
        self, principal: Principal, class_id: str, point_id: str, learner_ids: Sequence[str] | None = None
    ) -> list[Response]: ...
    def responses(self, principal: Principal, learner_id: str, *, limit: int = 200) -> list[Response]:
        """One learner's answers, newest first: for themselves and their teachers."""
        ...
