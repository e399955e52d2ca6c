"""English number words to numbers: twelve, twenty-one, one hundred and five, minus three, two thirds."""

import re
from fractions import Fraction

_BELOW_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
UNITS = {word: value for value, word in enumerate(_BELOW_TWENTY)}
TENS = {word: 10 * value for value, word in enumerate(_TENS, start=2)}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8,
    "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip

_NUMBER = "|".join([*UNITS, *TENS, *SCALES])
_PART = "|".join(PARTS)
_RUN = rf"(?:{_NUMBER})(?:(?:[ -]|[ ]and[ ])(?:{_NUMBER}))*"
PHRASE = re.compile(
    rf"\b(?:(?P<sign>minus|negative) )?(?:(?P<whole>{_RUN})"
    rf"(?: point (?P<decimals>(?:{_NUMBER})(?: (?:{_NUMBER}))*)|[ -](?P<part>{_PART})| and a (?P<more>half|quarter))?"
    rf"|(?P<single>half|a half|a third|a quarter))\b",
    re.IGNORECASE,
)


def english_to_number(words: str) -> Fraction | None:
    """The value of a whole phrase, or None when it is not a number in words.

    >>> [str(english_to_number(w)) for w in ("twelve", "one hundred and five", "minus three", "two thirds", "cat")]
    ['12', '105', '-3', '2/3', 'None']
    """
    found = PHRASE.fullmatch(words.strip())
    return value_of(found) if found else None


def value_of(found: re.Match[str]) -> Fraction | None:
    """The value of a match of PHRASE; None when the words do not add up, as in `two three`."""
    value = (
        Fraction(1, PARTS[found["single"].lower().split()[-1]]) if found["single"] else _whole(found["whole"].lower())
    )
    if value is None:
        return None
    if found["part"]:
        value /= PARTS[found["part"].lower()]
    if found["more"]:
        value += Fraction(1, PARTS[found["more"].lower()])
    if found["decimals"]:
        digits = [UNITS.get(word, 10) for word in found["decimals"].lower().split()]
        if max(digits) > 9:
            return None
        value += Fraction(int("".join(map(str, digits))), 10 ** len(digits))
    return -value if found["sign"] else value


def _whole(words: str) -> Fraction | None:
    total, section, smallest = 0, 0, 1_000
    for word in words.replace("-", " ").split():
        if word == "and":
            continue
        if word in SCALES:
            section, total, smallest = _scaled(section or 1, total, SCALES[word])
            continue
        value, size = (TENS[word], 10) if word in TENS else (UNITS[word], 1 if UNITS[word] < 10 else 10)
        if size >= smallest or (size == 10 and section % 100) or (section % 10 and size == 1):
            return None
        section, smallest = section + value, 10 if word in TENS else 1
    return Fraction(total + section)


def _scaled(section: int, total: int, scale: int) -> tuple[int, int, int]:
    if scale == 100:
        return section * scale, total, 1_000
    return 0, total + section * scale, 1_000
