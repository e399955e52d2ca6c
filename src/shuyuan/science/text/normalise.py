"""One plain form for comparing: half width, LaTeX on the line, no markdown emphasis, lower case, one space."""

import re
import unicodedata

from shuyuan.science.text.latex import latex_to_plain

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_VULGAR = re.compile(r"(\d?)([¼½¾⅐-⅞])")
_EMPHASIS = re.compile(r"(?<![\w)\]])\*(\S|\S[^*]*\S)\*(?![\w(])")  # *so*, but not 2*x
_SAME = str.maketrans({
    "−": "-", "–": "-", "—": ",", "‐": "-", "‑": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "⁄": "/",
    "∕": "/", "“": '"', "”": '"', "‘": "'", "’": "'", "。": ".", "、": ",", "【": "[", "】": "]", "「": '"', "」": '"',
    "\u200b": None, "\ufeff": None, "\u00ad": None,
})  # fmt: skip


def half_width(text: str) -> str:
    """Full-width letters, digits and signs to the ordinary ones; superscripts to `^n`, ½ to 1/2.

    >>> half_width("ｘ＝１２，５²，1½")
    'x=12,5^2,1 1/2'
    """
    text = _SUPERSCRIPT_RUN.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    text = _VULGAR.sub(lambda found: found[1] + (" " if found[1] else "") + found[2], text)
    return unicodedata.normalize("NFKC", text).translate(_SAME)


def plain(text: str, *, keep_case: bool = False) -> str:
    r"""The form that leak detection compares.

    >>> plain("**答案**是 $\\frac{1}{2}$！")
    '答案是 1/2!'
    """
    text = half_width(latex_to_plain(text))
    text = re.sub(r"\*\*|__|`+|(?<!\w)_|_(?!\w)", "", text)
    text = _EMPHASIS.sub(r"\1", text)
    text = re.sub(r"\s+", " ", text).strip()
    return text if keep_case else text.lower()
