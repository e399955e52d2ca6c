"""Made-up services behind the pages, of the interfaces' own types: for looking at pages without a database."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from shuyuan.identity.interface import Account, Principal, School
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import Answered, Assignment, Attempt, Paper, Preview, Slot
from shuyuan.learning.courses.interface import (
    Course,
    CourseSummary,
    Key,
    Lesson,
    Misconception,
    Passage,
    Point,
    PointGraph,
    Question,
    QuestionChoice,
    Text,
    Unit,
    Verdict,
)
from shuyuan.learning.insight.interface import ClassMap, ClassToday, Need
from shuyuan.learning.people.interface import Class, Learner
from shuyuan.learning.recommendation.interface import Activity, Mistake
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.learning.tutor.interface import Source, Standing, Turn

SCHOOL = School("school", "示范中学", True)
NOW = datetime.now(UTC).replace(microsecond=0)
COURSE = "algebra"
NAMES = "宇禾枫满茶星寒画雪纸原松麦墨舟竹溪岚棠砚笛鹿桥灯晴禾苗远帆青石泉"
TOPICS: dict[str, list[tuple[str, str, str]]] = {
    "有理数|Rational numbers": [
        ("signed", "正数和负数", "Signed numbers"),
        ("line", "数轴", "Number line"),
        ("abs", "绝对值", "Absolute value"),
        ("addsub", "加减法", "Add and subtract"),
        ("muldiv", "乘除法", "Multiply, divide"),
        ("powers", "乘方", "Powers"),
    ],
    "整式的加减|Expressions": [
        ("letters", "用字母表示数", "Letters for numbers"),
        ("terms", "单项式与多项式的次数和系数", "Terms and polynomials"),
        ("like", "同类项", "Like terms"),
        ("brackets", "去括号", "Removing brackets"),
        ("adding", "整式加减", "Add expressions"),
    ],
    "一元一次方程|Linear equations": [
        ("balance", "等式的性质", "Balancing equations"),
        ("moving", "移项", "Moving terms"),
        ("eqbr", "含括号的方程", "Equations with brackets in them"),
        ("frac", "含分母的方程", "With fractions"),
        ("word", "列方程解应用题", "Word problems"),
    ],
    "几何图形初步|First geometry": [
        ("points", "点、线、面", "Points and lines"),
        ("seg", "线段的长短", "Segments"),
        ("angle", "角", "Angles"),
    ],
}
LEVELS = dict(
    zip(
        [
            "signed",
            "line",
            "abs",
            "addsub",
            "muldiv",
            "powers",
            "letters",
            "terms",
            "like",
            "brackets",
            "adding",
            "balance",
            "moving",
            "eqbr",
            "frac",
            "word",
        ],
        [5, 5, 4, 4, 4, 3, 5, 3, 4, 1, 2, 3, 2, 1, 0, 0],
        strict=True,
    )
)
PROMPTS = {
    "single": ("化简：$3x-2(x-4)$", "Simplify $3x-2(x-4)$"),
    "multiple": ("下面哪些与 $a-(b-c)$ 相等？", "Which of these equal $a-(b-c)$?"),
    "expression": ("化简 $5(2m-1)-3(m-4)$", "Simplify $5(2m-1)-3(m-4)$"),
    "numeric": (
        "一个长方形长 $6$ cm，宽是长的三分之二，周长是多少？",
        "A rectangle is $6$ cm long; its width is two thirds of that. What is its perimeter?",
    ),
}
CHOICES = (("a", "$x+8$"), ("b", "$x-8$"), ("c", "$x-4$"), ("d", "$5x-8$"))
HINTS = {
    "zh": (
        "括号前是 $-2$，不是 $2$。先把它和括号里的每一项分别相乘。",
        "算一算：$-2\\times(-4)$ 是正还是负？",
        "$5y-3(y-1)=5y-3y+3=2y+3$",
    ),
    "en": (
        "The factor is $-2$, not $2$. Multiply it with each term inside.",
        "Work out $-2\\times(-4)$: positive or negative?",
        "$5y-3(y-1)=5y-3y+3=2y+3$",
    ),
}


def text(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


def course() -> Course:
    """Four units, one lesson each."""
    points, units, before = (
        [],
        [],
        {"brackets": ("like", "muldiv"), "moving": ("balance", "addsub"), "eqbr": ("moving", "brackets")},
    )
    for number, (title, topics) in enumerate(TOPICS.items(), 1):
        zh, en = title.split("|")
        for index, (slug, name_zh, name_en) in enumerate(topics):
            usual = (topics[index - 1][0],) if index else ()
            requires = tuple(f"{COURSE}.{one}" for one in before.get(slug, usual))
            points.append(
                Point(
                    id=f"{COURSE}.{slug}",
                    name=text(name_zh, name_en),
                    requires=requires,
                    summary=text("先会读，再会写。", "Read it first, then write it."),
                )
            )
        passages = (
            Passage(
                id=f"{COURSE}.why{number}",
                title=text("为什么要学它", "Why it matters"),
                text=text(
                    "括号前是负号时，把它看成 $-1$ 去乘**每一项**。\n\n$$-(2a-5)=-2a+5$$\n\n- 第一项变号\n- 第二项也变号",
                    "A minus in front is $-1$ times **every term**.\n\n$$-(2a-5)=-2a+5$$\n\n- the first sign flips\n- so does the second",
                ),
            ),
            Passage(
                id=f"{COURSE}.how{number}",
                title=text("一步一步来", "Step by step"),
                text=text("先乘，再合并同类项。", "Multiply first, then collect like terms."),
            ),
        )
        lessons = (
            Lesson(
                id=f"{COURSE}.l{number}",
                title=text(zh, en),
                minutes=20,
                passages=passages,
                points=tuple(f"{COURSE}.{slug}" for slug, _, _ in topics),
            ),
        )
        units.append(Unit(id=f"{COURSE}.u{number}", title=text(f"{number} {zh}", f"{number} {en}"), lessons=lessons))
    return Course(
        id=COURSE,
        version=1,
        title=text("七年级数学上", "Maths, Year 7 autumn"),
        subject="mathematics",
        licence="Apache-2.0",
        summary=text("从有理数到方程。", "From rational numbers to equations."),
        authors=("Shuyuan founders",),
        misconceptions=(
            Misconception(
                id="sign",
                name=text("只变了第一项的符号", "only the first sign was changed"),
                advice=text("把负号当作乘 −1。", "Read the minus as times −1."),
            ),
        ),
        points=tuple(points),
        units=tuple(units),
    )


def question(item_id: str, language: str) -> Question:
    kind = item_id.rpartition("-")[2] if item_id.rpartition("-")[2] in PROMPTS else "single"
    zh, en = PROMPTS[kind]
    prompt = zh if language == "zh" else en
    choices = tuple(QuestionChoice(id=i, text=t) for i, t in CHOICES) if kind in ("single", "multiple") else ()
    return Question(
        item_id=item_id,
        course_id=COURSE,
        kind=kind,
        seed=1,
        language=language,
        points=(f"{COURSE}.brackets",),
        prompt=prompt,
        choices=choices,
        unit="cm" if kind == "numeric" else "",
        variables=("m",),
        hint_count=3,
        passage=f"{COURSE}.why2",
        hints=HINTS[language],
        explanation="$3x-2x+8=x+8$",
    ).with_key(Key(answer="a", says=("x+8",)))


def mastery(point_id: str, level: int, seed: int = 0) -> Mastery:
    draw = random.Random(f"{point_id}{seed}")
    n = draw.randint(5, 12) if level else draw.choice([0, 1, 2, 3])
    wins = round(n * (0.1 + 0.17 * level)) if level else min(n, 1)
    return Mastery(
        point_id,
        0.1 + 0.17 * level,
        0.5,
        n,
        min(n, wins),
        level or None,
        NOW if n else None,
        due=level in (3, 4) and draw.random() < 0.5,
    )


def response(learner_id: str, n: int, *, correct: bool = False, item: str = "q1-single") -> Response:
    return Response(
        f"r{n}",
        SCHOOL.id,
        learner_id,
        "attempt",
        f"{COURSE}.{item}",
        (f"{COURSE}.brackets",),
        1,
        "a" if correct else "b",
        correct,
        None if correct else "sign",
        n % 3,
        40.0,
        0.4,
        "v1",
        f"k{n}",
        NOW - timedelta(days=1 + n),
    )


class World:
    """The state all fakes share."""

    def __init__(self) -> None:
        self.course = course()
        self.class_ = Class("class", SCHOOL.id, "七年级 2 班", "QC7A", (COURSE,), True, 32)
        self.learners = [
            Learner(
                f"pupil{n:02}",
                SCHOOL.id,
                "class",
                f"{n:02}",
                f"小{name}",
                "13_15",
                True,
                frozenset({"learning", "improvement"}),
            )
            for n, name in enumerate(NAMES, 1)
        ]
        kinds = ("single", "multiple", "expression", "numeric", "single", "single")
        self.slots = [Slot(f"{COURSE}.q{n}-{kind}", n, "open", 0, 0) for n, kind in enumerate(kinds, 1)]
        self.open: Attempt | None = None
        self.assigned: list[Assignment] = []

    def attempt(self) -> Attempt:
        return Attempt(
            "attempt",
            SCHOOL.id,
            "pupil01",
            "practice",
            COURSE,
            f"{COURSE}.brackets",
            tuple(self.slots),
            None,
            NOW,
            None,
        )


class Fakes:
    """`router(**Fakes().needs())` shows every page."""

    def __init__(self, *, empty: bool = False) -> None:
        self.world, self.empty = World(), empty

    def needs(self) -> dict[str, Any]:  # Any: stand-ins for ten interfaces
        names = (
            "identity",
            "people",
            "courses",
            "assessment",
            "records",
            "tracing",
            "recommendation",
            "insight",
            "tutor",
        )
        return {name: getattr(self, name)() for name in names}

    def identity(self) -> Any:
        accounts = [
            Account("teacher", SCHOOL.id, "teacher", "林老师", True, "zh", NOW),
            Account("pupil01", SCHOOL.id, "student", "小宇", True, "zh", NOW),
            Account("admin", SCHOOL.id, "admin", "学校信息中心", True, "zh", NOW),
            Account("dev", SCHOOL.id, "developer", "开发者", True, "zh", NOW),
        ]

        def peek(token: str) -> Any:
            if token == "used":
                raise errors.NotFound("used", fix="make a new one")
            return SimpleNamespace(
                purpose="first_admin" if token == "first" else "demo", school_id=SCHOOL.id, account_id=""
            )

        return SimpleNamespace(
            school=lambda _id: SCHOOL,
            schools=lambda: [SCHOOL],
            accounts=lambda _p: accounts,
            peek_link=peek,
            account=lambda _p, account_id: next(a for a in accounts if a.id == account_id),
            set_language=lambda *_: None,
        )

    def people(self) -> Any:
        world = self.world
        class_ = replace(world.class_, course_ids=()) if self.empty else world.class_
        return SimpleNamespace(
            classes=lambda _p: [class_],
            class_=lambda _p, _id: class_,
            learners=lambda _p, _id: world.learners,
            learner=lambda _p, learner_id: next(one for one in world.learners if one.id == learner_id),
            seen=lambda *_: [] if self.empty else [(NOW - timedelta(hours=5 * k), "teacher") for k in range(4)],
        )

    def courses(self) -> Any:
        full = self.world.course
        summary = CourseSummary(
            id=full.id,
            version=1,
            title=full.title,
            summary=full.summary,
            subject="m",
            age_from=12,
            lessons=4,
            points=19,
            items=60,
        )
        return SimpleNamespace(
            courses=lambda _s: (summary,),
            course=lambda _s, _c: full,
            graph=lambda _s, _c: PointGraph(course_id=COURSE, points=full.points),
            lesson=lambda _s, lesson_id: next(one for one in full.lessons if one.id == lesson_id),
            question=lambda _s, item_id, _seed, language: question(item_id, language),
            items_of_point=lambda _s, point_id: tuple(f"{COURSE}.q{n}-{kind}" for n, kind in enumerate(PROMPTS, 1)),
            item=lambda _s, item_id: SimpleNamespace(id=item_id, kind="single", points=(f"{COURSE}.brackets",)),
        )

    def tracing(self) -> Any:
        def of_learner(_p: Principal, learner_id: str, points: Sequence[str]) -> dict[str, Mastery]:
            return {p: mastery(p, 0 if self.empty else LEVELS.get(p.partition(".")[2], 0)) for p in points}

        return SimpleNamespace(of_learner=of_learner)

    def records(self) -> Any:
        def of_learner(
            _p: Principal, learner_id: str, *, point_id: str | None = None, limit: int = 200
        ) -> list[Response]:
            return (
                []
                if self.empty
                else [response(learner_id, n, correct=n % 3 == 1, item=f"q{n}-{k}") for n, k in enumerate(PROMPTS)]
            )

        return SimpleNamespace(of_learner=of_learner, latest_per_item=lambda *_: [], of_attempt=lambda *_: [])

    def recommendation(self) -> Any:
        brackets = f"{COURSE}.brackets"
        activities = [
            Activity(
                "practice",
                COURSE,
                brackets,
                None,
                None,
                tuple(f"{COURSE}.q{n}-single" for n in range(1, 7)),
                8,
                {"zh": "去括号", "en": "Removing brackets"},
                {
                    "zh": "最近 7 题你对了 2 题，错的都在“括号前是负号”。下一单元“含括号的方程”要用到它。",
                    "en": "you got 2 of your last 7 right, and each slip came with a minus in front of the bracket. The next unit, equations with brackets, builds on it.",
                },
                f"{COURSE}.eqbr",
            ),
            Activity(
                "review",
                COURSE,
                f"{COURSE}.abs",
                None,
                None,
                (f"{COURSE}.q1-single",),
                5,
                {"zh": "复习绝对值", "en": "Review absolute value"},
                {"zh": "上次做对是 9 天前", "en": "Last right 9 days ago"},
            ),
            Activity(
                "lesson",
                COURSE,
                None,
                f"{COURSE}.l3",
                None,
                (),
                20,
                {"zh": "读：一元一次方程", "en": "Read: linear equations"},
                {"zh": "老师下周要讲", "en": "Coming next week"},
            ),
        ]
        mistakes = [
            Mistake(
                f"{COURSE}.q{n}-{kind}",
                f"{COURSE}.{'brackets' if n < 3 else 'terms'}",
                1,
                "b",
                "sign" if n != 3 else None,
                NOW - timedelta(days=n),
                n,
                n != 2,
            )
            for n, kind in enumerate(PROMPTS, 1)
        ]
        return SimpleNamespace(
            next=lambda *_a, **_k: [] if self.empty else activities, mistakes=lambda *_: [] if self.empty else mistakes
        )

    def insight(self) -> Any:
        return SimpleNamespace(
            today=self._today,
            class_map=self._class_map,
            answers=lambda _p, _c, _pt, ids=None: [
                response((ids or ["pupil02"])[0], n, correct=n == 2) for n in range(4)
            ],
        )

    def _today(self, _p: Principal, _class: str, _course: str) -> ClassToday:
        if self.empty:
            return ClassToday("class", COURSE, None, 32, (), tuple((one, 0) for one in self.world.learners), 0, None, 0)
        stuck = tuple(
            Need(
                one,
                n % 3 + 1,
                n + 5,
                tuple(response(one.id, k, item=f"q{k}-{'single' if k else 'numeric'}") for k in range(n % 2, 2)),
                "sign" if n != 5 else None,
            )
            for n, one in enumerate(self.world.learners[:6])
        )
        few = tuple((one, k) for k, one in enumerate(self.world.learners[6:10]))
        return ClassToday("class", COURSE, f"{COURSE}.brackets", 32, stuck, few, 22, "sign", 5)

    def _class_map(self, _p: Principal, _class: str, _course: str) -> ClassMap:
        points = tuple(point.id for point in self.world.course.points)
        rows = []
        for n, one in enumerate(self.world.learners):
            draw = random.Random(n)
            row: Mapping[str, Mastery] = {
                p: mastery(
                    p, 0 if 6 <= n < 10 and draw.random() < 0.8 else min(5, max(1, n // 6 + draw.randint(0, 1))), n
                )
                for p in points
            }
            rows.append((one, row))
        rates = {p: (0.52 + 0.03 * k if k < 12 else None) for k, p in enumerate(points)}
        return ClassMap(points, tuple(rows), rates)

    def assessment(self) -> Any:
        world = self.world

        def answer(
            _p: Principal, attempt_id: str, item_id: str, given: Any, *, client_key: str, seconds: float | None = None
        ) -> Answered:
            right = given in ("a", ["a"], "12")
            malformed = given == "((("
            world.slots = [
                replace(s, state="right" if right else "wrong", tries=s.tries + 1) if s.item_id == item_id else s
                for s in world.slots
            ]
            verdict = Verdict(
                correct=right,
                misconception=None if right else "sign",
                malformed=malformed,
                reason=text("括号没有配对。", "A bracket is not closed.") if malformed else None,
            )
            before, after = ({f"{COURSE}.brackets": mastery("x", k)} for k in ((1, 2) if right else (1, 1)))
            following = next((s.item_id for s in world.slots if s.tries == 0), None)
            return Answered(
                attempt_id, item_id, True, False, verdict, "$3x-2x+8=x+8$" if right else None, before, after, following
            )

        def hint(_p: Principal, attempt_id: str, item_id: str) -> tuple[int, Mapping[str, str]]:
            world.slots = [replace(s, hints_used=s.hints_used + 1) if s.item_id == item_id else s for s in world.slots]
            return 1, {"zh": "…", "en": "…"}

        def preview(_p: Principal, *, learner_ids: Sequence[str], **_: Any) -> list[Preview]:
            return [
                Preview(
                    one,
                    tuple(f"{COURSE}.q{n}-{k}" for n, k in enumerate(PROMPTS, 1)),
                    8,
                    {"zh": "7 题对 2；先做带一步示范的", "en": "2 of 7 right; starts with a worked step"},
                )
                for one in learner_ids
            ]

        def assign(
            _p: Principal,
            *,
            learner_ids: Sequence[str],
            course_id: str,
            point_id: str,
            due_at: datetime | None = None,
            **_: Any,
        ) -> Assignment:
            made = Assignment(
                "assignment",
                SCHOOL.id,
                "teacher",
                course_id,
                point_id,
                tuple(learner_ids),
                due_at,
                NOW,
                None,
                tuple(learner_ids[:1]),
            )
            world.assigned = [made]
            return made

        def undo(_p: Principal, _id: str) -> Assignment:
            world.assigned = [replace(one, undone_at=NOW) for one in world.assigned]
            return world.assigned[0]

        def papers(reader: Principal, *, learner_ids: Sequence[str], **_: Any) -> list[Paper]:
            return [
                Paper(
                    one,
                    {"zh": "去括号", "en": "Removing brackets"},
                    tuple(
                        question(f"{COURSE}.q{n}-{k}", reader.language)
                        for n, k in enumerate([*PROMPTS, "single", "expression"], 1)
                    ),
                    "SY-7K2M-01",
                )
                for one in learner_ids
            ]

        return SimpleNamespace(
            start=lambda *_a, **_k: world.attempt(),
            attempt=lambda *_: world.attempt(),
            open_attempt=lambda *_: world.open,
            question=lambda p, _a, item_id: question(item_id, p.language),
            answer=answer,
            hint=hint,
            close_attempt=lambda *_: world.attempt(),
            preview=preview,
            assign=assign,
            undo=undo,
            papers=papers,
            assignments=lambda *_a, **_k: world.assigned,
            assigned_to=lambda *_: [],
            start_assignment=lambda *_: world.attempt(),
            in_test=lambda _l: False,
            choose=lambda _p, _l, **_k: tuple(one.item_id for one in world.slots),
        )

    def tutor(self) -> Any:
        standing = Standing(
            "on",
            {"zh": "", "en": ""},
            {"zh": "林老师能看到这段对话，家长看不到。", "en": "林老师 can read this chat; parents cannot."},
        )
        turn = Turn(
            "t1",
            "pupil01",
            "attempt",
            f"{COURSE}.q1-single",
            "zh",
            "我哪里错了？",
            "先看括号里：第二项连同符号是什么？",
            (Source(f"{COURSE}.l2", f"{COURSE}.why2", "为什么要学它"),),
            1,
            0,
            "tutor",
            "answered",
            NOW,
            NOW,
        )
        return SimpleNamespace(standing=lambda _p: standing, transcript=lambda *_a, **_k: [] if self.empty else [turn])
