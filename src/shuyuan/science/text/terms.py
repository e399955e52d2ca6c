"""The terms of a text: what two texts that speak of the same thing share."""

import itertools
import re

_TERM = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")
_FIRST_CHINESE = "\u4e00"


def terms(text: str) -> list[str]:
    """Words and numbers, and pairs of Chinese characters that stand side by side.

    >>> terms("Like terms：同类项 2x")
    ['like', 'terms', '2x', '同类', '类项']
    """
    found = _TERM.findall(text.lower())
    words = [term for term in found if term < _FIRST_CHINESE]
    return words + [a + b for a, b in itertools.pairwise(found) if min(a, b) >= _FIRST_CHINESE]
