"""Personal data is hidden before a stranger reads it and shown again in the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.science.text import masking


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("写信到 li.hua@mail.example.cn 吧", "写信到 [[EMAIL_1]] 吧"),
        ("请打13812345678找我", "请打[[PHONE_1]]找我"),
        ("请打 138 1234 5678", "请打 [[PHONE_1]]"),
        ("call +44 20 7946 0958 now", "call [[PHONE_1]] now"),
        ("call +1 (415) 555-0132.", "call [[PHONE_1]]."),
        ("身份证11010519491231002X,谢谢", "身份证[[ID_1]],谢谢"),
        ("a@example.org and b@example.org, a@example.org", "[[EMAIL_1]] and [[EMAIL_2]], [[EMAIL_1]]"),
    ],
)
def test_what_names_a_person_is_hidden(text: str, hidden: str) -> None:
    mask = masking.Mask()
    assert mask.hide(text) == hidden
    assert mask.show(hidden) == text


@pytest.mark.parametrize(
    "text",
    ["3.14159 and 2026-11-22", "110105194912310021", "订单号138123456789012", "x + 12 = 30", "1+1=2", "见@同学", "+12"],
)
def test_numbers_that_name_nobody_stay(text: str) -> None:
    assert masking.Mask().hide(text) == text


def test_given_names_are_hidden_longest_first_and_whole() -> None:
    mask = masking.Mask(["王小明", "小明", "Ann", " "])
    assert mask.hide("王小明和小明, Ann, Anna") == "[[NAME_1]]和[[NAME_2]], [[NAME_3]], Anna"


def test_what_looks_like_a_mark_already_is_not_swapped_for_another_value() -> None:
    mask = masking.Mask()
    text = "[[EMAIL_1]] is not a@example.org"
    hidden = mask.hide(text)
    assert "example.org" not in hidden
    assert mask.show(hidden) == text


def test_marks_nobody_set_stay() -> None:
    assert masking.Mask().show("[[EMAIL_7]]") == "[[EMAIL_7]]"


@given(st.data())
def test_an_answer_in_pieces_shows_what_the_whole_would(data: st.DataObject) -> None:
    mask = masking.Mask(["小明"])
    mask.hide("小明 a@example.org 13812345678")
    parts = ["[[NAME_1]]", "[[EMAIL_1]]", "[[PHONE_1]]", "[[NAME_2]]", "[", "[[", "]]", "x[[A", "字", "[[EMAIL_"]
    text = "".join(data.draw(st.lists(st.sampled_from(parts), max_size=12)))
    shower, shown, at = masking.Shower(mask), "", 0
    while at < len(text):
        size = data.draw(st.integers(1, 7))
        shown += shower.feed(text[at : at + size])
        at += size
    assert shown + shower.end() == mask.show(text)


@given(st.text(alphabet="a@.小明1389+ []_0EMAIL-XPHON", max_size=60))
def test_hiding_and_showing_gives_the_text_back(text: str) -> None:
    mask = masking.Mask(["小明"])
    assert mask.show(mask.hide(text)) == text


def test_a_long_line_is_searched_in_linear_time() -> None:
    text = "+1" * 50_000 + "1" * 50_000 + "a." * 50_000 + "@" * 1_000
    assert len(masking.Mask().hide(text)) == len(text)
