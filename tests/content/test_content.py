"""The courses we ship are well formed. Pure YAML: knows the file format, none of the project's code."""

from __future__ import annotations

import ast
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any  # YAML documents have no static shape

import pytest
import yaml

COURSES = sorted(path.parent for path in (Path(__file__).parents[2] / "content").glob("*/course.yaml"))
KINDS = {"single", "multiple", "numeric", "text", "expression"}
DRAWS_AT_MOST = 600
POINTS = ({"x": 7, "y": 11, "n": 13, "a": 17, "b": 19}, {"x": -3, "y": 5, "n": 2, "a": -7, "b": 4})
PLACEHOLDER = re.compile(r"(?<!\\)\{([A-Za-z_]\w*)\}")
ANCHOR = re.compile(r"^## .+\{#([a-z0-9-]+)\}$", re.MULTILINE)
OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
Doc = dict[str, Any]


@functools.cache
def document(course: Path) -> Doc:
    return dict(read(course / "course.yaml"))


@functools.cache
def items_of(course: Path) -> list[Doc]:
    return [item for file in sorted((course / "items").glob("*.yaml")) for item in read(file)]


def read(file: Path) -> Any:
    """By the parser in C where PyYAML has it: it reads the same and is ten times as fast."""
    safe = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(file.read_text(encoding="utf-8"), Loader=safe)  # noqa: S506  # both are safe


def lessons_of(course: Path) -> list[Doc]:
    return [lesson for unit in document(course)["units"] for lesson in unit["lessons"]]


def passages(course: Path, lesson: Doc, language: str) -> list[str]:
    return ANCHOR.findall((course / f"{lesson['text']}.{language}.md").read_text(encoding="utf-8"))


EVERY = [
    pytest.param(course, item, id=f"{course.name}/{item['id']}") for course in COURSES for item in items_of(course)
]
every_course = pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
every_item = pytest.mark.parametrize(("course", "item"), EVERY)


# --- courses --------------------------------------------------------------------------------------------


def test_two_courses_are_shipped_with_all_five_kinds_of_item() -> None:
    assert {course.name for course in COURSES} >= {"large-models", "year7-expressions"}
    assert {item["kind"] for course in COURSES for item in items_of(course)} == KINDS


@every_course
def test_every_text_is_given_in_both_languages(course: Path) -> None:
    for text in _texts([document(course), items_of(course)]):
        assert set(text) == {"zh", "en"}, text
        assert all(text.values()), text


@every_course
def test_ids_are_unique_within_the_course(course: Path) -> None:
    doc, lessons = document(course), lessons_of(course)
    assert doc["slug"] == course.name
    anchors = [anchor for lesson in lessons for anchor in passages(course, lesson, "en")]
    slugs = [[entry["slug"] for entry in doc[part]] for part in ("points", "misconceptions", "units")]
    for ids in [*slugs, anchors, [entry["slug"] for entry in lessons], [item["id"] for item in items_of(course)]]:
        assert len(set(ids)) == len(ids)


@every_course
def test_prerequisites_are_taught_no_later_and_never_form_a_circle(course: Path) -> None:
    known: set[str] = set()
    for point in document(course)["points"]:  # listed prerequisites first, so the order itself is the proof
        assert set(point["requires"]) <= known, point["slug"]
        known.add(point["slug"])
    assert [slug for lesson in lessons_of(course) for slug in lesson["points"]] == [*_slugs(course, "points")]


@every_course
def test_every_point_has_two_items_and_every_misconception_is_planted(course: Path) -> None:
    items = items_of(course)
    for slug in _slugs(course, "points"):
        assert sum(slug in item["points"] for item in items) >= 2, slug
    entries = [entry for item in items for entry in (*item.get("choices", ()), *item.get("wrong", ()))]
    assert {entry["misconception"] for entry in entries if "misconception" in entry} == {
        *_slugs(course, "misconceptions")
    }


