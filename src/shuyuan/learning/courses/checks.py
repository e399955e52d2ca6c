"""Is this content sound? Graph without circles, references that exist, keys that grade correct.

Everything is tried with the real grader at several seeds: a wrong key must never reach a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from shuyuan.learning.courses import interface, leaks
from shuyuan.learning.courses.grading import arithmetic, grader, templates

SEEDS = 12


def check(content: interface.Content, judge: grader.Grader, seeds: int = SEEDS) -> list[interface.Fault]:
    """All faults of a course, in reading order. Empty means sound."""
    found = list(references(content))
    if not found:
        for item in content.items:
            found.extend(item_faults(item, judge, seeds))
    return found


def references(content: interface.Content) -> Iterator[interface.Fault]:
    """Ids are unique; everything named exists; prerequisites do not run in a circle."""
    course = content.course
    passages = [passage.id for lesson in course.lessons for passage in lesson.passages]
    points = {point.id for point in course.points}
    mistakes = {misconception.id for misconception in course.misconceptions}
    yield from _twice("units", [unit.id for unit in course.units])
    yield from _twice("lessons", [lesson.id for lesson in course.lessons])
    yield from _twice("points", [point.id for point in course.points])
    yield from _twice("passages", passages)
    yield from _twice("items", [item.id for item in content.items])
    for point in course.points:
        yield from _missing(f"point {point.id}", "requires", point.requires, points)
    for lesson in course.lessons:
        yield from _missing(f"lesson {lesson.id}", "points", lesson.points, points)
    for item in content.items:
        where = f"item {item.id}"
        yield from _missing(where, "points", item.points, points)
        yield from _missing(where, "passage", [item.passage] if item.passage else [], set(passages))
        yield from _missing(where, "misconception", _misconceptions(item), mistakes)
    circle = find_circle(course.points)
    if circle:
        yield _fault("points", f"requires runs in a circle: {' → '.join(circle)}", "remove one of these requires")


def find_circle(points: Sequence[interface.Point]) -> list[str]:
    """The ids of one circle of prerequisites, first id repeated at the end; empty when there is none."""
    try:
        in_order(points)
    except CycleError as error:
        return [str(point_id) for point_id in error.args[1]]
    return []


def in_order(points: Sequence[interface.Point]) -> tuple[interface.Point, ...]:
    """Prerequisites first. Raises CycleError."""
    by_id = {point.id: point for point in points}
    ids = TopologicalSorter({point.id: point.requires for point in points}).static_order()
    return tuple(by_id[point_id] for point_id in ids if point_id in by_id)


def item_faults(item: interface.Item, judge: grader.Grader, seeds: int = SEEDS) -> Iterator[interface.Fault]:
    """What is wrong with one item, tried at several seeds; the first fault of each kind is enough."""
    where = f"item {item.id}"
    if isinstance(item, interface.SingleItem | interface.MultipleItem):
        wrong_choices = list(choice_faults(item))
        if wrong_choices:
            yield from wrong_choices
            return
    used = range(seeds) if item.params else range(1)
    stated: Counter[tuple[int, interface.Language]] = Counter()
    for seed in used:
        try:
            fault = _seed_fault(item, judge, seed, stated)
        except (arithmetic.ArithmeticRefused, ValueError) as error:
            fault = ("params", str(error), "correct the arithmetic or the params")
        if fault:
            yield _fault(f"{where}, {fault[0]}" + (f" (seed {seed})" if item.params else ""), fault[1], fault[2])
            return
    for (index, language), times in stated.items():
        if times == len(used):
            yield _fault(
                f"{where}, hints", f"hint {index + 1} ({language}) states the answer", "lead there without saying it"
            )


def _seed_fault(
    item: interface.Item, judge: grader.Grader, seed: int, stated: Counter[tuple[int, interface.Language]]
) -> tuple[str, str, str] | None:
    """(field, problem, fix) or None. Counts in `stated` which hints hold the key."""
    values = templates.draw(item, seed)
    for field, text in _texts(item):
        unknown = templates.unknown_names(text, values)
        if unknown:
            known = ", ".join(values.values) or "none"
            return field, f"{{{unknown[0]}}} is no param", f"known names are {known}; write \\{{ for a brace"
    key = grader.question(item, seed, "en").key
    refused = judge.key_fault(item, seed)
    if refused:
        return "answer", refused, "write the key so that our grammar reads it"
    for language in grader.LANGUAGES:
        hints = grader.question(item, seed, language).hints
        stated.update((index, language) for index, hint in enumerate(hints) if leaks.states(hint, item.kind, key))
    for answer, misconception in grader.wrong_answers(item, seed):
        verdict = judge.grade(item, seed, answer)
        if verdict.malformed or verdict.correct or verdict.misconception != misconception:
            outcome = "malformed" if verdict.malformed else "correct" if verdict.correct else "another mistake"
            return "wrong", f'"{answer}" is {outcome}', "make it differ from the key and from the other mistakes"
    return None


def choice_faults(item: interface.SingleItem | interface.MultipleItem) -> Iterator[interface.Fault]:
    where = f"item {item.id}, choices"
    right = sum(choice.correct for choice in item.choices)
    if item.kind == "single" and right != 1:
        yield _fault(where, f"{right} choices are correct", "mark exactly one as correct: true")
    if item.kind == "multiple" and right == 0:
        yield _fault(where, "no choice is correct", "mark at least one as correct: true")
    yield from _twice(where, [choice.id for choice in item.choices])
    for language in grader.LANGUAGES:
        yield from _twice(f"{where} ({language})", [choice.text.of(language) for choice in item.choices])
    for choice in item.choices:
        if choice.correct and choice.misconception:
            yield _fault(where, f'"{choice.id}" is correct and a misconception', "keep one of both")


def _texts(item: interface.Item) -> Iterator[tuple[str, str]]:
    fields = [("prompt", item.prompt), ("explanation", item.explanation), *(("hints", hint) for hint in item.hints)]
    if isinstance(item, interface.SingleItem | interface.MultipleItem):
        fields += [("choices", choice.text) for choice in item.choices]
    for field, text in fields:
        yield field, text.zh
        yield field, text.en


def _misconceptions(item: interface.Item) -> list[str]:
    if isinstance(item, interface.SingleItem | interface.MultipleItem):
        return [choice.misconception for choice in item.choices if choice.misconception]
    return [wrong.misconception for wrong in item.wrong]


def _twice(where: str, ids: Iterable[str]) -> Iterator[interface.Fault]:
    for name, times in Counter(ids).items():
        if times > 1:
            yield _fault(where, f'"{name}" occurs {times} times', "make each of them different")


def _missing(where: str, field: str, names: Iterable[str], known: set[str]) -> Iterator[interface.Fault]:
    for name in names:
        if name not in known:
            slug = name.split(".", 1)[-1]
            yield _fault(f"{where}, {field}", f'"{slug}" does not exist', "correct the name or define it")


def _fault(where: str, problem: str, fix: str) -> interface.Fault:
    return interface.Fault(file="", where=where, problem=problem, fix=fix)
