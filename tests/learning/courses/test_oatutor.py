"""OATutor problems: what comes in grades its key correct and a perturbed key wrong; the rest has a reason."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from shuyuan.learning.courses import checks, interface, latex, oatutor, rendering
from shuyuan.learning.courses.grading import arithmetic, grader

LICENCE = "https://creativecommons.org/licenses/by/4.0/ <CC BY 4.0>"
BOOK = "https://openstax.org/details/books/elementary-algebra-2e <OpenStax: Elementary Algebra>"
MINIMUM_SHARE = 0.95


def line(answer: str, number: object = 1, **step: object) -> str:
    """One problem in the source's format, with one step."""
    first = {
        "id": f"a{number}.1Demoa",
        "title": "$$4\\left(x+3\\right)$$ costs $5",
        "body": "",
        "answer": [answer],
        "problem_type": "TextBox",
        "answer_type": "arithmetic",
        "skills": ["multiply_a_polynomial"],
        "hints": [{"type": "hint", "title": "t", "text": "Multiply $$4$$ by each"}],
        **step,
    }
    return json.dumps(
        {
            "id": f"a{number}",
            "title": "Multiply",
            "body": "Multiply:\\n##figure1.gif##",
            "course": "OpenStax: Elementary Algebra",
            "lesson": "6.3 Multiply Polynomials",
            "oer": BOOK,
            "license": LICENCE,
            "has_figure": False,
            "steps": [first],
        }
    )


def only_item(text: str, judge: grader.Grader) -> interface.Item:
    found = oatutor.read([text], judge)
    assert found.report.refused == ()
    ((item,),) = [content.items for content in found.contents]
    return item


def perturbed(item: interface.Item) -> str:
    """The key, made wrong: another choice, one more, one letter more."""
    key = grader.question(item, 0, "en").key.answer
    if isinstance(item, interface.SingleItem | interface.MultipleItem):
        return next(choice.id for choice in item.choices if not choice.correct)
    assert isinstance(key, str)
    if item.kind == "text":
        return key + "x"
    left, equals, right = key.rpartition("=")
    if item.kind == "expression":
        return f"{left}{equals}({right})+1"
    return arithmetic.show(arithmetic.evaluate(f"({key}) + 1", {}))


def assert_graded(items: Sequence[interface.Item], judge: grader.Grader) -> None:
    for item in items:
        assert judge.key_fault(item, 0) == "", item.id
        verdict = judge.grade(item, 0, perturbed(item))
        assert not verdict.correct, item.id
        assert not verdict.malformed, (item.id, perturbed(item), verdict.reason)


SAMPLES = [
    ("$$4x+12$$", "expression", "expanded"),
    ("$$\\frac{-5}{2}$$", "numeric", None),
    ("$$1.5$$ * $${10}^4$$", "numeric", None),
    ("$$9.33\\times{10}^{\\left(-2\\right)}$$", "numeric", None),
    ("$$-18\\sqrt{6}$$", "expression", "any"),
    ("$$2\\sqrt[4]{8}$$", "expression", "any"),
    ("$$x=\\frac{11}{8}$$", "expression", "any"),
    ("$$3^8$$", "expression", "any"),
    ("$$|x| \\sqrt[4]{x^3}$$", "expression", "any"),
    ("$$\\frac{1}{{mn}^5}$$", "expression", "any"),
    ("40a", "expression", "any"),
]


@pytest.mark.parametrize(("answer", "kind", "form"), SAMPLES)
def test_arithmetic_answers_become_numbers_or_expressions(
    answer: str, kind: str, form: str | None, judge: grader.Grader
) -> None:
    item = only_item(line(answer), judge)
    assert item.kind == kind
    if isinstance(item, interface.ExpressionItem) and form == "expanded":
        assert item.form == form
    assert_graded([item], judge)


@pytest.mark.parametrize(
    ("answer", "kind", "also"),
    [
        ("9,15", "text", "15, 9"),
        ("a=5, a=-3", "text", "a = -3, a = 5"),
        ("(7.30,9.15)", "text", "( 7.30, 9.15 )"),
        ("DNE", "text", "dne"),
        ("$1.79", "numeric", "1.79"),
        ("12y**3/7", "expression", "(12/7)y^3"),
    ],
)
def test_string_answers_become_what_grades_them_best(answer: str, kind: str, also: str, judge: grader.Grader) -> None:
    item = only_item(line(answer, answer_type="string"), judge)
    assert item.kind == kind
    assert judge.grade(item, 0, also).correct
    assert_graded([item], judge)


def test_choices_lose_repetitions_and_keep_their_key(judge: grader.Grader) -> None:
    item = only_item(line("No", problem_type="MultipleChoice", choices=["Yes", "No", "No"]), judge)
    assert isinstance(item, interface.SingleItem)
    assert [(choice.text.en, choice.correct) for choice in item.choices] == [("Yes", False), ("No", True)]
    assert_graded([item], judge)