@every_course
def test_lessons_have_the_same_three_to_six_passages_in_both_languages(course: Path) -> None:
    for lesson in lessons_of(course):
        chinese, english = passages(course, lesson, "zh"), passages(course, lesson, "en")
        assert chinese == english
        assert 3 <= len(english) <= 6
        text = (course / f"{lesson['text']}.en.md").read_text(encoding="utf-8")
        assert len(re.findall("^## ", text, re.MULTILINE)) == len(english), "a section without an id"


@every_course
@pytest.mark.parametrize("language", ["zh", "en"])
def test_guessing_the_longest_choice_is_no_safe_strategy(course: Path, language: str) -> None:
    singles = [item["choices"] for item in items_of(course) if item["kind"] == "single"]
    right = [_is_longest_alone(choices, language) for choices in singles]
    assert sum(right) <= 0.4 * len(right)


def test_removing_brackets_can_be_practised_at_length() -> None:
    items = items_of(next(course for course in COURSES if course.name == "year7-expressions"))
    assert sum("removing-brackets" in item["points"] for item in items) >= 6
    assert sum("params" in item for item in items) >= 15


def _is_longest_alone(choices: list[Doc], language: str) -> bool:
    """Whether the right choice is longer than every other one."""
    texts = [choice["text"] if isinstance(choice["text"], str) else choice["text"][language] for choice in choices]
    right = next(len(text) for text, choice in zip(texts, choices, strict=True) if choice.get("correct"))
    return sum(len(text) >= right for text in texts) == 1


# --- items ----------------------------------------------------------------------------------------------


@every_item
def test_an_item_is_complete(course: Path, item: Doc) -> None:
    assert item["kind"] in KINDS
    assert 1 <= len(item["points"]) <= 3
    assert set(item["points"]) <= {*_slugs(course, "points")}
    assert 2 <= len(item["hints"]) <= 3
    assert item["minutes"] > 0
    assert item["explanation"]
    assert item["passage"] in {anchor for lesson in lessons_of(course) for anchor in passages(course, lesson, "zh")}


@every_item
def test_choices_are_marked_to_fit_the_kind(course: Path, item: Doc) -> None:
    choices = item.get("choices", [])
    right = [choice for choice in choices if choice.get("correct")]
    assert len({choice["id"] for choice in choices}) == len(choices)
    assert not any("misconception" in choice for choice in right)
    assert bool(choices) == (item["kind"] in {"single", "multiple"})
    if item["kind"] == "single":
        assert len(right) == 1
    if item["kind"] == "multiple":
        assert 2 <= len(right) < len(choices)


@every_item
def test_every_param_is_used_and_every_placeholder_known(course: Path, item: Doc) -> None:
    params, derived = item.get("params", {}), item.get("derive", {})
    shown = yaml.safe_dump({key: item[key] for key in item if key not in {"params", "derive"}}, allow_unicode=True)
    used = set(PLACEHOLDER.findall(shown))
    formulas = " ".join(derived.values())
    assert set(derived) <= used
    assert {name for name in params if name in used or re.search(rf"\b{name}\b", formulas)} == set(params)
    if params:
        plain = re.sub(r"\\[a-z]+\{[^}]*\}(\{[^}]*\})?", "", shown)
        assert set(PLACEHOLDER.findall(plain)) <= {*params, *derived}


@every_item
def test_no_draw_blurs_right_and_wrong_or_two_misconceptions(course: Path, item: Doc) -> None:
    for values in draws(item):
        texts = [_fill(choice["text"], values) for choice in item.get("choices", ())]
        assert len({str(text) for text in texts}) == len(texts), values
        if item["kind"] in {"numeric", "expression"}:
            key = _fill(item["answer"], values)
            right = tuple(value_of(key, at) for at in POINTS)
            slips: dict[tuple[Fraction, ...], str] = {}
            for wrong in item.get("wrong", ()):
                slip = tuple(value_of(_fill(wrong["answer"], values), at) for at in POINTS)
                assert slip != right, values
                assert slips.setdefault(slip, wrong["misconception"]) == wrong["misconception"], values


