"""Short text answers: equal to an accepted wording after case, width, spaces and end marks are evened out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from shuyuan.learning.courses import interface

MAX_CHARACTERS = 200
_SIGNS = str.maketrans({"−": "-", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "、": ",", "。": "."})
_AROUND = re.compile(r"\s*([^\w\s'\"])\s*")
_SPACES = re.compile(r"\s+")


def normalised(text: str) -> str:
    """
    >>> normalised(" （ 7.30， 9.15 ）。 ")
    '(7.30,9.15)'
    """
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS).casefold()
    return _SPACES.sub(" ", _AROUND.sub(r"\1", text)).strip().rstrip(".!;,")


def grade(answer: str, accepted: Iterable[str], wrong: Iterable[tuple[str, str]]) -> interface.Verdict:
    if len(answer) > MAX_CHARACTERS:
        return _malformed(
            f"答案有 {len(answer)} 个字符，最多 {MAX_CHARACTERS} 个：请写短些",
            f"the answer has {len(answer)} characters, at most {MAX_CHARACTERS} are read: write it shorter",
        )
    given = normalised(answer)
    if not given:
        return _malformed("答案是空的：请写一个词或短语", "the answer is empty: write a word or a short phrase")
    if given in {normalised(text) for text in accepted}:
        return interface.Verdict(correct=True, normalised=given)
    misconception = next((name for text, name in wrong if normalised(text) == given), None)
    return interface.Verdict(correct=False, misconception=misconception, normalised=given)


def _malformed(zh: str, en: str) -> interface.Verdict:
    return interface.Verdict(correct=False, malformed=True, reason=interface.Text(zh=zh, en=en))
