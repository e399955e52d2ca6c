"""The guard: no sentence of a model reaches a learner before it has been read for the answer.

Looks at each sentence alone, and at letters or digits spelled out one by one over the whole turn. The rule of
what counts as a leak is `science.text`; this file knows which answers belong to the question on the page.
Leans towards silence: a sentence stopped for nothing costs a hint, a leak costs the exercise.
"""

import re
from typing import Literal

from shuyuan.identity.interface import Language
from shuyuan.learning.courses.interface import Question
from shuyuan.learning.tutor import words
from shuyuan.science import text

Finding = Literal["fine", "leak", "verdict", "foreign", "again", "chatter"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BETWEEN = r"(?:[\s,.;:·\-–—>→、，。；：'\"*]|\band\b|\bthen\b|和|再|然后)+"
_SPELLED = re.compile(rf"(?<![^\W_])[^\W_](?:{_BETWEEN}[^\W_](?![^\W_]))+")
_JOINING = re.compile(r"and|then|[^\w]|_|和|再|然后")
_VERDICT = re.compile(
    r"(?:^|[,，。.!！\s])(?:yes|no|yep|exactly|correct|incorrect|wrong)[,.!，！。]"
    r"|\b(?:that|this|it|your answer|you)(?:'s|'re| is| are)? (?:absolutely |quite |not |in)*(?:right|correct|wrong)\b"
    r"|你(?:的答案|的回答|做|答|算)?(?:得)?(?:是)?(?:完全)?(?:正确|对了|错了|不对)|^(?:对|没错|正确|不对|错了|是的)[，。！!,]|回答正确|答对了",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^\W*(?:(?:i'?m|i am|we'?re) (?:so |very |truly )?(?:sorry|unable|here to)|sorry\b|as an ai\b"
    r"|i can(?:no|')t (?:assist|help)"
    r"|hint \d|提示\s*\d|抱歉|对不起|很遗憾|作为(?:一个|一名)?(?:ai|人工智能|语言模型))|(.)\1{5,}",
    re.IGNORECASE,
)
_ECHO_CHARS = 4


class Guard:
    """One turn's guard. `read` is called once for each sentence, in order."""

    def __init__(self, question: Question, language: Language, *, still_open: bool, message: str = "") -> None:
        self._language, self._still_open = language, still_open
        self._message = text.plain(message)
        self._answers = question.key.says
        self._letters = _right_letters(question)
        self._given = [question.prompt, *(choice.text for choice in question.choices)]
        self._heard = ""
        self._said: set[str] = set()

    def read(self, sentence: str) -> Finding:
        """What is wrong with the next sentence, if anything. Once answered right, nothing can leak."""
        same = text.plain(sentence)
        if same in self._said:
            return "again"
        self._said.add(same)
        self._heard += sentence
        if self._still_open and (self._states(sentence) or self._spells()):
            return "leak"
        if self._still_open and _VERDICT.search(sentence):
            return "verdict"
        if _CHATTER.search(sentence) or (len(same) >= _ECHO_CHARS and same in self._message):
            return "chatter"  # apologies, invented hints, the learner's own words given back
        return "foreign" if words.is_foreign(sentence, self._language) else "fine"

    def _states(self, sentence: str) -> bool:
        return text.contains_answer(sentence, self._answers, self._letters, self._given)

    def _spells(self) -> bool:
        """`1. 2.` or `t-w-e-l-v-e`, over sentences too."""
        spelled = [_JOINING.sub("", run[0]) for run in _SPELLED.finditer(text.half_width(self._heard))]
        return any(text.contains_answer(run, self._answers) for run in spelled if len(run) > 1)


def _right_letters(question: Question) -> list[str]:
    """The letters under which this learner sees the right choices."""
    right = {question.key.answer} if isinstance(question.key.answer, str) else set(question.key.answer)
    return [LETTERS[n] for n, choice in enumerate(question.choices) if choice.id in right]
