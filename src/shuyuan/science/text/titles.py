"""A title made of the text's own words: its best clause without the words that only announce it.

Chinese: clauses between marks, `研究了`, `本文`, `目的` cut away. English: the best sentence without `In this paper
we propose`, up to its first clause. Weights chosen on 300 abstracts of CSL kept apart from those measured.
"""

import math
import re
from collections import Counter

from shuyuan.science.text import extracting
from shuyuan.science.text.languages import language_of

_MARKS = re.compile(r"[,，。；;：:!！?？]|(?<!\d)\.|\s+")
_LONG_ENOUGH = 4  # characters
_LEAST = 6
_CUE = re.compile(
    "研究|探讨|分析|观察|提出|介绍|综述|建立|比较|评价|论述|阐述|讨论|了解|设计|考察|探索|总结|测定|采用|利用|针对|对.{2,}进行"
)
_BEFORE = re.compile(
    "^(?:目的|结果|方法|结论|摘要|背景|为了|为|本文|该文|文章|文中|作者|我们|笔者|通过|首先|旨在|并且|并|而且|而|同时|从而|因此"
    "|此外|另外|其次|最后|在此基础上|以|还|就|主要|重点|系统地|详细地|初步|深入|进一步|全面|简要)+"
)
_VERB = re.compile(
    "^(?:研究|探讨|分析|观察|提出|介绍|综述|建立|比较|评价|论述|阐述|讨论|了解|考察|探索|总结|描述|明确|揭示|获得|报道|给出)"
    "(?:与[分探研][析讨究])?(?:了|并..了)?"
)
_TOWARDS = re.compile("^(?:对|针对)(?=.*(?:进行|作|做|开展)了?.{0,4}$)")
_AFTER = re.compile("(?:进行|作|做|开展)了?.{0,4}$|等$")
_OPENING = re.compile(
    r"^(?:(?:in|with) this (?:paper|work|study|article),? |here,? |to this end,? |specifically,? )?"
    r"(?:(?:we|the authors|this (?:paper|work|study|article)) (?:\w+ly )?"
    r"(?:propos|introduc|present|show|develop|describ|demonstrat|investigat|provid|explor|stud[yi]|analy)\w* "
    r"(?:that )?)?",
    re.IGNORECASE,
)
_COVER, _FIRST, _ANNOUNCED, _LENGTH, _CHARACTERS = 0.5, 0.2, 0.2, 0.3, 20
_MOST_WORDS = 16


def title_of(text: str) -> str:
    """A few words that say what the text is about; the text itself when it is as short as a title.

    >>> title_of("本文研究了温度对种子发芽的影响。结果表明，温度越高，发芽越快，种子发芽率也越高。")
    '温度对种子发芽的影响'
    """
    whole = " ".join(text.split())
    if language_of(whole) == "en":
        return _english(whole)
    return _chinese(whole)


def _chinese(text: str) -> str:
    clauses = [found for piece in _MARKS.split(text) if len(found := piece.strip()) >= _LONG_ENOUGH] or [text]
    trimmed = [_trimmed(clause) for clause in clauses]
    central = extracting.centrality([_pairs(clause) for clause in trimmed])
    whole = _pairs(text)
    repeated = {pair for pair, times in whole.items() if times > 1}
    best, best_worth = trimmed[0], -math.inf
    for at, (clause, words, (cosine, _)) in enumerate(zip(clauses, trimmed, central, strict=True)):
        cover = len(repeated & _pairs(words).keys()) / max(1, len(repeated))
        length = abs(math.log(len(words) / _CHARACTERS))
        worth = cosine + _COVER * cover + _FIRST * (at == 0) + _ANNOUNCED * bool(_CUE.search(clause)) - _LENGTH * length
        if worth > best_worth:
            best, best_worth = words, worth
    return best


def _trimmed(clause: str) -> str:
    words = clause
    for _ in range(3):
        words = _VERB.sub("", _BEFORE.sub("", words))
    if _TOWARDS.match(words):
        words = _AFTER.sub("", _TOWARDS.sub("", words))
    return words if len(words) >= _LEAST else clause


def _pairs(text: str) -> Counter[str]:
    pairs = (text[at : at + 2] for at in range(len(text) - 1))
    return Counter(pair for pair in pairs if re.fullmatch(r"\w\w", pair))


def _english(text: str) -> str:
    sentence = extracting.extract(text, 1).text.rstrip(" .!?")
    words = _OPENING.sub("", sentence).split()
    kept = " ".join(words[:_MOST_WORDS])
    if len(words) > _MOST_WORDS and (cut := max(kept.rfind(mark) for mark in (", ", "; ", ": "))) > len(kept) // 3:
        kept = kept[:cut]
    return kept[:1].upper() + kept[1:]
