"""Different typing, one plain form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.science import text


@pytest.mark.parametrize(
    ("written", "read"),
    [("$\\frac{1}{2}$", "1/2"), ("\\dfrac{a+1}{2}", "(a+1)/2"), ("\\frac12", "1/2"), 
     ("\\frac{\\frac{1}{2}}{3}", "(1/2)/3"),
     ("$2 \\times 3$", "2 * 3"), ("\\(x\\)", "x"), ("\\[x^{10}\\]", "x^10"), ("\\text{cm}", "cm"), ("50\\%", "50%"),
     ("\\sqrt{2}", "sqrt(2)"), ("\\left( x \\right)", "( x )"), ("x^{a+1}", "x^(a+1)"), ("\\frac{1", "1/")],
)  # fmt: skip
def test_latex_is_written_on_the_line(written: str, read: str) -> None:
    assert " ".join(text.latex_to_plain(written).split()) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [("Ａ，Ｂ", "a,b"), ("**12**", "12"), ("*so* 2*x", "so 2*x"), ("x²", "x^2"), ("5 − 3", "5 - 3"), ("`x`", "x"),
     ("①", "1"), ("  A \n B ", "a b"), ("a — b", "a , b"), ("2 \\cdot 3", "2 * 3"), ("snake_case", "snake_case")],
)  # fmt: skip
def test_typing_habits_disappear_in_the_plain_form(written: str, read: str) -> None:
    assert text.plain(written) == read


@given(st.text(max_size=200))
def test_any_text_at_all_can_be_made_plain_and_asked_for_leaks(anything: str) -> None:
    assert text.plain(anything) == text.plain(anything).strip()
    assert isinstance(text.contains_answer(anything, ["12", "2x-5", anything], ["B"], given=[anything]), bool)
