"""Expressions inside plain text, compared up to the order of their terms and the spaces and stars in them.

Not algebra: 2(x+1) and 2x+2 stay different here. Equivalence belongs to the grader.
"""

import re
from typing import NamedTuple

_RUN = re.compile(r"[0-9a-zπ√^+\-*/().,:<>≤≥|\[\]]+(?: ?[-+*/^<>≤≥] ?[0-9a-zπ√^+\-*/().,:|\[\]]+)*")

_WORD = re.compile(
    r"\b(?!sqrt|sin|cos|tan|log)[a-z]{3,}\b"
    r"|\b(?:is|so|it|we|be|to|of|or|as|in|at|by|if|an|on|he|me|my|no|up|us|do|go|am)\b",
    re.ASCII,
)


class Run(NamedTuple):
    """A stretch of text that may be mathematics: `said[start:end]`."""

    start: int
    end: int
    text: str


def looks_like(answer: str) -> bool:
    """Whether an answer is to be compared as an expression rather than as words.

    >>> [looks_like(a) for a in ("2x-5", "x", "photosynthesis", "同类项", "3:4", "well-known", "a(b+c)")]
    [True, False, False, False, True, False, True]
    """
    if re.search(r"[^\x00-\x7fπ√≤≥±]", answer) or re.search(r"[a-z]{4,}", answer.replace("sqrt", "")):
        return False
    return bool(re.search(r"\d", answer)) or bool(re.search(r"[-+*/^=<>≤≥(]", answer))


def runs(text: str) -> list[Run]:
    """Candidates in order, without the words around them; an equation gives each of its sides.

    >>> [run.text for run in runs("so 2x - 5 = 7, ok")]
    ['2x - 5', '7', 'ok']
    """
    masked = _WORD.sub(lambda word: "\0" * len(word[0]), text)
    found = [(match.start(), match[0].rstrip(".,: ")) for match in _RUN.finditer(masked)]
    return [Run(start, start + len(run), run) for start, run in found if run]


def canonical(expression: str) -> tuple[str, ...]:
    """Its signed terms, sorted.

    >>> canonical("2*x - 5") == canonical("-5 + 2x"), canonical("x-5") == canonical("5-x")
    (True, False)
    """
    sides = expression.split("=")
    compact = re.sub(r"(?<=[\da-z)])\*(?=[a-z(])", "", sides[-1].replace(" ", ""))
    while compact.startswith("(") and compact.endswith(")") and _closes_at(compact) == len(compact) - 1:
        compact = compact[1:-1]
    terms, start, level = [], 0, 0
    for place, sign in enumerate(compact):
        level += {"(": 1, ")": -1}.get(sign, 0)
        if sign in "+-" and place > start and not level and compact[place - 1] not in "*/^(":
            terms.append(compact[start:place])
            start = place
    terms.append(compact[start:])
    return tuple(sorted(term if term[:1] in ("+", "-") else "+" + term for term in terms if term))


def _closes_at(text: str) -> int:
    level = 0
    for place, sign in enumerate(text):
        level += {"(": 1, ")": -1}.get(sign, 0)
        if not level:
            return place
    return -1
