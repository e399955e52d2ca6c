"""Graded answers as lines people can read: the question, what was written, right or not, the slip by its name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from markupsafe import Markup, escape

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.courses import interface
from shuyuan.learning.courses.interface import Course, Courses, Question
from shuyuan.learning.records.interface import Response

_TIMES_BEFORE_LETTER = re.compile(r"(?<=[0-9A-Za-z)])\s*\*\s*(?=[A-Za-z(])")
_POWER = re.compile(r"\^\s*(?:\(([^()^]*)\)|(-?\d+(?:\.\d+)?|[A-Za-z]))")
_FORMULA = re.compile(r"(?:[0-9.,+\-−*·×÷/^()=\s]|(?<![A-Za-z])[A-Za-z]{1,2}(?![A-Za-z]))+")  # no words, no markup
_BETWEEN_CHOICES = re.compile(r"[\s,;|\[\]\"']+")


@dataclass(frozen=True)
class Line:
    """prompt and said are one line of clean HTML: rendered and sanitised by courses, or escaped here."""

    item_id: str
    prompt: Markup
    said: Markup
    correct: bool
    at: datetime
    hints: int
    slip: str


class Lines:
    """Turns responses into lines for one reader, asking for each question once."""

    def __init__(self, courses: Courses, reader: Principal) -> None:
        self._courses, self._reader = courses, reader
        self._known: dict[tuple[str, int], Question | None] = {}
        self._slips: dict[str, dict[str, str]] = {}

    def of(self, responses: Iterable[Response]) -> list[Line]:
        """One line each, in the given order."""
        return [self.line(response) for response in responses]

    def line(self, response: Response) -> Line:
        """The line of one response."""
        question = self.question(response.item_id, response.seed)
        return Line(
            item_id=response.item_id,
            prompt=prompt(question, response.item_id),
            said=said(question, response.answer),
            correct=response.correct,
            at=response.at,
            hints=response.hints_used,
            slip=self.slip(response.item_id, response.misconception),
        )

    def question(self, item_id: str, seed: int) -> Question | None:
        """The question as it was asked; None when the item is gone since."""
        key = (item_id, seed)
        if key not in self._known:
            ask = partial(self._courses.question, self._reader.school_id, item_id, seed, self._reader.language)
            try:
                self._known[key] = ask()
            except errors.NotFound:
                self._known[key] = None
        return self._known[key]

    def slip(self, point_or_item_id: str, misconception: str | None) -> str:
        """The name of a common mistake, empty when there is none."""
        if misconception is None:
            return ""
        course_id = point_or_item_id.partition(".")[0]
        if course_id not in self._slips:
            self._slips[course_id] = self._names(course_id)
        return self._slips[course_id].get(misconception, "")

    def _names(self, course_id: str) -> dict[str, str]:
        try:
            course: Course = self._courses.course(self._reader.school_id, course_id)
        except errors.NotFound:
            return {}
        return {one.id: one.name.of(self._reader.language) for one in course.misconceptions}


def prompt(question: Question | None, item_id: str) -> Markup:
    """What was asked, on one line."""
    if question is None:
        return escape(item_id)
    return Markup(interface.inline(" ".join(question.prompt.split())))  # sanitised there


def said(question: Question | None, answer: str) -> Markup:
    """What the learner wrote: the text of the chosen choices, a formula as mathematics, else the writing, escaped."""
    if question is None or not question.choices:
        return written(answer) if question is not None and question.kind == "expression" else escape(answer)
    texts = {choice.id: Markup(interface.inline(choice.text)) for choice in question.choices}  # sanitised
    chosen = [part for part in _BETWEEN_CHOICES.split(answer) if part]
    return Markup("; ").join(texts.get(part, escape(part)) for part in chosen)


def written(answer: str) -> Markup:
    """`-12*x^2 - 24` as mathematics, made and sanitised by courses; what is no plain formula stays text, escaped."""
    latex = _latex(answer.strip()) if _FORMULA.fullmatch(answer) else ""
    return Markup(interface.inline(f"${latex}$")) if latex and "^(" not in latex else escape(answer)


def _latex(formula: str) -> str:
    text = _POWER.sub(lambda found: f"^{{{found[1] or found[2]}}}", formula.replace("**", "^").replace("−", "-"))
    text = _TIMES_BEFORE_LETTER.sub("", text)
    return text.replace("*", " \\cdot ").replace("·", " \\cdot ").replace("×", " \\times ").replace("÷", " \\div ")