@every_item
def test_no_draw_shows_a_coefficient_of_one_or_zero_or_a_double_sign(course: Path, item: Doc) -> None:
    odd = re.compile(r"(?<![\d.\w}^])[01](?=[a-z])|[-+]\s*-\d|--|\+-")
    for values in draws(item) if item.get("params") else ():
        for text in _strings(_fill([item["prompt"], item["explanation"], item["hints"]], values)):
            assert not odd.search(text.replace("$1x$", "")), text  # the lesson itself writes $1x$


@every_item
def test_no_hint_states_the_answer_for_any_draw(course: Path, item: Doc) -> None:
    for values in draws(item):
        says = [_bare(text) for text in _gives_away(item, values)]
        for hint in _strings(_fill(item["hints"], values)):
            for text in says:
                numeric = re.fullmatch(r"-?\d+", text)
                pattern = rf"(?<![\d.]){re.escape(text)}(?![\d.])" if numeric else re.escape(text)
                assert not re.search(pattern, _bare(hint)), (hint, text)


def _gives_away(item: Doc, values: dict[str, Fraction]) -> list[str]:
    if "choices" in item:
        right = [choice["text"] for choice in item["choices"] if choice.get("correct")]
        return _strings(_fill(right, values))
    return _strings(_fill(item["answer"], values))


# --- reading templates ----------------------------------------------------------------------------------


def draws(item: Doc) -> Iterator[dict[str, Fraction]]:
    """Every combination of params up to a bound, thinned evenly above it."""
    params = item.get("params", {})
    spans = [_span(param) for param in params.values()]
    combinations = list(itertools.product(*spans))
    for combination in combinations[:: 1 + len(combinations) // DRAWS_AT_MOST]:
        values = {name: Fraction(value) for name, value in zip(params, combination, strict=True)}
        if any(values[name] == values[other] for name, param in params.items() for other in param.get("not", ())):
            continue
        for name, formula in item.get("derive", {}).items():
            values[name] = value_of(formula, values)
        yield values


def value_of(text: str, names: dict[str, Any]) -> Fraction:
    """Arithmetic over known names; `^` is a power. A tree walk, never eval."""
    return _value(ast.parse(str(text).replace("^", "**"), mode="eval").body, names)


def _value(node: ast.expr, names: dict[str, Any]) -> Fraction:
    match node:
        case ast.Constant(value=int() as number):
            return Fraction(number)
        case ast.Name(id=name):
            return Fraction(names[name])
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return -_value(part, names)
        case ast.BinOp(left=left, op=sign, right=right):
            return Fraction(OPERATIONS[type(sign)](_value(left, names), _value(right, names)))
    raise AssertionError(f"not arithmetic: {ast.dump(node)}")


def _span(param: Doc) -> list[int]:
    return list(range(param["int"][0], param["int"][1] + 1)) if "int" in param else list(param["choice"])


def _fill(part: Any, values: dict[str, Fraction]) -> Any:
    if isinstance(part, dict):
        return {key: _fill(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_fill(value, values) for value in part]
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), str(part))


def _texts(part: Any) -> Iterator[Doc]:
    """Every mapping that looks like a text in two languages, at any depth."""
    if isinstance(part, dict):
        if "zh" in part or "en" in part:
            yield part
        else:
            part = list(part.values())
    if isinstance(part, list):
        for value in part:
            yield from _texts(value)


def _strings(part: Any) -> list[str]:
    if isinstance(part, dict):
        part = list(part.values())
    return [text for value in part for text in _strings(value)] if isinstance(part, list) else [str(part)]


def _bare(text: str) -> str:
    return re.sub(r"[\s$*]", "", text).casefold()


def _slugs(course: Path, part: str) -> list[str]:
    return [entry["slug"] for entry in document(course)[part]]
