"""Numbers in words, both ways and in both languages."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.science import text


@given(st.integers(-(10**12) + 1, 10**12 - 1))
def test_every_whole_number_survives_being_read_out_in_chinese(number: int) -> None:
    assert text.chinese_to_number(text.number_to_chinese(number)) == number


@pytest.mark.parametrize(
    ("words", "value"),
    [("十", 10), ("十二", 12), ("二十", 20), ("两百", 200), ("一百五", 150), ("一百零五", 105), ("三千零二十", 3020),
     ("一万二", 12000), ("十万", 100000), ("二〇二四", 2024), ("负三", -3), ("零点五", Fraction(1, 2)),
     ("三点一四", Fraction(314, 100)), ("三分之二", Fraction(2, 3)), ("百分之五", Fraction(1, 20)), ("零", 0)],
)  # fmt: skip
def test_chinese_numerals_have_their_value(words: str, value: int | Fraction) -> None:
    assert text.chinese_to_number(words) == value


@pytest.mark.parametrize("words", ["", "万一", "百", "点五", "三点", "一二十", "零分之一", "你好", "负"])
def test_characters_that_form_no_number_are_none(words: str) -> None:
    assert text.chinese_to_number(words) is None


def test_a_number_too_large_to_read_out_is_refused() -> None:
    with pytest.raises(ValueError, match="below 10"):
        text.number_to_chinese(10**12)


@pytest.mark.parametrize(
    ("words", "value"),
    [("zero", 0), ("Twelve", 12), ("twenty one", 21), ("ninety-nine", 99), ("one hundred", 100),
     ("one hundred and five", 105), ("two thousand and twenty four", 2024), ("three million", 3_000_000),
     ("minus three", -3), ("negative ten", -10), ("zero point two five", Fraction(1, 4)),
     ("two thirds", Fraction(2, 3)),
     ("three-quarters", Fraction(3, 4)), ("half", Fraction(1, 2)), ("two and a half", Fraction(5, 2)),
     ("twelve hundred", 1200)],
)  # fmt: skip
def test_english_number_words_have_their_value(words: str, value: int | Fraction) -> None:
    assert text.english_to_number(words) == value


@pytest.mark.parametrize("words", ["", "cat", "two three", "someone", "twenty eleven", "one point twelve"])
def test_words_that_form_no_number_are_none(words: str) -> None:
    assert text.english_to_number(words) is None


@pytest.mark.parametrize(
    ("sentence", "values"),
    [("a 1/2 b 24/3 c", [Fraction(1, 2), 24, 3]), ("x-3", [3]), ("(-3)", [-3]), ("1,200 and 12,5", [1200, 12, 5]),
     ("1/0", [1, 0]), ("3.14.", [Fraction(314, 100)]), ("v2 of x3", []), ("2 1/4", [Fraction(9, 4)]), ("3万", [30000])],
)  # fmt: skip
def test_the_numbers_of_a_sentence_are_found_by_value(sentence: str, values: list[int | Fraction]) -> None:
    assert [one.value for one in text.quantities(sentence)] == values
