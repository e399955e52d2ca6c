"""Import OATutor problems (JSON lines) as courses: each step an item, each skill a point, hints a ladder.

Source format: OATutor, CAHLR lab, UC Berkeley (CC BY 4.0); problems adapted from OpenStax books. The
attribution travels with every item. A problem comes in whole or not at all; refusals carry their reason.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from shuyuan.learning.courses import interface, latex, leaks, oatutor_keys, oatutor_text
from shuyuan.learning.courses.grading import grader

MAX_HINTS = 12
MAX_LINE_CHARACTERS = 1_000_000
SOURCE = "OATutor (CAHLR lab, UC Berkeley), adapted from {book}"
_CHAPTER = re.compile(r"^(\d+)(?:\.(\d+))?\s+(.*)$")


class Report(interface.Frozen):
    """Problems, not steps: `imported` came in whole, `refused` did not come in at all."""

    imported: int
    items: int
    without_figure: int
    refused: tuple[interface.Refusal, ...]

    @property
    def share(self) -> float:
        """Imported share of all problems, 0..1."""
        total = self.imported + len(self.refused)
        return self.imported / total if total else 1.0


class Import(interface.Frozen):
    contents: tuple[interface.Content, ...]
    report: Report


class _Source(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Hint(_Source):
    type: str = "hint"
    title: str = ""
    text: str = ""


class _Step(_Source):
    id: str
    title: str = ""
    body: str = ""
    answer: tuple[str, ...]
    problem_type: str
    answer_type: str | None = None
    choices: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    hints: tuple[_Hint, ...] = ()


class Problem(_Source):
    id: str
    title: str = ""
    body: str = ""
    course: str
    lesson: str
    oer: str = ""
    license: str = ""
    has_figure: bool = False
    steps: tuple[_Step, ...]


class Refused(Exception):
    """A problem that cannot come in; the message is the reason."""


def read_file(path: Path, judge: grader.Grader | None = None) -> Import:
    """Read `problems.jsonl` or `problems.jsonl.gz`."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return read(lines, judge)


def read(lines: Iterable[str], judge: grader.Grader | None = None) -> Import:
    """Read problems, one JSON object a line. `judge`: a grader to share; None makes one."""
    own = judge or grader.Grader()
    refused: list[interface.Refusal] = []
    taken: list[tuple[Problem, tuple[interface.Item, ...]]] = []
    try:
        for number, line in enumerate(lines, start=1):
            try:
                problem = _parsed(line)
            except Refused as reason:
                refused.append(interface.Refusal(id=f"line {number}", reason=str(reason)))
                continue
            try:
                taken.append((problem, tuple(_items(problem, own))))
            except Refused as reason:
                refused.append(interface.Refusal(id=problem.id, reason=str(reason)))
    finally:
        if judge is None:
            own.close()
    return Import(contents=_courses(taken), report=_report(taken, refused))


