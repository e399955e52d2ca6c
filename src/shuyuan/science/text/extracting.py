"""Summaries made of the text's own sentences: centrality, place, length and the words that announce a point.

A sentence is good when it shares much with the whole text (cosine of term counts), holds the terms that several
sentences use, stands early, says what the text is about ("we propose", 本文提出) and is neither a fragment nor a
page. Weights were chosen among a grid on the train part of SciTLDR, see `bench/text.py`; sources of the ideas:
Edmundson (1969), Radev et al. (2004). Further sentences must add something: what is like a sentence already
taken counts less (Carbonell & Goldstein, 1998).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shuyuan.science.text.sentences import split_sentences
from shuyuan.science.text.stemming import stem
from shuyuan.science.text.terms import terms

_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been but by can for from had has have how i in into is it its more not of on or our such"
        " than that the their there these they this those to was we were what when which who will with you your",
    )
)
_CUE = re.compile(
    r"\b(?:we|our|this (?:paper|work|study|article|chapter|lesson)|in (?:short|summary|conclusion))\b.{0,40}?"
    r"\b(?:propos|introduc|present|show|develop|describ|stud[yi]|demonstrat|investigat|f[io]u?nd|provid|explor"
    r"|argu|address|analy|conclu|summar|learn)"
    r"|(?:本文|本研究|本课|我们|该文|文章).{0,12}(?:提出|研究|探讨|分析|介绍|综述|讨论|建立|设计|说明|讲)|总之|综上",
    re.IGNORECASE,
)
_COVER, _FIRST, _LATE, _ANNOUNCED, _LENGTH = 0.5, 0.1, 0.1, 0.4, 0.2
_WORDS, _CHARACTERS = 22, 45  # a sentence as a summary likes it
_ALIKE = 1.5  # how much likeness to what is taken already counts against a sentence


@dataclass(frozen=True)
class Extract:
    """Sentences taken from a text, and where they stood."""

    text: str
    positions: tuple[int, ...]


def extract(text: str, count: int) -> Extract:
    """The `count` sentences that say most of the text, in their order.

    >>> extract("It rained. Cats sleep and cats purr a lot. Some cats purr when they sleep by the fire.", 1)
    Extract(text='Cats sleep and cats purr a lot.', positions=(1,))
    """
    sentences = [found for piece in split_sentences(text) if (found := piece.strip())]
    kept = tuple(sorted(_chosen(sentences, count)))
    return Extract(_join([sentences[at] for at in kept]), kept)


def centrality(units: Sequence[Counter[str]]) -> list[tuple[float, float]]:
    """Per unit: its cosine with all units together, and its share of the terms that several units use."""
    whole: Counter[str] = Counter()
    used_by: Counter[str] = Counter()
    for unit in units:
        whole.update(unit)
        used_by.update(unit.keys())
    shared = {term for term, times in used_by.items() if times > 1}
    size = _size(whole)
    return [
        (
            sum(times * whole[term] for term, times in unit.items()) / (_size(unit) * size or 1),
            len(shared & unit.keys()) / max(1, len(shared)),
        )
        for unit in units
    ]


def content_terms(text: str) -> Counter[str]:
    """The terms that carry meaning, English ones as stems."""
    return Counter(stem(term) for term in terms(text) if term not in _COMMON)


def _chosen(sentences: Sequence[str], count: int) -> list[int]:
    units = [content_terms(sentence) for sentence in sentences]
    worth = _worth(sentences, units)
    taken: list[int] = []
    while len(taken) < min(count, len(sentences)):
        left = [at for at in range(len(sentences)) if at not in taken]
        taken.append(max(left, key=lambda at: (worth[at] - _ALIKE * _likeness(units, at, taken), -at)))
    return taken


def _worth(sentences: Sequence[str], units: Sequence[Counter[str]]) -> list[float]:
    last = max(1, len(sentences) - 1)
    return [
        cosine
        + _COVER * cover
        + _FIRST * (at == 0)
        - _LATE * at / last
        + _ANNOUNCED * bool(_CUE.search(sentence))
        - _LENGTH * _length_off(sentence)
        for at, (sentence, (cosine, cover)) in enumerate(zip(sentences, centrality(units), strict=True))
    ]


def _length_off(sentence: str) -> float:
    """How far from a good length, 0 at it, 1 at nothing, without bound above."""
    chinese = len(re.findall(r"[\u3400-\u9fff]", sentence))
    measure = chinese / _CHARACTERS + len(re.findall(r"[A-Za-z\d]+", sentence)) / _WORDS
    return abs(measure - 1)


def _likeness(units: Sequence[Counter[str]], at: int, taken: Sequence[int]) -> float:
    here = units[at]
    return max((_cosine(here, units[other]) for other in taken), default=0.0)


def _cosine(a: Counter[str], b: Counter[str]) -> float:
    return sum(times * b[term] for term, times in a.items()) / (_size(a) * _size(b) or 1)


def _size(unit: Counter[str]) -> float:
    return math.sqrt(sum(times * times for times in unit.values()))


def _join(sentences: Sequence[str]) -> str:
    out = ""
    for sentence in sentences:
        out += (" " if out and out[-1] < "\u2000" else "") + sentence
    return out
