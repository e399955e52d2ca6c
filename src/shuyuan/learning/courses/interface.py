"""What other modules may know of courses: types, errors and verbs.

Ids are stable over versions and unique inside a school: a course id is its slug, and everything below it is
`course.slug` (`year7.like-terms`), so mastery and answers outlive a re-import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from shuyuan.kernel import errors
from shuyuan.science.tracing.serving import newitems

Language = Literal["zh", "en"]
Kind = Literal["single", "multiple", "numeric", "text", "expression"]
Form = Literal["any", "expanded", "simplified", "factored"]
Answer = str | Sequence[str]
"""What a learner sends: text for numeric, text and expression; choice ids for single and multiple."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _plain(value: object) -> object:
    """YAML gives 12 and 0.5 where text is meant; bool stays an error."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Plain = Annotated[str, BeforeValidator(_plain)]


class Text(Frozen):
    """The same words in Chinese and English; a missing language falls back to the other."""

    zh: Plain = ""
    en: Plain = ""

    @model_validator(mode="before")
    @classmethod
    def _both(cls, value: object) -> object:
        value = _plain(value)
        return {"zh": value, "en": value} if isinstance(value, str) else value

    def of(self, language: Language) -> str:
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


class Attribution(Frozen):
    """Where content came from, shown beside it wherever its licence asks for that."""

    source: str
    licence: str
    url: str = ""
    authors: tuple[str, ...] = ()


# --- a course -------------------------------------------------------------------------------------------


class Point(Frozen):
    """A knowledge point: the unit in which mastery is measured."""

    id: str
    name: Text
    summary: Text = Text()
    requires: tuple[str, ...] = ()


class Misconception(Frozen):
    id: str
    name: Text
    advice: Text = Text()


class Passage(Frozen):
    """A citable section of a lesson; `text` is Markdown."""

    id: str
    title: Text
    text: Text


class Lesson(Frozen):
    id: str
    title: Text
    minutes: int = Field(default=20, ge=1, le=240)
    points: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()


class Unit(Frozen):
    id: str
    title: Text
    lessons: tuple[Lesson, ...] = ()


class Course(Frozen):
    id: str
    version: int = Field(ge=1)
    title: Text
    summary: Text = Text()
    subject: str
    age_from: int = Field(default=0, ge=0, le=99)
    licence: str
    authors: tuple[str, ...] = ()
    attribution: Attribution | None = None
    misconceptions: tuple[Misconception, ...] = ()
    points: tuple[Point, ...] = ()
    units: tuple[Unit, ...] = ()

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        return tuple(lesson for unit in self.units for lesson in unit.lessons)


class CourseSummary(Frozen):
    """One line of a course list."""

    id: str
    version: int
    title: Text
    summary: Text
    subject: str
    age_from: int
    lessons: int
    points: int
    items: int


class PointGraph(Frozen):
    """The points of a course, prerequisites first."""

    course_id: str
    points: tuple[Point, ...]


# --- items ----------------------------------------------------------------------------------------------


class IntParam(Frozen):
    """A whole number drawn between both ends, different from the named params or numbers."""

    between: tuple[int, int] = Field(alias="int")
    differs_from: tuple[str | int, ...] = Field(default=(), alias="not")


class ChoiceParam(Frozen):
    options: tuple[int | str | Text, ...] = Field(alias="choice", min_length=1)
    differs_from: tuple[str | int, ...] = Field(default=(), alias="not")


class Choice(Frozen):
    id: Plain
    text: Text
    correct: bool = False
    misconception: str | None = None


class Wrong(Frozen):
    """A typical wrong answer and the misconception behind it."""

    answer: Text
    misconception: str


class Accepted(Frozen):
    """Accepted short answers; a learner may answer in either language."""

    zh: tuple[Plain, ...] = ()
    en: tuple[Plain, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _both(cls, value: object) -> object:
        value = [value] if isinstance(value, str) else value
        return {"zh": value, "en": value} if isinstance(value, list | tuple) else value

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.zh, *self.en)))


class _Item(Frozen):
    id: str
    points: tuple[str, ...] = Field(min_length=1, max_length=6)
    prompt: Text
    explanation: Text = Text()
    hints: tuple[Text, ...] = ()
    minutes: float = Field(default=1, gt=0, le=120)
    difficulty: Literal["easy", "medium", "hard"] | None = None
    """What the author expects, until answers say more."""
    passage: str | None = None
    params: dict[str, IntParam | ChoiceParam] = {}
    derive: dict[str, Plain] = {}
    attribution: Attribution | None = None
    needs_figure: bool = False
    """True where the source's figure is missing: kept, but not offered for practice."""


