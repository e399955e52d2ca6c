"""Attempts, answers, assignments, papers, adaptive tests, item analysis: the only file others import."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.learning.courses.interface import Answer, Question, Verdict, html
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import Mastery

AttemptKind = Literal["practice", "review", "test"]
CALIBRATING = "item bank"  # what `ItemBank.calibrate` is called while somebody is at it


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
    adaptive_id: str | None = None  # the adaptive test it sits: its slots grow one by one


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


Share = tuple[float, float, float]  # low, likeliest, high: nine in ten times the true value lies between
Telling = Literal["well", "somewhat", "hardly", "wrongly", "unknown"]
Fit = Literal["well", "noisy", "too regular", "unknown"]
Hard = Literal["very easy", "easy", "medium", "hard", "very hard", "unknown"]
Flag = Literal[
    "check the key",
    "the strong choose another",
    "too easy to tell",
    "hard for everybody",
    "a choice nobody takes",
    "answers look like chance",
]


@dataclass(frozen=True)
class AdaptiveTest:
    """A test that chooses each next question by the answers before it. error: the standard error that is enough."""

    id: str
    school_id: str
    class_id: str
    teacher_id: str
    course_id: str
    point_ids: tuple[str, ...]
    learner_ids: tuple[str, ...]
    least: int
    most: int
    each: int
    error: float | None
    questions: int  # in its bank
    due_at: datetime | None
    created_at: datetime
    undone_at: datetime | None
    attempts: Mapping[str, str] = field(default_factory=dict)  # learner id → attempt id, of those who began


@dataclass(frozen=True)
class PointResult:
    """One topic of an adaptive test. share: of its questions the learner would get right; None: not asked."""

    point_id: str
    asked: int
    right: int
    share: Share | None


@dataclass(frozen=True)
class AdaptiveResult:
    """How one learner stands. share: of all questions of the test they would get right; ability and error: on the scale
    of the school's learners, mean 0, deviation 1."""

    learner_id: str
    attempt_id: str | None
    state: Literal["waiting", "working", "done"]
    asked: int
    right: int
    ability: float
    error: float
    share: Share | None
    sure: Literal["sure", "fairly sure", "a first idea"]
    ended: str | None  # why it ended by itself: sure enough, full length, bank empty
    points: tuple[PointResult, ...]


@dataclass(frozen=True)
class Chosen:
    """One choice of a question, or one known mistake in a written answer, and who took it. choice "": the right answer
    of a written one; "?": wrong in no known way."""

    choice: str
    correct: bool
    misconception: str | None
    times: int
    by_strong: int  # of them from the stronger half
    answers: int

    @property
    def share(self) -> float:
        """Of all answers."""
        return self.times / self.answers if self.answers else 0.0


@dataclass(frozen=True)
class Favour:
    """A question that one group gets right more often than another of equal score. size: B moderate, C large."""

    group: str
    harder: bool  # for that group
    size: Literal["B", "C"]


@dataclass(frozen=True)
class ItemAnalysis:
    """What the answers say of one question. fitted: the numbers come from answers, else from the author.

    infit, outfit: near 1 where the model holds.  rest: correlation with what the same learners get right elsewhere."""

    item_id: str
    answers: int
    share_right: float | None
    hard: Hard
    telling: Telling
    fit: Fit
    guess: float | None  # share right among the weakest third
    by_chance: float  # share right by picking blindly
    b: float | None
    error_b: float | None
    a: float | None
    error_a: float | None
    fitted: bool
    chosen: tuple[Chosen, ...]
    flags: tuple[Flag, ...]
    favours: tuple[Favour, ...] = ()
    infit: float | None = None
    outfit: float | None = None
    rest: float | None = None


@dataclass(frozen=True)
class Calibrated:
    """When the question numbers of a course were last fitted, on what."""

    course_id: str
    at: datetime
    learners: int
    answers: int
    items: int
    fitted: int


@dataclass(frozen=True)
class CourseAnalysis:
    """The questions of a course as the answers of the caller's learners show them, flagged ones first. groups: those
    that could be compared; empty: too few learners are known to belong to one and agreed.  compared: questions on which
    a large favour would show; on the others too few learners of equal score met."""

    calibrated: Calibrated | None
    items: tuple[ItemAnalysis, ...]
    groups: tuple[str, ...]
    compared: int = 0


class ItemBank(Protocol):
    """The numbers of a school's questions, and what they mean to a teacher."""

    def calibrate(self, school_id: str) -> list[Calibrated]:
        """Fit every course on the answers of learners who agreed to improvement. For background work."""
        ...

    def calibrate_if_due(self, school_id: str) -> list[Calibrated]:
        """The same outside school hours and exams, when enough was answered since the last time."""
        ...

    def last(self, principal: Principal) -> datetime | None:
        """When the numbers of a course of the school were last fitted; None: never."""
        ...

    def analysis(self, principal: Principal, course_id: str, *, point_id: str | None = None) -> CourseAnalysis: ...


class Assessment(Protocol):
    """Start, answer, close; set practice and adaptive tests; make papers."""

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

    def choose_for(
        self,
        school_id: str,
        learner_id: str,
        *,
        course_id: str,
        point_id: str,
        count: int,
        answers: Sequence[Response],
        predictions: Callable[[Mapping[str, Sequence[str]]], Mapping[str, float]],
    ) -> tuple[str, ...]:
        """`choose` for whoever has the newest answers (newest first) and the predictions at hand: nothing is read."""
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
    def open_for(self, conn: Connection, principal: Principal, learner_id: str) -> list[Assignment]:
        """`assigned_to` less what is done, in an open read. Whether the caller may see the learner is theirs to ask."""
        ...

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

    def set_test(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_ids: Sequence[str],
        least: int = 5,
        most: int = 16,
        each: int = 1,
        error: float | None = 0.4,
        due_at: datetime | None = None,
    ) -> AdaptiveTest:
        """An adaptive test on points of a course: of the questions whose first point is chosen, the one a question is
        about. Raises BadInput when they cannot hold it."""
        ...

    def test_stock(self, principal: Principal, course_id: str) -> Mapping[str, int]:
        """Point id → how many questions a test on it could ask; every point of the course."""
        ...

    def tests(self, principal: Principal, class_id: str) -> list[AdaptiveTest]:
        """Those of a class, newest first, taken-back ones too."""
        ...

    def tests_for(self, principal: Principal, learner_id: str) -> list[AdaptiveTest]:
        """What this learner may still sit or has sat, newest first."""
        ...

    def test(self, principal: Principal, test_id: str) -> AdaptiveTest: ...
    def start_test(self, principal: Principal, test_id: str) -> Attempt:
        """The caller's sitting: a new one, or the one already begun, its next question chosen."""
        ...

    def next_of_test(self, principal: Principal, attempt_id: str) -> str | None:
        """The question that waits for an answer; chosen now if none does, None when the test is over."""
        ...

    def undo_test(self, principal: Principal, test_id: str) -> AdaptiveTest: ...
    def results(self, principal: Principal, test_id: str) -> list[AdaptiveResult]:
        """Every learner of a test as they stand now: for its teacher."""
        ...

    def result(self, principal: Principal, attempt_id: str) -> AdaptiveResult:
        """One sitting: for the learner once it is over, for the teacher at any time."""
        ...
