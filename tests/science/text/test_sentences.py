"""Sentences of a stream: whole, in order, with nothing lost."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.science import text

ALPHABET = st.text(alphabet=list("ab1 .!?。！？\n$”)：:e.g等2"), max_size=80)


@given(ALPHABET, st.lists(st.integers(0, 80), max_size=6))
def test_however_the_stream_is_cut_the_sentences_are_the_same_and_nothing_is_lost(said: str, cuts: list[int]) -> None:
    whole = text.split_sentences(said)
    assert "".join(whole) == said
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    splitter = text.SentenceSplitter()
    pieces = [one for a, b in itertools.pairwise(places) for one in splitter.feed(said[a:b])]
    assert pieces + splitter.flush() == whole


@pytest.mark.parametrize(
    ("said", "sentences"),
    [
        ("你好。我们开始吧！好吗？", ["你好。", "我们开始吧！", "好吗？"]),
        ("Pi is 3.14. It is big.", ["Pi is 3.14.", " It is big."]),
        ("See e.g. Fig. 3 here. Done.", ["See e.g. Fig. 3 here.", " Done."]),
        ("Dr. Lin said so. Yes.", ["Dr. Lin said so.", " Yes."]),
        ("It is $x. y$ here. Ok.", ["It is $x. y$ here.", " Ok."]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        ("1. First do this.\n2. Then that.", ["1. First do this.", "\n2. Then that."]),
        ("What?! Really...", ["What?!", " Really..."]),
        ("The answer is:\n12", ["The answer is:\n12"]),
        ("line one\nline two", ["line one\n", "line two"]),
        ("It costs 12. Next.", ["It costs 12.", " Next."]),
        ("", []),
    ],
)
def test_sentences_end_where_people_end_them(said: str, sentences: list[str]) -> None:
    assert text.split_sentences(said) == sentences


def test_a_sentence_leaves_as_soon_as_it_is_known_to_be_over() -> None:
    splitter = text.SentenceSplitter()
    assert splitter.feed("第一句。") == []
    assert splitter.feed("第") == ["第一句。"]
    assert splitter.feed("二句") == []
    assert splitter.flush() == ["第二句"]
    assert splitter.flush() == []


def test_a_lone_dollar_does_not_hold_the_text_back_for_ever() -> None:
    said = "It costs $5. " + "word " * 80 + "end. Next. "
    assert len(text.split_sentences(said)) > 1