class _ChoiceItem(_Item):
    choices: tuple[Choice, ...] = Field(min_length=2, max_length=26)
    shuffle: bool = True


class SingleItem(_ChoiceItem):
    kind: Literal["single"] = "single"


class MultipleItem(_ChoiceItem):
    kind: Literal["multiple"] = "multiple"


class NumericItem(_Item):
    kind: Literal["numeric"] = "numeric"
    answer: Plain
    tolerance: Plain = "0"
    unit: Text = Text()
    wrong: tuple[Wrong, ...] = ()


class TextItem(_Item):
    kind: Literal["text"] = "text"
    answer: Accepted
    wrong: tuple[Wrong, ...] = ()


class ExpressionItem(_Item):
    kind: Literal["expression"] = "expression"
    answer: Plain
    variables: tuple[str, ...] = ()
    form: Form = "any"
    wrong: tuple[Wrong, ...] = ()


Item = Annotated[SingleItem | MultipleItem | NumericItem | TextItem | ExpressionItem, Field(discriminator="kind")]


# --- a question and its verdict -------------------------------------------------------------------------


class QuestionChoice(Frozen):
    id: str
    text: str


class Key(Frozen):
    """The right answer. `answer` grades correct; `says` are all texts that would give it away."""

    answer: str | tuple[str, ...]
    says: tuple[str, ...]


class Question(Frozen):
    """An item made concrete for one seed and one language: what a page may show.

    Hints, explanation and key stay out of `model_dump`, JSON and `repr`, so a forgotten dump leaks nothing.
    """

    item_id: str
    course_id: str
    kind: Kind
    seed: int
    language: Language
    points: tuple[str, ...]
    prompt: str
    choices: tuple[QuestionChoice, ...] = ()
    unit: str = ""
    variables: tuple[str, ...] = ()
    minutes: float = 1
    passage: str | None = None
    hint_count: int = 0
    attribution: Attribution | None = None
    needs_figure: bool = False
    hints: tuple[str, ...] = Field(default=(), exclude=True, repr=False)
    explanation: str = Field(default="", exclude=True, repr=False)
    _key: Key = PrivateAttr()

    @property
    def key(self) -> Key:
        """For guards, printed mark schemes and reviews after the attempt; never for an open page."""
        return self._key

    def with_key(self, key: Key) -> Question:
        self._key = key
        return self


class Verdict(Frozen):
    """The outcome of grading. `malformed` is not an answer yet: ask again, count nothing."""

    correct: bool
    misconception: str | None = None
    normalised: str = ""
    reason: Text | None = None
    malformed: bool = False


class Content(Frozen):
    """A course and its items, complete and checked: what an importer hands to the store."""

    course: Course
    items: tuple[Item, ...]


class Refusal(Frozen):
    """A problem of a set that did not come in, and why."""

    id: str
    reason: str


class ImportReport(Frozen):
    """What came in and what did not. `loaded`: course id → whether it was new or changed."""

    loaded: dict[str, bool]
    items: int
    problems: int = 0
    imported: int = 0
    refused: tuple[Refusal, ...] = ()
    dry_run: bool = False

    def lines(self) -> Iterator[str]:
        """The report as people read it."""
        for refusal in self.refused:
            yield f"left out {refusal.id}: {refusal.reason}"
        for course_id, changed in self.loaded.items():
            yield f"{course_id}: {self._outcome(changed)}"
        if self.problems:
            share = 100 * self.imported / self.problems
            yield f"{self.imported} of {self.problems} problems ({share:.1f} %), {len(self.refused)} left out"
        yield f"{self.items} questions"

    def _outcome(self, changed: bool) -> str:
        if self.dry_run:
            return "would be imported"
        return "imported" if changed else "already there, unchanged"


# --- errors ---------------------------------------------------------------------------------------------


class Fault(Frozen):
    """One thing wrong with a course file: where it is and how to mend it."""

    file: str
    where: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.problem}; {self.fix}"


