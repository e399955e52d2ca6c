"""The terms two texts may share."""

import doctest
import importlib

import pytest

from shuyuan.science import text


def test_examples_in_the_docs_hold() -> None:
    told = doctest.testmod(importlib.import_module("shuyuan.science.text.terms"))
    assert (told.failed, told.attempted) == (0, 1)


@pytest.mark.parametrize(
    ("written", "found"),
    [("Like TERMS, like terms", ["like", "terms", "like", "terms"]), ("去括号", ["去括", "括号"]), ("字", []),
     ("x和y", ["x", "y"]), ("2x+3", ["2x", "3"]), ("同 类", ["同类"]), ("", []), ("😀 …", [])],
)  # fmt: skip
def test_words_and_pairs_of_chinese_characters_are_the_terms(written: str, found: list[str]) -> None:
    assert text.terms(written) == found
