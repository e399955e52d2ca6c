"""Would this sentence give the answer of an open question away? The tutor's guard asks before it speaks.

A number counts by its value, however it is written (12, twelve, 十二, 1/2 = 0.5 = 50%). What the question
itself shows (`given`) may be repeated, but not asserted: `= 2`, `the answer is 2`, 等于 2. Leans towards
silence: a sentence stopped for nothing costs a hint, a leak costs the exercise.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from shuyuan.science.text import choices, expressions
from shuyuan.science.text.normalise import plain
from shuyuan.science.text.quantities import Quantity, quantities

_UNIT = r"(?: ?(?:[a-zµ°Ω]{1,4}(?:\^?[23])?(?:/[a-z]{1,3})?|degrees?|[\u4e00-\u9fff]{1,4}))?"
LEAD = 6  # characters before a number that make it a phrase of the question, repeated
_FILL = r"(?: ?(?:just|simply|exactly|about|then|really|actually|therefore|so|就|正好|恰好|约|大约))?[ :\"'(\[¥£€]*$"
_FIRM = re.compile(
    r"(?:[=≈⇒]|\bequals?(?: to)?|\bequal to"
    r"|\b(?:answer|result|solution|outcome|total|value|sum|product|difference|quotient)s?\b[^.,;!?]{0,25}"
    r"(?:\bis|\bare|\bbe|'s|:)|\b(?:answer|result|solution):?"
    r"|\b(?:gives?|gets?|getting|got|obtains?|yields?|makes?|making|leaves?|becomes?)(?: us| you| me| we)?"
    r"|等于|答案(?:应该|应当|应|就)?(?:是|为|:)?|结果(?:应该|应当|应|就)?(?:是|为|:)|得(?:到|出|数是?)?|应?填(?:上|入)?|一?共(?:有|是)?|就是|便是|应该是)"
    + _FILL
)
_SOFT = re.compile(r"(?:\b(?:is|are|was|be|it's|that's|there's|has|have|just|only|only)|'s|是|为|有|:)" + _FILL)
_IS = re.compile(r"(?:\b(?:is|are|be)|'s|是|为)" + _FILL)
_CONCLUSION = re.compile(r"\b(?:so|therefore|thus|hence)\b|所以|因此|于是|因而|故|可见")
_CLAUSE_END = re.compile(rf"{_UNIT} ?[)\]\"']*(?:[.,;:!?]|$)")
_GOES_ON = re.compile(r" ?(?:[*/^+]|-(?! ?[a-z]{2})) ?[\w(√]")
_AFTERWARDS = re.compile(
    r" ?(?:[a-z°%]{0,6}|个|元|米|厘米|cm)? ?(?:(?:is|was|are|must be|would be)(?: indeed)?(?: the| your| our)?"
    r"(?: correct| right| final)? ?(?:answer|result|solution|correct|right)"
    r"|(?:就|便|才)?是(?:正确|最终|最后|本题)?的?(?:答案|结果))"
)
_COUNTED_BEFORE = re.compile(  # step 2, 第 2: a place in a list, not a quantity
    r"(?:\b(?:step|steps|question|problem|exercise|part|hint|figure|fig\.|page|lesson|chapter|unit|example|table|no\."
    r"|number|grade|year|line|row|passage|section|point)|第|步骤|例题?|问题|题目|图|表|页|提示|年级) ?[(#]?$"
)
_COUNTED_AFTER = re.compile(r"(?:st|nd|rd|th)\b")
_LIST_MARK = re.compile(r"[.),:] ?(?=\S)")
_ORDINARY_ZH = re.compile(r"[起些般样定直切旦边面角分下个种步次点位方级元年月]")
_SOFT_WORDS = frozenset(
    {"yes", "no", "true", "false", "right", "wrong", "correct", "incorrect"}
    | {"是", "否", "对", "错", "正确", "错误", "不是", "可以", "不可以"}
)
_ANSWER_IS = re.compile(
    r"(?:\banswer(?: here)?(?: is| should be| must be|:)|答案(?:应该|应|就)?(?:是|为|:)?|应?填)[ :\"'(]*$"
)
_NUMBER_AND_UNIT = re.compile(rf"[-+]? ?[\d.,/ ]+%?{_UNIT}")
_VARIABLE_AFTER = re.compile(r"(?:[a-z](?![a-z])|\((?=[a-z\d(+-])|\^|(?:sqrt|π))")
_UNIT_LETTERS = frozenset("mgslhkvwnj")


def contains_answer(
    sentence: str, answers: Sequence[str], choice_letters: Sequence[str] = (), given: Sequence[str] = ()
) -> bool:
    """True when `sentence` states one of `answers` or names a right choice.

    `answers`: every accepted form (number, expression, word). `choice_letters`: letters of the right
    choices, as shown to this learner. `given`: strings the learner already sees (prompt, choices).

    >>> contains_answer("所以一共有十二个。", ["12"]), contains_answer("There are 112 of them.", ["12"])
    (True, False)
    >>> contains_answer("Divide by 2 first.", ["2"], given=["Solve 2x = 4"])
    False
    """
    said, shown = plain(sentence), [plain(text) for text in given]
    if choice_letters and choices.names_choice(plain(sentence, keep_case=True), choice_letters):
        return True
    return any(_states(said, plain(answer), shown) for answer in answers if plain(answer))


def _states(said: str, answer: str, shown: list[str]) -> bool:
    value = _value(answer)
    if value is not None:
        return _states_number(said, value, shown)
    if expressions.looks_like(answer):
        return _states_expression(said, answer, shown)
    return _states_words(said, answer, shown)


def _value(answer: str) -> Fraction | None:
    """The number an answer stands for, unit aside; None for words and expressions."""
    found = quantities(answer)
    if not found:
        return None
    whole = found[0].start == 0 and found[0].end == len(answer)
    with_unit = _NUMBER_AND_UNIT.fullmatch(answer) and found[0].start == 0
    if with_unit and _VARIABLE_AFTER.fullmatch(answer[found[0].end :]):
        with_unit = answer[-1] in _UNIT_LETTERS
    if with_unit and len(found) > 1 and not any(one.start == found[0].start for one in found[1:]):
        return None
    return found[0].value if whole or with_unit else None


def _states_number(said: str, value: Fraction, shown: list[str]) -> bool:
    seen = any(one.value == value for text in shown for one in quantities(text))
    return any(
        _gives_away(said, one, seen, shown) for one in quantities(said) if one.value == value and _is_amount(said, one)
    )


def _gives_away(said: str, one: Quantity, seen: bool, shown: list[str]) -> bool:
    before, after = said[: one.start], said[one.end :]
    if _AFTERWARDS.match(after):
        return True
    if _asserted(before, after, said):
        return not _shown_already(said, one, shown)
    if seen:
        return False
    alone = not re.search(r"\w", before + after)
    if one.faint:
        return alone or (bool(_SOFT.search(before)) and not _ORDINARY_ZH.match(after))
    return True


def _asserted(before: str, after: str, said: str) -> bool:
    """`= 2`, `so it is 2.`, 所以是 2 个。 - but not `= 2 + x`, nor a question."""
    if _GOES_ON.match(after):
        return False
    if _FIRM.search(before):
        return True
    concluded = _IS.search(before) or _CONCLUSION.search(before)
    return bool(concluded) and bool(_CLAUSE_END.match(after)) and not said.endswith("?")


def _is_amount(said: str, one: Quantity) -> bool:
    """Not a place in a list, an exponent, a coefficient, or a part of a longer expression such as 2x."""
    before, after = said[: one.start], said[one.end :]
    if _COUNTED_BEFORE.search(before) or _COUNTED_AFTER.match(after) or before.endswith("^"):
        return False
    if not before and _LIST_MARK.match(after) and not after.startswith(", "):
        return False
    variable = _VARIABLE_AFTER.match(after)
    return not variable or after[0] in _UNIT_LETTERS


def _shown_already(said: str, one: Quantity, shown: list[str]) -> bool:
    """What the question says in the same words may be repeated: `x = 2`, `the price is 2`."""
    before, figure = _tight(said[: one.start]), re.escape(_tight(said[one.start : one.end]))
    equation = re.search(r"[\w^()+*/.-]+=\Z", before)
    lead = rf"(?<![\w)]){re.escape(equation[0])}" if equation else re.escape(before[-LEAD:])
    if not equation and len(before) < LEAD:
        return False
    pattern = re.compile(rf"{lead}{figure}(?![\w/^*+-]|\.\d)", re.ASCII)
    return any(pattern.search(_tight(text)) for text in shown)


def _tight(text: str) -> str:
    return re.sub(r" ?([-+*/^=]) ?", r"\1", text)


def _states_expression(said: str, answer: str, shown: list[str]) -> bool:
    wanted = expressions.canonical(answer)
    seen = any(expressions.canonical(run.text) == wanted for text in shown for run in expressions.runs(text))
    for run in expressions.runs(said):
        if expressions.canonical(run.text) != wanted:
            continue
        if not seen or _FIRM.search(said[: run.start]) or _AFTERWARDS.match(said[run.end :]):
            return True
    return _states_words(said, answer, shown)


def _states_words(said: str, answer: str, shown: list[str]) -> bool:
    """The answer letter by letter, spaces aside."""
    edge_before = r"(?<![a-z0-9.])" if answer[0].isascii() and answer[0].isalnum() else ""
    edge_after = r"(?![a-z0-9]|\.\d)" if answer[-1].isascii() and answer[-1].isalnum() else ""
    pattern = re.compile(edge_before + " ?".join(map(re.escape, answer.replace(" ", ""))) + edge_after)
    faint = answer in _SOFT_WORDS or len(answer) == 1
    seen = any(pattern.search(text) for text in shown)
    for found in pattern.finditer(said):
        before, after = said[: found.start()], said[found.end() :]
        if _ANSWER_IS.search(before) or _AFTERWARDS.match(after):
            return True
        if not faint and (not seen or _FIRM.search(before)):
            return True
        if faint and not re.search(r"\w", before + after):
            return True
    return False