class ContentRefused(errors.BadInput):
    """A course that cannot be loaded; `faults` lists everything found, not only the first."""

    code = "content_refused"

    def __init__(self, faults: Sequence[Fault]) -> None:
        shown = "\n".join(str(fault) for fault in faults[:20])
        more = f"\n… and {len(faults) - 20} more" if len(faults) > 20 else ""
        super().__init__(f"{len(faults)} faults in the course:\n{shown}{more}", fix="mend the files and load again")
        self.faults = tuple(faults)


class CourseNotFound(errors.NotFound):
    code = "course_not_found"


class ItemNotFound(errors.NotFound):
    code = "item_not_found"


class GraderUnavailable(errors.Unavailable):
    """The expression grader did not answer in time, twice. The answer is kept by the caller; try again."""

    code = "grader_unavailable"


# --- verbs ----------------------------------------------------------------------------------------------


class Courses(Protocol):
    """Content and grading for one school at a time: another school's id is simply not found."""

    def courses(self, school_id: str) -> tuple[CourseSummary, ...]: ...

    def course(self, school_id: str, course_id: str) -> Course: ...

    def lesson(self, school_id: str, lesson_id: str) -> Lesson: ...

    def graph(self, school_id: str, course_id: str) -> PointGraph: ...

    def items_of_point(self, school_id: str, point_id: str) -> tuple[str, ...]:
        """Ids of the items to practise a point with; those whose figure is missing are left out."""

    def item(self, school_id: str, item_id: str) -> Item: ...

    def question(self, school_id: str, item_id: str, seed: int, language: Language) -> Question: ...

    def grade(self, school_id: str, item_id: str, seed: int, answer: Answer) -> Verdict: ...

    def wrong_answers(self, school_id: str, item_id: str, seed: int) -> Sequence[tuple[str, str]]:
        """Typical wrong answers of this seed, as a learner would send them, each with its misconception's id."""

    def load(self, school_id: str, content: Content, *, by: str) -> bool:
        """Store a course in one write unit. False when this very content is already there."""


# --- doors: pure work of this module that others may use -------------------------------------------------
# Imported when called: those files build on the types above.


def says(courses: Courses, school_id: str, item_id: str) -> str:
    """What a learner reads of an item, never its key, and how hard its author called it; empty for one that is gone.
    Of items in both languages the Chinese words."""
    try:
        question, item = courses.question(school_id, item_id, 0, "zh"), courses.item(school_id, item_id)
    except errors.NotFound:
        return ""
    return " ".join((item.difficulty or "", question.prompt, *(choice.text for choice in question.choices))).strip()


@dataclass(frozen=True)
class Worded:
    """Items of a school with vectors of what they say. by_meaning: a sentence encoder's stand beside those of words."""

    items: newitems.Worded
    by_meaning: bool


class Wordings(Protocol):
    """What items say, for guesses of how hard they are."""

    def of(self, school_id: str) -> Worded:
        """Of every item that can be practised. May take a minute where the search model reads it for the first time:
        never within a request of a learner."""
        ...

    def known(self, school_id: str, texts: Mapping[str, str]) -> Mapping[str, newitems.Vectors]:
        """key → vector of what its text means, of those that `of` has read since the server began. Asks no model."""
        ...


def built_in() -> Path:
    """The folder of the courses that come with the platform: beside the code in a wheel, at the top in a clone."""
    packed = Path(str(resources.files("shuyuan"))) / "content"
    return packed if packed.is_dir() else Path(__file__).parents[4] / "content"


def read_folder(folder: Path) -> Content:
    """Read and check a course folder. Raises ContentRefused with every fault found."""
    from shuyuan.learning.courses import files

    return files.load_folder(folder)


def read_files(texts: Mapping[str, str]) -> Content:
    """The same for an upload: relative path → text."""
    from shuyuan.learning.courses import files

    return files.load(texts)


def import_from(
    courses: Courses, school_id: str, source: Path, *, dry_run: bool = False, by: str = "system"
) -> ImportReport:
    """Load a course folder or an OATutor `.jsonl(.gz)` file. dry_run: check everything, store nothing."""
    from shuyuan.learning.courses import importing

    return importing.run(courses, school_id, source, dry_run=dry_run, by=by)


def html(markdown: str) -> str:
    """Markdown with LaTeX as sanitised HTML with MathML."""
    from shuyuan.learning.courses import rendering

    return rendering.html(markdown)


def inline(markdown: str) -> str:
    """The same for one line: no paragraph around it."""
    from shuyuan.learning.courses import rendering

    return rendering.inline(markdown)