def _parsed(line: str) -> Problem:
    if len(line) > MAX_LINE_CHARACTERS:
        raise Refused(f"{len(line)} characters, at most {MAX_LINE_CHARACTERS} are read")
    try:
        return Problem.model_validate(json.loads(line))
    except ValidationError as error:
        detail = error.errors()[0]
        raise Refused(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refused("not a JSON object") from error


# --- items ----------------------------------------------------------------------------------------------


def _items(problem: Problem, judge: grader.Grader) -> Iterator[interface.Item]:
    for step in problem.steps:
        try:
            item = _item(problem, step)
        except (latex.NotReadable, oatutor_keys.Unusable, ValidationError) as error:
            raise Refused(f"{step.id}: {_first_line(error)}") from error
        fault = judge.key_fault(item, seed=0)
        if fault:
            raise Refused(f"{step.id}: {fault}")
        yield _without_telling_hints(item)


def _item(problem: Problem, step: _Step) -> interface.Item:
    course = course_slug(problem.course)
    words = f"{problem.course} {problem.title} {problem.body} {step.title} {step.body}"
    prompt = oatutor_text.prompt(problem.body, step.title, step.body) or oatutor_text.prompt(problem.title)
    common = oatutor_keys.Common(
        id=f"{course}.{slug(step.id)}",
        points=tuple(dict.fromkeys(f"{course}.{_point_slug(problem, skill)}" for skill in step.skills or ("",))),
        prompt=interface.Text(en=prompt),
        hints=tuple(_hints(step)),
        explanation=oatutor_text.explanation(step.answer[0] if step.answer else ""),
        attribution=_attribution(problem),
        needs_figure=problem.has_figure,
    )
    if not prompt or not step.answer or not step.answer[0].strip():
        raise oatutor_keys.Unusable("no question or no answer")
    if step.problem_type == "MultipleChoice":
        return oatutor_keys.single(common, step.choices, step.answer)
    return oatutor_keys.written(common, step.answer[0], step.answer_type or "arithmetic", words)


def _hints(step: _Step) -> Iterator[interface.Text]:
    texts = (oatutor_text.prompt(hint.text) or oatutor_text.prompt(hint.title) for hint in step.hints)
    return (interface.Text(en=text) for text in texts if text)


def _without_telling_hints(item: interface.Item) -> interface.Item:
    """The ladder leads to the answer; hints that state it are left out."""
    key = grader.question(item, 0, "en").key
    kept = [hint for hint in item.hints if not leaks.states(hint.en, item.kind, key)]
    return item.model_copy(update={"hints": tuple(kept[:MAX_HINTS])})


def _attribution(problem: Problem) -> interface.Attribution:
    url, _, book = problem.oer.partition(" ")
    licence = problem.license.partition("<")[2].rstrip(">") or problem.license
    name = book.strip("<>") or problem.course
    return interface.Attribution(source=SOURCE.format(book=name), licence=licence, url=url)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
    return str(error).splitlines()[0]


# --- courses --------------------------------------------------------------------------------------------


def _courses(taken: list[tuple[Problem, tuple[interface.Item, ...]]]) -> tuple[interface.Content, ...]:
    taken = sorted(taken, key=lambda pair: (pair[0].course, _lesson_order(pair[0].lesson)))
    grouped = itertools.groupby(taken, key=lambda pair: pair[0].course)
    return tuple(_content(course, list(pairs)) for course, pairs in grouped)


def _content(title: str, pairs: list[tuple[Problem, tuple[interface.Item, ...]]]) -> interface.Content:
    first = pairs[0][0]
    names = {
        f"{course_slug(title)}.{_point_slug(problem, skill)}": _words(skill or _lesson_title(problem.lesson))
        for problem, _ in pairs
        for step in problem.steps
        for skill in step.skills or ("",)
    }
    course = interface.Course(
        id=course_slug(title),
        version=1,
        title=interface.Text(en=title),
        subject="physics" if "physics" in title.lower() else "mathematics",
        age_from=14,
        licence=_attribution(first).licence,
        authors=("OATutor", "OpenStax"),
        attribution=_attribution(first).model_copy(update={"source": SOURCE.format(book=title)}),
        points=tuple(interface.Point(id=point, name=interface.Text(en=name)) for point, name in names.items()),
        units=tuple(_units(title, pairs)),
    )
    return interface.Content(course=course, items=tuple(item for _, items in pairs for item in items))


def _units(title: str, pairs: list[tuple[Problem, tuple[interface.Item, ...]]]) -> Iterator[interface.Unit]:
    course = course_slug(title)
    for chapter, group in itertools.groupby(pairs, key=lambda pair: _lesson_order(pair[0].lesson)[0]):
        lessons = [
            _lesson(course, lesson, [item for _, items in parts for item in items])
            for lesson, parts in itertools.groupby(group, key=lambda pair: pair[0].lesson)
        ]
        heading = interface.Text(zh=f"第 {chapter} 章", en=f"Chapter {chapter}")
        yield interface.Unit(id=f"{course}.chapter-{chapter}", title=heading, lessons=tuple(lessons))


def _lesson(course: str, title: str, items: list[interface.Item]) -> interface.Lesson:
    return interface.Lesson(
        id=f"{course}.{slug('l-' + title)}",
        title=interface.Text(en=title),
        points=tuple(dict.fromkeys(point for item in items for point in item.points)),
    )


def _report(taken: list[tuple[Problem, tuple[interface.Item, ...]]], refused: list[interface.Refusal]) -> Report:
    items = [item for _, found in taken for item in found]
    return Report(
        imported=len(taken),
        items=len(items),
        without_figure=sum(item.needs_figure for item in items),
        refused=tuple(refused),
    )


# --- names ----------------------------------------------------------------------------------------------


def course_slug(title: str) -> str:
    return slug("oatutor-" + title.removeprefix("OpenStax: "))


def slug(text: str, longest: int = 60) -> str:
    """Small letters, digits, single dashes; a long name keeps a piece of its hash."""
    plain = "-".join(re.findall(r"[a-z0-9]+", text.lower())) or "x"
    if len(plain) <= longest:
        return plain
    return f"{plain[: longest - 9].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _point_slug(problem: Problem, skill: str) -> str:
    return slug(skill or _lesson_title(problem.lesson))


def _lesson_order(lesson: str) -> tuple[int, int, str]:
    match = _CHAPTER.match(lesson)
    return (int(match[1]), int(match[2] or 0), lesson) if match else (0, 0, lesson)


def _lesson_title(lesson: str) -> str:
    match = _CHAPTER.match(lesson)
    return match[3] if match else lesson


def _words(skill: str) -> str:
    return skill.replace("_", " ").strip(" .").capitalize()
