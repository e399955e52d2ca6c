"""Does a text give an answer away? Used on hints when content is checked and when it is imported.

Deliberately plain: whole tokens only. The tutor's guard over model output is stricter and lives with the tutor.
"""

from __future__ import annotations

import re
from fractions import Fraction

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import grammar, shorttext

_NUMERAL = re.compile(r"(?<![\w.])-?(?:\d+/[1-9]\d*|\d+(?:\.\d+)?)(?![\w/]|\.\d)")
_ANNOUNCED = re.compile(r"(?:=|≈|\bis|\bare|\bget|\bequals|是|为|得|等于|[:：])\s*$", re.IGNORECASE)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_COMMAND = re.compile(r"\\(?:left|right|,|;|!|quad)|[${}]")
SMALL = 10


def states(text: str, kind: interface.Kind, key: interface.Key) -> bool:
    """Whether the text holds the key. Numbers below ten count only where announced (`= 3`, `是 3`)."""
    bare = _bare(text)
    if kind == "numeric":
        return any(_states_number(bare, say) for say in key.says)
    if kind == "expression":
        return any(_tight(say) in _tight(bare) for say in key.says if len(_tight(say)) > 2)
    return any(_says(bare, _bare(say)) for say in key.says)


def _bare(text: str) -> str:
    """Without LaTeX dress, signs as on the keyboard: `$\\frac{1}{2}$` reads 1/2."""
    return grammar.plain(_COMMAND.sub("", _FRACTION.sub(r"(\1)/(\2)", text)))


def _states_number(text: str, say: str) -> bool:
    value = Fraction(say)
    flat = re.sub(r"\((-?\d+)\)", r"\1", text)
    for found in _NUMERAL.finditer(flat):
        if Fraction(found[0]) == value and (abs(value) >= SMALL or _ANNOUNCED.search(flat[: found.start()])):
            return True
    return False


def _tight(text: str) -> str:
    return re.sub(r"[\s*]", "", text)


def _says(text: str, say: str) -> bool:
    needle, hay = shorttext.normalised(say), shorttext.normalised(text)
    if len(needle) < 2:
        return False
    if needle.isascii():
        return re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", hay) is not None
    return needle in hay
