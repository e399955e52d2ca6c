"""The grammar reads what people type, writes it back, and refuses the rest with a way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.learning.courses.grading import expressions

from shuyuan.learning.courses.grading import grammar


@given(expressions.trees())
def test_what_is_written_reads_back_as_the_same_tree(tree: grammar.Node) -> None:
    text = grammar.show(tree)
    assert grammar.parse(text, expressions.NAMES) == tree


@given(st.text(max_size=220))
def test_any_text_is_read_or_refused_with_a_reason_in_both_languages(text: str) -> None:
    try:
        assert grammar.show(grammar.parse(text))
    except grammar.Unreadable as refused:
        unreadable = refused
    else:
        return
    assert unreadable.zh
    assert unreadable.en


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("2x", "2*x"),
        ("3(x-1)", "3*(x-1)"),
        ("(x+1)(x-2)", "(x+1)*(x-2)"),
        ("３（x－１）", "3*(x-1)"),
        ("6 ÷ 2 × 3", "6/2*3"),
        ("x²+1", "x^2+1"),
        ("x⁻¹²", "x^-12"),
        ("−x^2", "-x^2"),
        ("2**3**2", "2^3^2"),
        ("√2x", "sqrt(2)*x"),
        ("|x-1|+2", "abs(x-1)+2"),
        ("2π r", "2*pi*r"),
        ("xy", "x*y"),
        ("1/2x", "1/2*x"),
        ("a-(b-c)", "a-(b-c)"),
        ("a/(b/c)", "a/(b/c)"),
        ("0.50", "0.5"),
        ("y=2x", "y = 2*x"),
    ],
)
def test_typed_mathematics_is_read_as_people_mean_it(typed: str, shown: str) -> None:
    assert grammar.show(grammar.parse(typed)) == shown


def test_a_power_binds_to_the_right_and_before_a_sign() -> None:
    assert grammar.parse("2^3^2") == grammar.parse("2^(3^2)")
    assert grammar.parse("-x^2") == grammar.parse("-(x^2)")


def test_a_capital_letter_of_a_phone_keyboard_is_the_known_variable() -> None:
    assert grammar.parse("2X", ["x"]) == grammar.parse("2x", ["x"])
    assert grammar.parse("2X", ["X"]) != grammar.parse("2x", ["x"])


def test_a_long_name_is_known_only_when_declared() -> None:
    assert grammar.names(grammar.parse("speed*t", ["speed"])) == {"speed", "t"}
    assert grammar.names(grammar.parse("ab")) == {"a", "b"}


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("__import__('os')", '"_"'),
        ("x; 1", '";"'),
        ("lambda: 0", '":"'),
        ("(x", '")"'),
        ("x)", '")"'),
        ("2+", "its end"),
        ("", "empty"),
        ("2 3", "2*3"),
        ("x2", "x^2"),
        ("a/2b", "two ways"),
        ("sin x", "sin(…)"),
        ("x==1", '"="'),
        ("x=1=2", '"="'),
        ("|x", '"|"'),
        ("9" * 31, "30 digits"),
        ("(" * 31 + "x" + ")" * 31, "30 levels"),
        ("-" * 40 + "x", "30 levels"),
        ("√" * 40 + "2", "30 levels"),
        ("+".join("x" * 99) + "x" * 3, "200"),
        ("x" * 201, "201 characters"),
    ],
)
def test_what_is_no_expression_is_refused_naming_the_value(typed: str, named: str) -> None:
    with pytest.raises(grammar.Unreadable) as refused:
        grammar.parse(typed)
    assert named in refused.value.en
