"""The words a text is about: runs between function words, weighed by how often and how early they stand.

English after RAKE (Rose et al., 2010): runs of content words. Chinese has no spaces: sequences of 2 to 12 characters
that come again, and runs between marks and function words; one inside a longer equally frequent one does not count.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from shuyuan.science.text.stemming import stem

_SHORTEST, _LONGEST = 2, 12  # Chinese characters of a keyword
_MOST_WORDS = 3
_MOST_RUN = 60  # characters of one run that are looked at: longer is no keyword
_EARLY = 0.3  # what standing at the very beginning adds
_BREAKS = re.compile(
    "[的了和与及或对为以是在其这那也都而并被把将从由到于中上下等之着不]|可以|能够|通过|进行|以及|由于|因此|因为|所以|但是|如果|我们"
    "|他们|它们|一个|一种|这个|这种|那个|没有|需要|提出|研究|分析|采用|利用|表明|结果|方法|具有|不同|主要|重要|目前|本文|什么|怎么|非常"
)
_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[A-Za-z][A-Za-z\d'’-]*")
_RUN = re.compile(r"[A-Za-z\d'’\- ]+")
_FUNCTION = frozenset(
    re.findall(
        r"\w+",
        "a about after all also an and any are as at be because been before being between both but by can"
        " could did do does each for from get had has have he her here him his how i if in into is it its just"
        " like made make many may me more most much my new no not of on one only or other our out over same"
        " she should so some such than that the their them then there these they this those through to too"
        " under up use used using very was we well were what when where which while who why will with would"
        " you your show shows propose proposed paper results result",
    )
)


_VERBS = frozenset(  # stems of words that are hardly ever nouns: a run ends at them
    stem(word)
    for word in re.findall(
        r"\w+",
        "absorb allow appear arise become begin belong bring build carry consist contain convert create describe eat"
        " enable explain find follow give grow happen include keep know learn let occur produce provide receive"
        " reduce remain require send take teach tell turn write",
    )
)
_NOUNS_IN_S = frozenset(  # stand before another noun although they end in s
    re.findall(
        r"\w+",
        "arts customs economics electronics gas genetics goods lens mathematics maths news physics rights"
        " sales savings sciences series species sports statistics systems",
    )
)


def keywords(text: str, limit: int) -> list[tuple[str, float]]:
    """The best keywords with weights; the first weighs 1. Terms, not clauses: a verb parts two of them.

    >>> [word for word, _ in keywords("Solar energy is clean. Many homes in the south use solar energy.", 1)]
    ['solar energy']
    >>> [word for word, _ in keywords("Photosynthesis turns light into sugar.", 3)]
    ['photosynthesis', 'light', 'sugar']
    >>> [word for word, _ in keywords("光合作用需要光。植物通过光合作用制造养分。", 1)]
    ['光合作用']
    """
    size = max(1, len(text))
    weighed: dict[str, float] = {}
    for word, (times, place, terms) in {**_english(text), **_chinese(text)}.items():
        weighed[word] = times**1.5 * math.sqrt(terms) * (1 + _EARLY * (1 - place / size))
    best = sorted(weighed.items(), key=lambda entry: (-entry[1], entry[0]))
    chosen: list[tuple[str, float]] = []
    for word, weight in best:
        if len(chosen) == limit:
            break
        if not any(word in other for other, _ in chosen):
            chosen.append((word, weight))
    return [(word, round(weight / chosen[0][1], 4)) for word, weight in chosen]


def _english(text: str) -> dict[str, tuple[int, int, int]]:
    """keyword → times, first place, words. Spelt as first seen; forms of one stem count together."""
    times: Counter[tuple[str, ...]] = Counter()
    spelt: dict[tuple[str, ...], tuple[str, int]] = {}
    for run, start in _english_runs(text):
        key = tuple(stem(word.lower()) for word in run)
        times[key] += 1
        spelt.setdefault(key, (" ".join(run), start))
    return {_case(spelt[key][0]): (count, spelt[key][1], len(key)) for key, count in times.items()}


def _english_runs(text: str) -> Iterator[tuple[list[str], int]]:
    for run in _RUN.finditer(text):
        held, start = list[str](), 0
        found = [(word[0], run.start() + word.start()) for word in _WORD.finditer(run[0])]
        for (word, at), (after, _) in zip([*found, ("", 0)], [*found[1:], ("", 0), ("", 0)], strict=True):
            if _is_content(word) and not (held and _is_content(after) and _like_a_verb(word)):
                start = start if held else at
                held.append(word)
                continue
            if held and len(held) <= _MOST_WORDS:
                yield held, start
            held = []


def _is_content(word: str) -> bool:
    return len(word) > 1 and word.lower() not in _FUNCTION and stem(word.lower()) not in _VERBS


def _like_a_verb(word: str) -> bool:
    """Between two nouns: `turns`, `uses`. A noun that stands before another is rarely a plural."""
    plain = word.lower()
    return plain.endswith("s") and not plain.endswith(("ss", "us", "is", "'s", "’s")) and plain not in _NOUNS_IN_S


def _case(word: str) -> str:
    return word if any(letter.isupper() for letter in word[1:]) else word.lower()


def _chinese(text: str) -> dict[str, tuple[int, int, int]]:
    """keyword → times, first place, length in words of two characters."""
    runs = [piece for run in _HAN_RUN.findall(text) for piece in _BREAKS.split(run) if len(piece) >= _SHORTEST]
    times = Counter(gram for run in runs for gram in _grams(run[:_MOST_RUN]))
    whole = Counter(run for run in runs if len(run) <= _LONGEST)
    found = {gram: count for gram, count in times.items() if count > 1 or whole[gram]}
    inside = _swallowed(found)
    return {
        gram: (count, max(0, text.find(gram)), max(1, len(gram) // 2))
        for gram, count in found.items()
        if gram not in inside
    }


def _grams(run: str) -> Iterable[str]:
    for size in range(_SHORTEST, min(_LONGEST, len(run)) + 1):
        for at in range(len(run) - size + 1):
            yield run[at : at + size]


def _swallowed(found: dict[str, int]) -> set[str]:
    """Those that never stand without a longer one around them."""
    inside = set()
    for gram, count in found.items():
        for size in range(_SHORTEST, len(gram)):
            for at in range(len(gram) - size + 1):
                part = gram[at : at + size]
                if found.get(part) == count:
                    inside.add(part)
    return inside
