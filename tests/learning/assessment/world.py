"""A small school to answer questions in: two classes, one course whose right answers are known."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import audit, crypto, db, errors, ids, outbox
from shuyuan.learning.assessment.interface import Answered, Attempt
from shuyuan.learning.assessment.service import AssessmentService
from shuyuan.learning.courses.interface import (
    Choice,
    Course,
    Item,
    Key,
    Lesson,
    Misconception,
    NumericItem,
    Point,
    PointGraph,
    Question,
    SingleItem,
    Text,
    Unit,
    Verdict,
    Wrong,
)
from shuyuan.learning.insight.service import InsightService
from shuyuan.learning.people.interface import Class, Learner, Place
from shuyuan.learning.recommendation.service import RecommendationService
from shuyuan.learning.records.service import RecordsService
from shuyuan.learning.tracing.service import TracingService

COURSE = "algebra"
A, B, C = "algebra.a", "algebra.b", "algebra.c"  # b rests on a, c on b
SLIP = "algebra.sign-slip"
ITEMS_OF_POINT = 12


def item(point: str, number: int) -> Item:
    """Odd ones are choices, even ones numbers; "right" is choice r or 7, and -7 shows the slip."""
    name = f"{point}-{number:02d}"
    common: dict[str, Any] = {
        "id": name,
        "points": (point,),
        "prompt": Text(zh="题", en="question"),
        "minutes": 2,
        "hints": (Text(zh="提示一", en="first hint"), Text(zh="提示二", en="second hint")),
        "explanation": Text(zh="因为", en="because"),
    }
    if number % 2:
        choices = (
            Choice(id="r", text=Text(zh="对", en="yes"), correct=True),
            Choice(id="w", text=Text(zh="错", en="no"), misconception=SLIP if number % 4 == 1 else None),
        )
        return SingleItem(choices=choices, **common)
    return NumericItem(answer="7", wrong=(Wrong(answer=Text(zh="-7", en="-7"), misconception=SLIP),), **common)


def make_course() -> Course:
    points = (
        Point(id=A, name=Text(zh="甲", en="Alpha")),
        Point(id=B, name=Text(zh="乙", en="Beta"), requires=(A,)),
        Point(id=C, name=Text(zh="丙", en="Gamma"), requires=(B,)),
    )
    lessons = tuple(
        Lesson(id=f"algebra.l{at}", title=Text(zh=f"第{at}课", en=f"Lesson {at}"), minutes=15, points=(point.id,))
        for at, point in enumerate(points, 1)
    )
    return Course(
        id=COURSE,
        version=1,
        title=Text(zh="代数", en="Algebra"),
        subject="mathematics",
        licence="Apache-2.0",
        misconceptions=(Misconception(id=SLIP, name=Text(zh="漏变号", en="a sign slip")),),
        points=points,
        units=(Unit(id="algebra.u1", title=Text(zh="单元", en="Unit"), lessons=lessons),),
    )


class FakeCourses:
    """One course, the same in every school."""

    def __init__(self) -> None:
        self.made = make_course()
        made = [item(point.id, at) for point in self.made.points for at in range(ITEMS_OF_POINT)]
        self.items = {one.id: one for one in made}
        self.retired: set[str] = set()  # kept for answers of before, asked no more
        self.loaded: list[str] = []

    def courses(self, school_id: str) -> tuple[Any, ...]:
        return ()

    def course(self, school_id: str, course_id: str) -> Course:
        if course_id != COURSE:
            raise errors.NotFound(f"no course {course_id}")
        return self.made

    def lesson(self, school_id: str, lesson_id: str) -> Lesson:
        return next(one for one in self.made.lessons if one.id == lesson_id)

    def graph(self, school_id: str, course_id: str) -> PointGraph:
        return PointGraph(course_id=course_id, points=self.course(school_id, course_id).points)

    def items_of_point(self, school_id: str, point_id: str) -> tuple[str, ...]:
        there = (name for name, one in self.items.items() if point_id in one.points)
        return tuple(name for name in there if name not in self.retired)

    def item(self, school_id: str, item_id: str) -> Item:
        if item_id not in self.items:
            raise errors.NotFound(f"no item {item_id}")
        return self.items[item_id]

    def question(self, school_id: str, item_id: str, seed: int, language: Any) -> Question:
        one = self.item(school_id, item_id)
        return Question(
            item_id=item_id,
            course_id=COURSE,
            kind=one.kind,
            seed=seed,
            language=language,
            points=one.points,
            prompt=one.prompt.of(language),
            hint_count=len(one.hints),
            hints=tuple(h.of(language) for h in one.hints),
            explanation=one.explanation.of(language),
        ).with_key(Key(answer="r" if one.kind == "single" else "7", says=("7",)))

    def grade(self, school_id: str, item_id: str, seed: int, answer: Any) -> Verdict:
        self.item(school_id, item_id)
        if answer == "?":
            return Verdict(correct=False, malformed=True, reason=Text(zh="看不懂", en="cannot read that"))
        slipped = answer == "-7" or (answer == "w" and int(item_id[-2:]) % 4 == 1)
        return Verdict(correct=answer in ("r", "7"), misconception=SLIP if slipped else None, normalised=str(answer))

    def load(self, school_id: str, content: Any, *, by: str) -> bool:
        return False


@dataclass
class FakePeople:
    """Classes and who teaches them."""

    classes_: dict[str, Class] = field(default_factory=dict)
    pupils: dict[str, Learner] = field(default_factory=dict)
    agreed: dict[str, set[str]] = field(default_factory=dict)  # learner → purposes of the profile

    def classes(self, principal: Principal) -> list[Class]:
        return [one for one in self.classes_.values() if self._sees(principal, one)]

    def class_(self, principal: Principal, class_id: str) -> Class:
        found = self.classes_.get(class_id)
        if found is None or not self._sees(principal, found):
            raise errors.NotFound(f"no class {class_id}")
        return found

    def learners(self, principal: Principal, class_id: str) -> list[Learner]:
        self.class_(principal, class_id)
        return [one for one in self.pupils.values() if one.class_id == class_id]

    def learner(self, principal: Principal, learner_id: str) -> Learner:
        found = self.pupils.get(learner_id)
        if found is None:
            raise errors.NotFound(f"no learner {learner_id}")
        if principal.role == "student" and learner_id != principal.account_id:
            raise errors.NotFound(f"no learner {learner_id}")
        self.class_(principal, found.class_id)
        return found

    def place(self, conn: Any, principal: Principal, learner_id: str) -> Place:
        course_ids = self.class_(principal, self.learner(principal, learner_id).class_id).course_ids
        return Place(course_ids, frozenset(self.agreed.get(learner_id, ())))

    def _sees(self, principal: Principal, one: Class) -> bool:
        if one.school_id != principal.school_id:
            return False
        return principal.role == "admin" or one.id in principal.groups


class World:
    """Services over a real database, with a clock that the test moves."""

    def __init__(self, database: db.Database, vault: crypto.Vault) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
        self.database, self.people, self.courses = database, FakePeople(), FakeCourses()
        self.audit, self.outbox = audit.Audit(vault), outbox.Outbox(database)
        people: Any = self.people
        courses: Any = self.courses
        self.records = RecordsService(database, vault, self.outbox)
        self.tracing = TracingService(database, self.records, clock=self.clock)
        self.assessment = AssessmentService(
            database, self.audit, people, courses, self.records, self.tracing, clock=self.clock
        )
        self.recommendation = RecommendationService(
            database, people, courses, self.records, self.tracing, self.assessment, clock=self.clock
        )
        self.insight = InsightService(people, courses, self.records, self.tracing, clock=self.clock)
        self.school, self.other_school = ids.new_id(), ids.new_id()
        self.class_id, self.other_class = self._class(self.school), self._class(self.school)
        self.pupils = [self._pupil(self.class_id, number) for number in range(6)]
        self.teacher = self._who("teacher", ids.new_id(), self.class_id)
        self.other_teacher = self._who("teacher", ids.new_id(), self.other_class)
        self.stranger = Principal(ids.new_id(), self.other_school, "admin")

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=7)
        return self.now

    def later(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def start(self, pupil: Principal, items: list[str] | None = None, kind: Any = "practice") -> Attempt:
        return self.assessment.start(pupil, kind=kind, course_id=COURSE, item_ids=items or [f"{A}-00", f"{A}-01"])

    def answer(self, pupil: Principal, attempt_id: str, item_id: str, right: bool, key: str = "") -> Answered:
        return self.assessment.answer(
            pupil, attempt_id, item_id, given(item_id, right), client_key=key or ids.new_id(), seconds=12.5
        )

    def practise(self, pupil: Principal, point: str, marks: str) -> list[Answered]:
        """One sitting a dozen items; "+" is a right answer, "-" a wrong one."""
        told = []
        for begin in range(0, len(marks), ITEMS_OF_POINT):
            some = marks[begin : begin + ITEMS_OF_POINT]
            items = [f"{point}-{at:02d}" for at in range(len(some))]
            attempt = self.start(pupil, items)
            told += [self.answer(pupil, attempt.id, one, mark == "+") for one, mark in zip(items, some, strict=True)]
            self.assessment.close_attempt(pupil, attempt.id)
        return told

    def _class(self, school_id: str) -> str:
        made = Class(ids.new_id(), school_id, "七(1)班", ids.new_id()[-6:], (COURSE,), False)
        self.people.classes_[made.id] = made
        return made.id

    def _pupil(self, class_id: str, number: int) -> Principal:
        who = self._who("student", ids.new_id(), class_id)
        self.people.pupils[who.account_id] = Learner(
            who.account_id, who.school_id, class_id, f"{number:02d}", f"学生{number}", "13_15", True
        )
        return who

    def _who(self, role: Role, account_id: str, class_id: str) -> Principal:
        return Principal(account_id, self.school, role, groups=frozenset({class_id}), language="en")


def given(item_id: str, right: bool) -> str:
    """What to send for a right or a wrong answer."""
    if int(item_id[-2:]) % 2:
        return "r" if right else "w"
    return "7" if right else "-7"
