"""Read the LaTeX that problem sets use for keys into the text of our grammar: `\\frac{1}{2}` → `((1)/(2))`."""

from __future__ import annotations

import re

_SPACED = re.compile(r"\\(?:left|right|,|;|!|quad)(?![A-Za-z])|\\ |~")
_TIMES = re.compile(r"\\(?:times|cdot)(?![A-Za-z])")
_WORD_POWER = re.compile(r"\{([A-Za-z]{2,})\}(?=\^)")
_COMMANDS = {"\\pi": "pi", "\\div": "/", "\\%": "%"}


class NotReadable(ValueError):
    """The LaTeX holds something our grammar has no words for."""


def to_grammar(latex: str) -> str:
    r"""The same expression as people would type it.

    >>> to_grammar(r"$$\frac{-5}{2}\sqrt[3]{x}$$")
    '((-5)/(2))((x)^(1/(3)))'
    """
    text = _SPACED.sub(" ", latex.replace("$$", " "))
    text = _TIMES.sub("*", text)
    text = _WORD_POWER.sub(r"\1", text)  # the source writes {mn}^5 for what people read as m·n^5
    for command, plain in _COMMANDS.items():
        text = re.sub(re.escape(command) + r"(?![A-Za-z])", plain, text)
    text = _structures(text)
    unknown = re.search(r"\\[A-Za-z]+|\\.|&", text)
    if unknown:
        raise NotReadable(f"{unknown[0]} is not in our grammar")
    text = " ".join(text.replace("{", "(").replace("}", ")").split())
    return text.replace("( ", "(").replace(" )", ")")


def _structures(text: str) -> str:
    """Fractions and roots, inside out."""
    while match := re.search(r"\\([dt]?frac|sqrt)", text):
        before, rest = text[: match.start()], text[match.end() :]
        if match[1] == "sqrt":
            index, rest = _optional(rest)
            body, rest = _group(rest)
            root = f"(({body})^(1/({index})))" if index else f"sqrt({body})"
            text = f"{before}{root}{rest}"
        else:
            top, rest = _group(rest)
            bottom, rest = _group(rest)
            text = f"{before}(({top})/({bottom})){rest}"
    return text


def _optional(text: str) -> tuple[str, str]:
    if not text.startswith("["):
        return "", text
    inside, closed, rest = text[1:].partition("]")
    if not closed:
        raise NotReadable("a ] is missing after \\sqrt")
    return ("", rest) if inside.strip() == "2" else (inside, rest)


def _group(text: str) -> tuple[str, str]:
    """The content of the braces text starts with, and what follows them."""
    text = text.lstrip()
    if not text.startswith("{"):
        if not text:
            raise NotReadable("an argument is missing")
        return text[0], text[1:]
    depth = 0
    for index, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[1:index], text[index + 1 :]
    raise NotReadable("a } is missing")
