"""Templates: the same seed gives the same question everywhere; keys and mistakes follow the draw."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.learning.courses import items

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import arithmetic, grader, templates

TEMPLATE = items.item(
    "expression",
    params={"a": {"int": [-9, 9], "not": [0, 1]}, "b": {"int": [2, 9], "not": ["a"]}, "who": {"choice": ["Li", "An"]}},
    derive={"c": "a*b"},
    prompt={"zh": "{who}：去括号 ${a}(x-{b})$，写出 \\{a}", "en": r"{who}: expand ${a}(x-{b})$ and $\frac{1}{2}$"},
    answer="{a}*x - {c}",
    variables=["x"],
    form="expanded",
    wrong=[{"answer": "{a}*x - {b}", "misconception": "demo.first-term-only"}],
)


@given(st.integers(0, 2**63))
def test_params_keep_their_bounds_and_differ_where_told(seed: int) -> None:
    values = templates.numbers(templates.draw(TEMPLATE, seed).values)
    assert -9 <= values["a"] <= 9
    assert values["a"] not in (0, 1, values["b"])
    assert values["c"] == values["a"] * values["b"]


def test_a_seed_gives_the_same_question_on_every_machine() -> None:
    """Fixed figures: a changed draw would change the questions of open attempts."""
    drawn = [templates.numbers(templates.draw(TEMPLATE, seed).values) for seed in (0, 1, 2)]
    assert [(int(v["a"]), int(v["b"])) for v in drawn] == [(-2, 7), (9, 7), (9, 8)]


def test_only_known_names_are_replaced() -> None:
    question = grader.question(TEMPLATE, 1, "en")
    assert question.prompt.endswith(r": expand $9(x-7)$ and $\frac{1}{2}$")
    assert grader.question(TEMPLATE, 1, "zh").prompt.endswith("去括号 $9(x-7)$，写出 \\{a}")


def test_negative_values_stand_in_brackets_in_keys() -> None:
    item = items.item("expression", params={"a": {"int": [-3, -3]}}, answer="{a}^2*x", variables=["x"])
    assert grader.question(item, 0, "en").key.answer == "(-3)^2*x"


def test_key_and_typical_mistake_follow_the_seed(judge: grader.Grader) -> None:
    for seed in range(50):
        key = grader.question(TEMPLATE, seed, "zh").key.answer
        assert judge.grade(TEMPLATE, seed, key, cache_key="t1").correct
        ((wrong, misconception),) = grader.wrong_answers(TEMPLATE, seed)
        verdict = judge.grade(TEMPLATE, seed, wrong, cache_key="t1")
        assert (verdict.correct, verdict.misconception) == (False, misconception)


def test_choices_are_shuffled_by_seed_and_ids_stay() -> None:
    orders = {tuple(choice.id for choice in grader.question(items.single(), s, "en").choices) for s in range(40)}
    assert len(orders) > 3
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_none_of_the_above_and_yes_no_keep_their_order() -> None:
    choices = [{"id": i, "text": t, "correct": i == "a"} for i, t in zip("abc", ["1", "2", "以上都不对"], strict=True)]
    for item in (items.single(choices=choices), items.single(choices=choices[:2])):
        assert {tuple(c.id for c in grader.question(item, s, "zh").choices) for s in range(20)} == {
            tuple("abc"[: len(item.choices)])  # type: ignore[union-attr]
        }


def test_a_question_never_shows_its_key_hints_or_explanation_when_dumped() -> None:
    item = items.item("numeric", answer=4321, hints=["hint-text"], explanation="explained")
    question = grader.question(item, 0, "en")
    for dumped in (question.model_dump_json(), repr(question), str(question.model_dump())):
        assert "4321" not in dumped
        assert "hint-text" not in dumped
        assert "explained" not in dumped
    assert question.key == interface.Key(answer="4321", says=("4321",))
    assert question.hints == ("hint-text",)
    assert question.hint_count == 1


def test_an_impossible_draw_is_refused_by_name() -> None:
    item = items.item("numeric", params={"a": {"int": [2, 2], "not": [2]}}, answer="{a}")
    with pytest.raises(arithmetic.ArithmeticRefused, match='param "a"'):
        templates.draw(item, 0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3*4", "14"),
        ("2**3**2", "512"),
        ("-2**2", "-4"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("1/3 + 1/6", "0.5"),
        ("2 ** -1", "0.5"),
        ("(n+1)*n/2", "28"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "1/3"),
    ],
)
def test_arithmetic_is_exact_and_follows_the_usual_order(text: str, value: str) -> None:
    assert arithmetic.show(arithmetic.evaluate(text, {"n": Fraction(7)})) == value


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 50))
def test_arithmetic_agrees_with_fractions(a: int, b: int, c: int) -> None:
    values = {"a": Fraction(a), "b": Fraction(b), "c": Fraction(c)}
    assert arithmetic.evaluate("a*(b - c)/c + a % c - b // c", values) == (Fraction(a * (b - c), c) + a % c - b // c)


@given(st.fractions())
def test_shown_numbers_read_back_exactly(value: Fraction) -> None:
    assert arithmetic.evaluate(arithmetic.show(value), {}) == value


@pytest.mark.parametrize(
    "text",
    [
        "1/0",
        "5 % 0",
        "z",
        "1 +",
        "(1",
        "1)",
        "2 ** 65",
        "0 ** -1",
        "9**64**1*9**64*9**64*9**64*9**64*9**64",
        "a.b",
        "f(1)",
        "(" * 40,
        "1" * 201,
    ],
)
def test_arithmetic_that_has_no_value_is_refused(text: str) -> None:
    with pytest.raises(arithmetic.ArithmeticRefused):
        arithmetic.evaluate(text, {"f": Fraction(1)})
