"""Does a translation or a summary keep the numbers and names of its source? Compares values, not spellings."""

import re
from fractions import Fraction

from shuyuan.science.text import normalise
from shuyuan.science.text.names import FORMS
from shuyuan.science.text.quantities import quantities

_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "dozen": 12}
_SCALED = re.compile(r"(?P<number>\d[\d,]*(?:\.\d+)?) (?P<scale>hundred|thousand|million|billion|dozen)\b")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_KEPT = re.compile(  # what no translation changes: addresses, code-like words, abbreviations with digits, formulas
    r"https?://[^\s，。；]+|[\w.+-]+@[\w-]+\.[\w.]*\w|\$[^$\n]{1,80}\$|\b[A-Za-z]+\d[A-Za-z\d]*\b|\b\w+_\w+\b"
)
_WORD = re.compile(r"[A-Za-z]+")
_FINEST = 1000  # a finer fraction is no number that people say


def lost_numbers(source: str, said: str) -> list[str]:
    """The numbers of `source`, as written there, whose value `said` does not mention.

    Only numbers written in figures or several words count: 一 and `one` are also ordinary words.

    >>> lost_numbers("In 1998 there were 2.5 million pupils.", "1998年有250万名学生。")
    []
    >>> lost_numbers("It cost 37 yuan and 50 jiao.", "它花了三十七元。")
    ['50']
    """
    told = _values(said)
    return [written for written, values in _strong(source).items() if not values & told]


def invented_numbers(source: str, said: str) -> list[str]:
    """The numbers of a summary that its source does not hold."""
    return lost_numbers(said, source)


def lost_names(source: str, said: str) -> list[str]:
    """Names of `source` that `said` has in neither language: those of a small list, and whatever stays as it is
    in any language (addresses, x1, DNA2, formulas).

    >>> lost_names("Tom and Mary live in Boston.", "汤姆和玛丽住在波士顿。"), lost_names("Ask Tom.", "问问他。")
    ([], ['Tom'])
    """
    lost = [found for found in dict.fromkeys(_KEPT.findall(source)) if found not in said]
    words, folded = set(_WORD.findall(source)), said.lower()
    for name, chinese in FORMS.items():
        here = name in words or any(form in source for form in chinese)
        if here and name.lower() not in folded and not any(form in said for form in chinese):
            lost.append(name)
    return lost


def _plain(text: str) -> str:
    text = normalise.plain(text)
    return _SCALED.sub(lambda found: str(_scaled(found)), text)


def _scaled(found: re.Match[str]) -> int:
    return int(Fraction(found["number"].replace(",", "")) * _SCALES[found["scale"]])


def _strong(text: str) -> dict[str, set[Fraction]]:
    """Each number as written, with the values it may have: 50% is 50 and one half."""
    plain = _plain(text)
    found: dict[str, set[Fraction]] = {}
    for number in quantities(plain):
        if not number.faint and number.value.denominator <= _FINEST:
            found.setdefault(plain[number.start : number.end].strip(), set()).add(abs(number.value))
    return found


def _values(text: str) -> set[Fraction]:
    plain = _plain(text)
    told = {abs(q.value) for q in quantities(plain)}
    told |= {value / 100 for value in told} if "%" in plain or "percent" in plain or "百分之" in plain else set()
    told |= {Fraction(n) for n, month in enumerate(_MONTHS, start=1) if month in plain}
    told |= {Fraction(n) for n, word in enumerate(_ORDINALS, start=1) if word in plain}
    told |= {Fraction(int(found)) for found in re.findall(r"\d+", plain)}
    if re.search("半|half", plain):
        told |= {Fraction(30), Fraction(1, 2)} | {value + Fraction(1, 2) for value in told}
    if re.search("quarter|刻", plain):
        told |= {Fraction(15), Fraction(45)}
    if re.search("dozen|打", plain):
        told |= {Fraction(12)}
    return told
