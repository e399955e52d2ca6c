"""Sentences of a text that is still being written, in Chinese and English, with nothing lost or added.

Joining what comes out gives exactly what went in, and how the stream was cut into pieces makes no
difference. A sentence leaves as soon as one character after its end is known. Formulas between `$` are
never cut, nor are decimals, abbreviations and list marks (`1. `).
"""

import re

LONGEST_FORMULA = 300  # characters; a lone $ (a price) must not hold back the rest for ever
_HARD = "。！？!?；…"
_CLOSERS = "\"'”’」』）)]】》*_"
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|st|fig|figs|eq|no|approx|cf|al|ch|sec|[A-Za-z]|\d{1,2})\.$",
    re.IGNORECASE,
)


class SentenceSplitter:
    """Holds the unfinished sentence.

    >>> splitter = SentenceSplitter()
    >>> splitter.feed("Half is 0.5. Good! 下一"), splitter.feed("步呢？对"), splitter.flush()
    (['Half is 0.5.', ' Good!'], [' 下一步呢？'], ['对'])
    """

    def __init__(self) -> None:
        self._held = ""
        self._next = 0  # first place not yet looked at
        self._formula = -1  # where an open $ stands

    def feed(self, piece: str) -> list[str]:
        """The sentences that this piece completes, in order."""
        self._held += piece
        done = []
        while (end := self._find_end()) is not None:
            done.append(self._held[:end])
            self._held, self._next, self._formula = self._held[end:], 0, -1
        return done

    def flush(self) -> list[str]:
        """What is left, as the last sentence; then start afresh."""
        rest = self._held
        self._held, self._next, self._formula = "", 0, -1
        return [rest] if rest else []

    def _find_end(self) -> int | None:
        while self._next < len(self._held):
            place = self._next
            here = self._held[place]
            self._track_formula(place, here)
            if self._formula < 0:
                if here == "\n" and self._line_ends(place):
                    return place + 1
                if here in _HARD or here == ".":
                    end = self._after_closers(place)
                    if end is None:
                        return None  # wait: the next character may still belong here
                    if here != "." or self._stop_ends(place, end):
                        return end
            self._next += 1
        return None

    def _track_formula(self, place: int, here: str) -> None:
        if here == "$" and self._held[place - 1 : place] != "\\":
            self._formula = place if self._formula < 0 else -1
        elif self._formula >= 0 and place - self._formula > LONGEST_FORMULA:
            self._formula = -1

    def _line_ends(self, place: int) -> bool:
        said = self._held[:place].rstrip()
        return bool(said) and said[-1] not in ":："  # `The answer is:` goes with what follows

    def _after_closers(self, place: int) -> int | None:
        end = place + 1
        while end < len(self._held) and self._held[end] in _HARD + _CLOSERS:
            end += 1
        return end if end < len(self._held) else None

    def _stop_ends(self, place: int, end: int) -> bool:
        if not self._held[end].isspace():
            return False
        said = self._held[: place + 1]
        return not _ABBREVIATION.search(said) or bool(re.search(r"\S.*\s\d{1,2}\.$", said, re.DOTALL))


def split_sentences(text: str) -> list[str]:
    """All sentences of a finished text."""
    splitter = SentenceSplitter()
    return splitter.feed(text) + splitter.flush()
