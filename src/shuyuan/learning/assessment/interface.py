"""Attempts, answers, assignments, personal papers: the only file of assessment that other modules import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal
from shuyuan.learning.courses.interface import Answer, Question, Verdict, html
from shuyuan.learning.tracing.interface import Mastery

AttemptKind = Literal["practice", "review", "test"]


@dataclass(frozen=True)
class Slot:
    """One question of an attempt: the item, its seed, and how it stands."""

    item_id: str
    seed: int
    state: Literal["open", "right", "wrong"]
    tries: int
    hints_used: int


@dataclass(frozen=True)
class Attempt:
    """A learner's sitting of some items. A test shows no verdict and no hint until it is closed."""

    id: str
    school_id: str
    learner_id: str
    kind: AttemptKind
    course_id: str
    title_point_id: str | None
    slots: tuple[Slot, ...]
    assignment_id: str | None
    started_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Answered:
    """What the learner is told. `saved` is True only when the response is durable. In a test, verdict is None
    and nothing of right or wrong is told. `moved` holds the points whose shown level changed, before and after."""

    attempt_id: str
    item_id: str
    saved: bool
    duplicate: bool
    verdict: Verdict | None
    explanation: str | None  # Markdown in the caller's language; None: not yet, or none written
    before: Mapping[str, Mastery]
    after: Mapping[str, Mastery]
    next_item_id: str | None

    @property
    def explanation_html(self) -> str | None:
        """The explanation as sanitised HTML, rendered when asked for."""
        return None if self.explanation is None else html(self.explanation)


@dataclass(frozen=True)
class Preview:
    """What an assignment or paper would hold, per learner, before anything is sent."""

    learner_id: str
    item_ids: tuple[str, ...]
    minutes: int
    reason: Mapping[str, str]  # language → words


@dataclass(frozen=True)
class Assignment:
    """Practice set by a teacher for named learners. undone_at: taken back."""

    id: str
    school_id: str
    teacher_id: str
    course_id: str
    point_id: str
    learner_ids: tuple[str, ...]
    due_at: datetime | None
    created_at: datetime
    undone_at: datetime | None
    done_by: tuple[str, ...] = ()
    started_by: tuple[str, ...] = ()  # their work is kept when the assignment is taken back
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # learner id → the questions they were given


@dataclass(frozen=True)
class Paper:
    """A personal paper: the questions of one learner, with key, ready to be printed."""

    learner_id: str
    title: Mapping[str, str]
    questions: tuple[Question, ...]
    code: str  # short code printed as QR on the answer sheet


class Assessment(Protocol):
    """Start, answer, close; set practice; make papers."""

    def start(
        self,
        principal: Principal,
        *,
        kind: AttemptKind,
        course_id: str,
        item_ids: Sequence[str],
        point_id: str | None = None,
        assignment_id: str | None = None,
        learner_id: str | None = None,
    ) -> Attempt: ...
    def attempt(self, principal: Principal, attempt_id: str) -> Attempt: ...
    def open_attempt(self, principal: Principal, learner_id: str) -> Attempt | None: ...
    def question(self, principal: Principal, attempt_id: str, item_id: str) -> Question: ...
    def answer(
        self,
        principal: Principal,
        attempt_id: str,
        item_id: str,
        answer: Answer,
        *,
        client_key: str,
        seconds: float | None = None,
    ) -> Answered: ...
    def hint(self, principal: Principal, attempt_id: str, item_id: str) -> tuple[int, Mapping[str, str]]:
        """Open the next hint of the ladder: (number from 1, language → Markdown). NotFound when none is left."""
        ...

    def close_attempt(self, principal: Principal, attempt_id: str) -> Attempt:
        """Hand in. (Not `close`: that is how the composer ends a part.)"""
        ...

    def choose(
        self, principal: Principal, learner_id: str, *, course_id: str, point_id: str, count: int
    ) -> tuple[str, ...]:
        """The items of a point that fit this learner now: what was just answered comes last."""
        ...

    def in_test(self, learner_id: str) -> bool:
        """Whether the learner sits an open test now (the tutor is off then)."""
        ...

    def preview(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int = 6,
    ) -> list[Preview]: ...
    def assign(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int = 6,
        due_at: datetime | None = None,
    ) -> Assignment: ...
    def undo(self, principal: Principal, assignment_id: str) -> Assignment: ...
    def assignments(self, principal: Principal, *, class_id: str | None = None) -> list[Assignment]: ...
    def assigned_to(self, principal: Principal, learner_id: str) -> list[Assignment]: ...
    def start_assignment(self, principal: Principal, assignment_id: str) -> Attempt: ...
    def papers(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int = 8,
    ) -> list[Paper]: ...
