"""Equality of expressions: exact where rational, sampled where not, bounded everywhere."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learning.courses.grading import expressions

from shuyuan.learning.courses.grading import algebra, equivalence, grammar


def judge(answer: str, key: str, *wrong: str, variables: str = "xyab", form: str = "any") -> equivalence.Judgement:
    return equivalence.judge(answer, key, wrong, tuple(variables), form)


@given(st.lists(expressions.linear(), min_size=1, max_size=4))
def test_a_product_of_factors_equals_its_expansion(factors: list[tuple[int, int]]) -> None:
    coefficients = [1]
    for a, b in factors:  # multiply by a*x + b, lowest power first
        coefficients = [b * low + a * high for low, high in zip([*coefficients, 0], [0, *coefficients], strict=True)]
    factored = "".join(f"({a}x+{b})" for a, b in factors)
    expanded = " + ".join(f"({c})x^{power}" for power, c in enumerate(coefficients))
    assert judge(factored, expanded)["outcome"] == "correct"
    assert judge(f"{factored}+1", expanded)["outcome"] == "wrong"


@settings(max_examples=200)
@given(expressions.trees(), expressions.trees())
def test_equivalence_is_symmetric(a: grammar.Node, b: grammar.Node) -> None:
    def compared(left: grammar.Node, right: grammar.Node) -> object:
        try:
            return equivalence.equivalent(left, right)
        except grammar.Unreadable:
            return "refused"

    assert compared(a, b) == compared(b, a)


@settings(max_examples=200)
@given(expressions.trees())
def test_an_expression_that_has_a_value_equals_itself_and_not_itself_plus_one(tree: grammar.Node) -> None:
    more = grammar.Op("+", tree, grammar.Num(Fraction(1)))
    try:
        ratio = algebra.normal(tree)
    except (grammar.Unreadable, algebra.NotRational):
        return
    assert algebra.same(ratio, ratio)
    assert not equivalence.equivalent(tree, more)


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("(x^2-1)/(x-1)", "x+1"),
        ("x^-2", "1/x^2"),
        ("0.5x", "x/2"),
        ("sqrt(8)", "2sqrt(2)"),
        ("1/sqrt(2)", "sqrt(2)/2"),
        ("x^(1/2)", "sqrt(x)"),
        ("x*x^(1/3)", "x^(4/3)"),
        ("sin(x)^2+cos(x)^2", "1"),
        ("ln(x^2)", "2ln(x)"),
        ("|x-1|", "|1-x|"),
        ("2pi*x", "2x*π"),
        ("(x+y)^20", "(y+x)^20"),
        ("4^28", "2^56"),
        ("x=1", "1"),
        ("1", "x=1"),
        ("1=x", "x=1"),
        ("2y=4x+2", "2*y = 2*(2x+1)"),
        ("b=y/a", "b = y/a"),
    ],
)
def test_equal_values_in_another_dress_are_correct(answer: str, key: str) -> None:
    assert judge(answer, key)["outcome"] == "correct"
    assert judge(key, answer)["outcome"] in ("correct", "form")


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("sqrt(x^2)", "x"),
        ("(x+y)^2", "x^2+y^2"),
        ("1.4142135", "sqrt(2)"),
        ("sin(x)", "cos(x)"),
        ("x=2", "x=1"),
        ("y=1", "x=1"),
        ("x^20+1", "x^20"),
        ("sqrt(-1)", "1"),
    ],
)
def test_different_values_are_wrong(answer: str, key: str) -> None:
    assert judge(answer, key)["outcome"] == "wrong"
    assert judge(key, answer)["outcome"] == "wrong"


@pytest.mark.parametrize(
    "hostile",
    [
        "9**9**9",
        "10^10^10",
        "((((9^9)^9)^9)^9)",
        "(((x+1)^20)^20)^20",
        "(x+y+a+b+1)^20",
        "x^1000000",
        "2^101",
        "1/0",
        "1/(x-x)",
        "(x-x)^-1",
        "9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99*9^99",
        "x^x^x^x^99999",
        "__import__('os').system('id')",
    ],
)
def test_hostile_expressions_are_malformed_not_wrong(hostile: str) -> None:
    assert judge(hostile, "x")["outcome"] == "malformed"


def test_a_typical_mistake_is_recognised_in_any_dress() -> None:
    said = judge("2x - 1", "2x-2", "x-2", "2x-1")
    assert (said["outcome"], said["wrong"]) == ("wrong", 1)


def test_a_letter_that_does_not_occur_is_malformed_and_named() -> None:
    said = judge("x+q", "x", variables="x")
    assert said["outcome"] == "malformed"
    assert '"q"' in said["en"]


@pytest.mark.parametrize(
    ("answer", "key", "form", "outcome"),
    [
        ("3x-3", "3x-3", "expanded", "correct"),
        ("-3+3*x", "3x-3", "expanded", "correct"),
        ("3(x-1)", "3x-3", "expanded", "form"),
        ("3x-1-2", "3x-3", "expanded", "form"),
        ("x^2+2x+1", "x^2+2x+1", "expanded", "correct"),
        ("(x+1)^2", "x^2+2x+1", "expanded", "form"),
        ("5x", "5x", "simplified", "correct"),
        ("2x+3x", "5x", "simplified", "form"),
        ("x*5", "5x", "simplified", "correct"),
        ("10x/2", "5x", "simplified", "form"),
        ("x*x", "x^2", "simplified", "form"),
        ("2*3x", "6x", "simplified", "form"),
        ("5(x+1)", "5x+5", "simplified", "correct"),
        ("sqrt(12)", "2sqrt(3)", "simplified", "form"),
        ("2*sqrt(3)", "2sqrt(3)", "simplified", "correct"),
        ("sqrt(3)+sqrt(3)", "2sqrt(3)", "simplified", "form"),
        ("sqrt(x^3)", "x*sqrt(x)", "simplified", "form"),
        ("(x-2)(x+3)", "(x+3)(x-2)", "factored", "correct"),
        ("x^2+x-6", "(x+3)(x-2)", "factored", "form"),
        ("(x+1)(x+1)", "(x+1)^2", "factored", "correct"),
        ("ab=y", "b = y/a", "any", "form"),
        ("2x+1=3", "x=1", "any", "form"),
    ],
)
def test_the_required_form_is_checked_after_the_value(answer: str, key: str, form: str, outcome: str) -> None:
    assert judge(answer, key, form=form)["outcome"] == outcome
