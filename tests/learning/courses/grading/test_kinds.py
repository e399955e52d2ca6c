"""Every kind of item: right, wrong, a typical mistake, malformed."""

import pytest
from tests.learning.courses import items

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import arithmetic, grader, numeric, shorttext


def test_a_single_choice_is_right_wrong_or_a_misconception(judge: grader.Grader) -> None:
    item = items.single()
    assert judge.grade(item, 0, "a").correct
    assert judge.grade(item, 0, ["a"]).correct
    wrong = judge.grade(item, 0, "b")
    assert (wrong.correct, wrong.misconception, wrong.normalised) == (False, "demo.doubles", "b")
    assert judge.grade(item, 0, "c").misconception is None


@pytest.mark.parametrize(("answer", "said"), [("z", '"z"'), ([], "nothing"), (["a", "b"], "2 choices")])
def test_a_single_choice_that_is_no_choice_is_malformed(
    answer: interface.Answer, said: str, judge: grader.Grader
) -> None:
    verdict = judge.grade(items.single(), 0, answer)
    assert verdict.malformed
    assert not verdict.correct
    assert verdict.reason is not None
    assert said in verdict.reason.en


def test_multiple_choice_needs_exactly_the_right_set_in_any_order(judge: grader.Grader) -> None:
    item = items.multiple()
    assert judge.grade(item, 0, ["c", "a"]).correct
    assert judge.grade(item, 0, ["c", "a", "a"]).normalised == "a,c"
    assert not judge.grade(item, 0, ["a"]).correct
    assert judge.grade(item, 0, ["a", "b", "c"]).misconception == "demo.squares"
    assert judge.grade(item, 0, []).malformed


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("12", "12"),
        (" -3.5 ", "-3.5"),
        ("３．５", "3.5"),
        ("−7", "-7"),
        ("+.5", "0.5"),
        ("2/3", "2/3"),
        ("-2/3", "-2/3"),
        ("2/-3", "-2/3"),
        ("(-2)/(3)", "-2/3"),
        ("1 1/2", "1.5"),
        ("-1 1/2", "-1.5"),
        ("1,234,567", "1234567"),
        ("1，000", "1000"),
        ("1.2e3", "1200"),
        ("1.2×10^-3", "0.0012"),
        ("1.2*10**3", "1200"),
        ("50%", "0.5"),
        ("x = 4", "4"),
        ("$5.25", "5.25"),
        ("7 cm", "7"),
        ("7厘米", "7"),
    ],
)
def test_numbers_are_read_as_people_write_them(typed: str, value: str) -> None:
    assert arithmetic.show(numeric.read(typed, ["cm", "厘米"])) == value


@pytest.mark.parametrize(
    "typed", ["", "abc", "1/0", "3,5", "1 2", "2*3", "1e999999", "9" * 70, "1.2.3", "--", "nan", "inf", "7 kg", "²"]
)
def test_what_is_no_number_is_malformed_and_never_wrong(typed: str, judge: grader.Grader) -> None:
    verdict = judge.grade(items.item("numeric", answer=12), 0, typed)
    assert verdict.malformed
    assert verdict.reason is not None
    assert typed[:20] in verdict.reason.en


def test_a_numeric_answer_is_compared_exactly_within_the_tolerance(judge: grader.Grader) -> None:
    exact = items.item("numeric", answer="0.3")
    assert judge.grade(exact, 0, "3/10").correct
    assert not judge.grade(exact, 0, "0.30000000000000001").correct
    near = items.item("numeric", answer="3.14", tolerance=0.005)
    assert judge.grade(near, 0, "3.145").correct
    assert not judge.grade(near, 0, "3.1451").correct


def test_a_typical_wrong_number_names_its_misconception(judge: grader.Grader) -> None:
    item = items.item("numeric", answer=12, wrong=[{"answer": 13, "misconception": "demo.adds-one"}])
    assert judge.grade(item, 0, "13.0").misconception == "demo.adds-one"
    assert judge.grade(item, 0, "14").misconception is None


def test_a_percent_unit_is_part_of_the_question_not_a_hundredth(judge: grader.Grader) -> None:
    item = items.item("numeric", answer=50, unit="%")
    assert judge.grade(item, 0, "50%").correct
    assert judge.grade(item, 0, "50").correct


@pytest.mark.parametrize("typed", ["token", " Token. ", "ＴＯＫＥＮ", "词元", "词元。"])
def test_short_text_evens_out_case_width_and_marks_in_either_language(typed: str, judge: grader.Grader) -> None:
    item = items.item("text", answer={"zh": ["词元"], "en": ["token"]})
    assert judge.grade(item, 0, typed).correct


def test_short_text_is_wrong_a_mistake_or_malformed(judge: grader.Grader) -> None:
    item = items.item("text", answer=["token"], wrong=[{"answer": "Word", "misconception": "demo.word"}])
    assert not judge.grade(item, 0, "tokens").correct
    assert judge.grade(item, 0, "word").misconception == "demo.word"
    assert judge.grade(item, 0, "  ").malformed
    assert judge.grade(item, 0, "t" * 201).malformed


def test_spaces_around_marks_do_not_matter_but_between_words_they_do() -> None:
    assert shorttext.normalised("( 7.30 , 9.15 )") == "(7.30,9.15)"
    assert shorttext.normalised("a  b") == "a b" != shorttext.normalised("ab")


def test_an_expression_is_right_wrong_a_mistake_or_malformed(judge: grader.Grader) -> None:
    wrong = [{"answer": "2x-5", "misconception": "demo.first-term-only"}]
    item = items.item("expression", answer="2*x - 10", variables=["x"], wrong=wrong)
    assert judge.grade(item, 0, "2*x - 10").correct
    assert judge.grade(item, 0, "2（x−5）").correct
    assert judge.grade(item, 0, "-5+2x").misconception == "demo.first-term-only"
    assert judge.grade(item, 0, "2x-11").misconception is None
    verdict = judge.grade(item, 0, "2x-")
    assert verdict.malformed
    assert verdict.reason is not None
    assert verdict.reason.zh


def test_a_right_value_in_the_wrong_form_says_so(judge: grader.Grader) -> None:
    item = items.item("expression", answer="2x-10", variables=["x"], form="expanded")
    verdict = judge.grade(item, 0, "2(x-5)")
    assert not verdict.correct
    assert not verdict.malformed
    assert verdict.reason is not None
    assert "multiply out" in verdict.reason.en


@pytest.mark.parametrize(
    "hostile", ["__import__('os')", "9**9**9", "(" * 5000, "x" * 100_000, "\x00", "\ud800", "1e9e9"]
)
@pytest.mark.parametrize("kind", ["expression", "numeric"])
def test_hostile_answers_are_malformed_for_every_written_kind(hostile: str, kind: str, judge: grader.Grader) -> None:
    assert judge.grade(items.item(kind, answer="3"), 0, hostile).malformed


@pytest.mark.parametrize("kind", ["numeric", "text", "expression"])
def test_choice_ids_sent_to_a_written_item_are_malformed(kind: str, judge: grader.Grader) -> None:
    answer = ["3"] if kind == "text" else "3"
    assert judge.grade(items.item(kind, answer=answer), 0, ["a"]).malformed
