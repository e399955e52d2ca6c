"""Does a sentence say which lettered choice is right? Works on `plain` text with its case kept.

Several letters in a row (`AC`) count only in capitals: in small letters they are words, as `bad`.
"""

import re
from collections.abc import Iterable

_LETTER = r"(?:[(\[\"']?[A-Ha-h][)\]\"']?(?![A-Za-z0-9']))"
_JOIN = r"(?: ?(?:, ?and|,|&|和|与|以及|and) ?| )"
_GROUP = rf"(?P<letters>{_LETTER}(?:{_JOIN}{_LETTER})*|[A-H]{{2,5}}(?![A-Za-z]))"
_STILL_OPEN = r"(?! ?,? ?(?:还是|或|or\b))"  # `choose A or B` decides nothing
_SAYS = (
    r"\b(?:(?:answers?|solution|(?:correct|right) (?:choice|option|one|letter)s?)"
    r"(?: (?:is|are|must be|should be|would be|will be|has to be)| ?:)+(?: just| simply| clearly)?"
    r"|(?:choose|pick|select|go with|go for|it is|it's|it must be|that is|that's|mark)(?![a-z]))"
    r" ?(?:(?:the )?(?:option|choice|letter|answer)s?)? ?:? ?"
)
_SAYS_ZH = (
    r"(?:(?:正确)?(?:答案|选项|结果)(?:应该|应当|应|就)?(?:是|为|选)? ?[:,]? ?(?:选项)?"
    r"|(?:应该|应当|应|要|请|就|该)?选(?:择|项|出)?(?:是|为)?:?) ?"
)
_IS_RIGHT = (
    r"(?: ?选?项? ?(?:才)?(?:就)?是? ?(?:正确|对的|对[,.!]|对$|正确答案|答案)"
    r"|(?: is| are|'s)(?: the)?(?: only)? (?:correct|right|true|answer|one that))"
)
_ASSERTED = (
    re.compile(rf"(?i:{_SAYS}){_GROUP}{_STILL_OPEN}"),
    re.compile(rf"{_SAYS_ZH}{_GROUP}{_STILL_OPEN}"),
    re.compile(rf"(?<![A-Za-z'])(?i:(?:option|choice|answer|letter|选项?) ?)?{_GROUP}(?i:{_IS_RIGHT})"),
    re.compile(rf"^{_GROUP}[.!:)]*$"),
)
_ARTICLE = re.compile(r" (?!(?:is|because|since|as|and|but|so|which|not)\b)[a-z]")  # after a bare a: `a bit`


def names_choice(sentence: str, letters: Iterable[str]) -> bool:
    """True when one of `letters` is given out as the answer.

    >>> names_choice("所以应选 B.", ["B"]), names_choice("Compare option A with option B.", ["B"])
    (True, False)
    """
    wanted = {letter.upper() for letter in letters}
    return any(wanted & _named(found, sentence) for pattern in _ASSERTED for found in pattern.finditer(sentence))


def _named(found: re.Match[str], sentence: str) -> set[str]:
    group = found["letters"]
    if group == "a" and _ARTICLE.match(sentence, found.end("letters")):
        return set()
    return set(re.sub(r"and|[^A-Ha-h]", "", group).upper())