@pytest.mark.parametrize(
    ("answer", "step", "reason"),
    [
        ("42a105c", {}, "a sign is missing"),
        ("$$\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}$$", {}, "\\begin"),
        ("$$1\\pm 2$$", {}, "\\pm"),
        ("$$5x^{2x}$$", {}, "letter in an exponent"),
        ("r+5/2r(r+2)", {"answer_type": "string"}, "two ways"),
        ("p(p−4)/b(p−9)", {"answer_type": "string"}, "two ways"),
        ("$$\\frac{1$$", {}, "missing"),
        ("a", {"problem_type": "MultipleChoice", "choices": ["a", "a"]}, "nothing to choose"),
        ("c", {"problem_type": "MultipleChoice", "choices": ["a", "b"]}, "not among the choices"),
        ("", {}, "no answer"),
    ],
)
def test_what_cannot_grade_fairly_is_refused_with_its_reason(
    answer: str, step: dict[str, object], reason: str, judge: grader.Grader
) -> None:
    found = oatutor.read([line(answer, **step)], judge)
    (refusal,) = found.report.refused
    assert refusal.id == "a1"
    assert reason in refusal.reason
    assert found.contents == ()
    assert found.report.share == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 1}', "[" * 100_000])
def test_a_line_that_is_no_problem_is_refused_by_its_number(text: str, judge: grader.Grader) -> None:
    found = oatutor.read([line("1"), text], judge)
    assert found.report.imported == 1
    assert [refusal.id for refusal in found.report.refused] == ["line 2"]


def test_prose_is_escaped_mathematics_kept_and_the_figure_reference_dropped(judge: grader.Grader) -> None:
    item = only_item(line("$$4x+12$$"), judge)
    assert item.prompt.en == "Multiply:\n\n$4\\left(x+3\\right)$ costs \\$5"
    html = rendering.html(item.prompt.en)
    assert "<math" in html
    assert "costs $5" in html


def test_hints_that_state_the_answer_are_left_out(judge: grader.Grader) -> None:
    hints = [{"type": "hint", "text": "Think of $$4$$"}, {"type": "scaffold", "text": "It is $$4x+12$$"}]
    item = only_item(line("$$4x+12$$", hints=hints), judge)
    assert [hint.en for hint in item.hints] == ["Think of $4$"]


def test_attribution_and_course_structure_are_kept(judge: grader.Grader) -> None:
    found = oatutor.read([line("1", 1), line("2", 2, skills=[""]), line("3", 3, skills=["s" * 94])], judge)
    (content,) = found.contents
    assert content.course.id == "oatutor-elementary-algebra"
    assert [unit.id for unit in content.course.units] == ["oatutor-elementary-algebra.chapter-6"]
    assert len(content.course.points) == 3
    for item in content.items:
        assert item.attribution is not None
        assert item.attribution.licence == "CC BY 4.0"
        assert "OATutor" in item.attribution.source
        assert item.attribution.url.startswith("https://openstax.org/")
        assert len(item.id) <= 160


def test_a_word_before_a_power_is_a_product_as_people_read_it(judge: grader.Grader) -> None:
    item = only_item(line("$$\\frac{1}{{mn}^5}$$"), judge)
    assert judge.grade(item, 0, "1/(m*n^5)").correct
    assert not judge.grade(item, 0, "1/(m*n)^5").correct


def test_latex_is_read_inside_out() -> None:
    assert latex.to_grammar(r"$$\frac{\frac{1}{2}}{\sqrt{x+1}}$$") == "((((1)/(2)))/(sqrt(x+1)))"


@pytest.fixture(scope="module")
def full(shuyuan_data: Path, judge: grader.Grader) -> oatutor.Import:
    file = shuyuan_data / "content_oatutor" / "problems.jsonl.gz"
    if not file.is_file():
        pytest.skip("no content_oatutor/problems.jsonl.gz in SHUYUAN_DATA")
    return oatutor.read_file(file, judge)


def test_the_full_set_comes_in_and_every_refusal_has_a_reason(full: oatutor.Import) -> None:
    report = full.report
    assert report.imported + len(report.refused) == 3113
    assert report.share >= MINIMUM_SHARE
    assert all(refusal.reason for refusal in report.refused)
    assert sum(len(content.items) for content in full.contents) == report.items


def test_every_imported_key_is_correct_and_every_perturbed_key_wrong(
    full: oatutor.Import, judge: grader.Grader
) -> None:
    for content in full.contents:
        assert_graded(content.items, judge)


def test_every_imported_course_is_consistent(full: oatutor.Import) -> None:
    for content in full.contents:
        assert list(checks.references(content)) == []


def test_every_imported_text_renders_without_loose_latex(full: oatutor.Import) -> None:
    for content in full.contents:
        for item in content.items:
            assert "\\frac" not in rendering.html(item.prompt.of("zh")), item.id
