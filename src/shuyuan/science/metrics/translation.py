"""BLEU and chrF of a set of translations, as percentages. Sources: Papineni et al. (2002), Popović (2015).

BLEU takes lists of terms (the caller states the tokeniser); chrF takes plain text. Both take several references
a sentence. No smoothing in BLEU: a set with no common sequence of four terms scores 0.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

Terms = Sequence[str]
_BLEU_ORDER, _CHRF_ORDER, _BETA = 4, 6, 2.0
_CHINESE_TOKEN = re.compile(
    r"[\u2e80-\u2fdf\u3000-\u303f\u31c0-\u31ef\u3200-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffee]"
    r"|\d+(?:[.,]\d+)+|[^\W\d_]+|\d+|\S",
)


def chinese_terms(text: str) -> list[str]:
    """Each Chinese character alone, and words, numbers and signs of other scripts: the usual split for BLEU.

    >>> chinese_terms("我有3.5个 apple。")
    ['我', '有', '3.5', '个', 'apple', '。']
    """
    spaced = re.sub(r"([\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffee])", r" \1 ", text)
    return _CHINESE_TOKEN.findall(spaced)


def bleu(said: Sequence[Terms], references: Sequence[Sequence[Terms]]) -> float:
    """Corpus BLEU, 0..100: `references[n]` are all references of `said[n]`.

    >>> round(bleu(["the cat sat on the mat".split()], [["the cat sat on a mat".split()]]), 2)
    53.73
    """
    _check(said, references)
    found, possible = [0] * _BLEU_ORDER, [0] * _BLEU_ORDER
    said_length = reference_length = 0
    for sentence, ones in zip(said, references, strict=True):
        said_length += len(sentence)
        reference_length += min((len(one) for one in ones), key=lambda size: (abs(size - len(sentence)), size))
        for order in range(_BLEU_ORDER):
            mine, allowed = _grams(sentence, order + 1), Counter[tuple[str, ...]]()
            for one in ones:
                allowed |= _grams(one, order + 1)
            found[order] += (mine & allowed).total()
            possible[order] += mine.total()
    if not all(found):
        return 0.0
    precision = math.exp(sum(math.log(a / b) for a, b in zip(found, possible, strict=True)) / _BLEU_ORDER)
    return 100 * precision * min(1.0, math.exp(1 - reference_length / said_length))


def chrf(said: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus chrF2 (sequences of 1 to 6 characters, spaces left out), 0..100; the best reference of each sentence.

    >>> round(chrf(["abcdef"], [["abcdef"]]), 1), round(chrf(["abc"], [["xyz"]]), 1)
    (100.0, 0.0)
    """
    _check(said, references)
    total = [(0, 0, 0)] * _CHRF_ORDER
    for sentence, ones in zip(said, references, strict=True):
        counted = max((_counts(sentence, one) for one in ones), key=_chrf_of)
        total = [(a + x, b + y, c + z) for (a, b, c), (x, y, z) in zip(total, counted, strict=True)]
    return 100 * _chrf_of(total)


def _counts(said: str, reference: str) -> list[tuple[int, int, int]]:
    """Per order: sequences in common, in the translation, in the reference."""
    mine, theirs = list("".join(said.split())), list("".join(reference.split()))
    counted = []
    for order in range(1, _CHRF_ORDER + 1):
        a, b = _grams(mine, order), _grams(theirs, order)
        counted.append(((a & b).total(), a.total() if b else 0, b.total()))
    return counted


def _chrf_of(counted: Sequence[tuple[int, int, int]]) -> float:
    scored = [(common / mine, common / theirs) for common, mine, theirs in counted if mine and theirs]
    if not scored:
        return 0.0
    precision, recall = (sum(part) / len(scored) for part in zip(*scored, strict=True))
    weighted = _BETA**2 * precision + recall
    return (1 + _BETA**2) * precision * recall / weighted if weighted else 0.0


def _grams(terms: Terms, size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(terms[at : at + size]) for at in range(len(terms) - size + 1))


def _check(said: Sequence[object], references: Sequence[Sequence[object]]) -> None:
    if not said or len(said) != len(references) or not all(references):
        raise ValueError(f"{len(said)} sentences and {len(references)} lists of references; each needs at least one")
