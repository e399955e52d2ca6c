"""Personal data leaves a text before a stranger reads it, and comes back into the answer.

Found: e-mail addresses, telephone numbers (mainland China's mobiles, international ones with +), resident id
numbers whose check digit is right, and names the caller gives. Each becomes `[[EMAIL_1]]` and the like; the same
value gets the same mark. Not found: names nobody gave, addresses, numbers spelt out in words.
"""

import re
from collections.abc import Iterable

_LITERAL = r"\[\[(?:EMAIL|ID|PHONE|NAME)_[0-9]{1,6}\]\]"
_EMAIL = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
_ID = r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9Xx])"
_INTERNATIONAL = r"(?<![0-9+])\+[1-9][0-9]{0,3}(?:[ .-]?\(?[0-9]{1,4}\)?){2,6}(?![0-9])"
_MOBILE = r"(?<![0-9])1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])"
_MARK = re.compile(_LITERAL)
_OPEN_MARK = re.compile(r"\[(?:\[(?:[A-Z]{1,5}(?:_(?:[0-9]{1,6}\]?)?)?)?)?\Z")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_ID_CHECKS = "10X98765432"
_PHONE_DIGITS = range(8, 16)  # E.164: at most fifteen


class Mask:
    """The marks of one conversation: hide texts with it, then show the answer.

    >>> mask = Mask(["小明"])
    >>> mask.hide("小明的邮箱是 ming@example.org")
    '[[NAME_1]]的邮箱是 [[EMAIL_1]]'
    >>> mask.show("写信到 [[EMAIL_1]]。")
    '写信到 ming@example.org。'
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        given = sorted({name.strip() for name in names} - {""}, key=len, reverse=True)
        kinds = {
            "LITERAL": _LITERAL,  # what looks like a mark is hidden too, lest it be swapped for another's value
            "EMAIL": _EMAIL,
            "ID": _ID,
            "PHONE": f"{_INTERNATIONAL}|{_MOBILE}",
            "NAME": "|".join(map(_whole_word, given)),
        }
        self._found = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in kinds.items() if form))
        self._marks: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """The text with marks in the place of personal data."""
        return self._found.sub(self._replace, text)

    def show(self, text: str) -> str:
        """The text with what the marks stand for; marks nobody set stay."""
        return _MARK.sub(lambda mark: self._values.get(mark[0], mark[0]), text)

    def _replace(self, found: re.Match[str]) -> str:
        kind, value = str(found.lastgroup), found[0]
        if kind == "ID" and not is_resident_id(value):
            return value
        if kind == "PHONE" and sum(map(str.isdigit, value)) not in _PHONE_DIGITS:
            return value
        return self._mark("NAME" if kind == "LITERAL" else kind, value)

    def _mark(self, kind: str, value: str) -> str:
        if (kind, value) not in self._marks:
            number = 1 + sum(known == kind for known, _ in self._marks)
            mark = f"[[{kind}_{number}]]"
            self._marks[kind, value], self._values[mark] = mark, value
        return self._marks[kind, value]


class Shower:
    """`Mask.show` for an answer that arrives in pieces: a mark cut in two is held back until it is whole."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown now."""
        text = self._held + piece
        opened = _OPEN_MARK.search(text)
        cut = opened.start() if opened else len(text)
        self._held = text[cut:]
        return self._mask.show(text[:cut])

    def end(self) -> str:
        """What was still held back."""
        rest, self._held = self._held, ""
        return self._mask.show(rest)


def is_resident_id(number: str) -> bool:
    """Whether the check digit of an 18-place resident id number is right.

    >>> is_resident_id("11010519491231002X"), is_resident_id("110105194912310021")
    (True, False)
    """
    if not re.fullmatch(r"[0-9]{17}[0-9Xx]", number):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return _ID_CHECKS[total % 11] == number[-1].upper()


def _whole_word(name: str) -> str:
    """A name in letters must not be cut out of a longer word; Chinese has no such seams."""
    escaped = re.escape(name)
    return rf"(?<![A-Za-z]){escaped}(?![A-Za-z])" if name.isascii() else escaped
