"""The education policy: what may be said to and by a model, for a child, a teen or an adult. Word lists, no model.

It knows Chinese and English and the usual disguises (`folding`), and errs towards letting lessons speak: history,
biology and computing use strong words for good reasons. It will miss what is said in other words; it is a first net,
not a judge of people. Refuses to mark, score or name anybody.
"""

import functools
import re
from dataclasses import dataclass
from typing import Literal, get_args

from shuyuan.science.text import policywords
from shuyuan.science.text.folding import fold
from shuyuan.science.text.policywords import CATEGORIES, Category, Level

Band = Literal["child", "teen", "adult"]
BANDS: tuple[Band, ...] = get_args(Band)
KEPT_FROM: dict[Band, Level] = {"child": 1, "teen": 2, "adult": 3}  # the lowest level a band is kept from
_LEAD = 80  # characters before a sign that say whose words it is
_SCORES: dict[int, float] = {0: 0.0, 1: 0.4, 2: 0.7, 3: 0.95}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a text holds. levels: the gravest of each category found.

    harm: its writer may be in danger; who asks how to harm themselves is taken to be.
    """

    levels: dict[Category, Level]
    harm: bool = False

    def blocked(self, band: Band) -> tuple[Category, ...]:
        """The categories that this band is kept from, gravest first."""
        least = KEPT_FROM[band]
        found = [category for category, level in self.levels.items() if level >= least]
        return tuple(sorted(found, key=lambda category: -self.levels[category]))

    def score(self, category: Category) -> float:
        """0 to 1 for display; a rank, no probability."""
        return _SCORES[self.levels.get(category, 0)]


def judge(text: str, least: Level = 1) -> Judgement:
    """Everything from level `least` that the lists find in a text: for adults alone 3 is enough, and faster.

    >>> judge("kill the process on port 80").levels, judge("s.h.u.t up you idiot").levels
    ({}, {'bullying': 1})
    >>> judge("how to make a pipe b0mb").blocked("adult"), judge("我不想活了").harm
    (('weapons',), True)
    """
    folded = fold(text)
    levels: dict[Category, Level] = {}
    for category, level, pattern in _patterns():
        if level < least:
            break  # the gravest come first
        if level > levels.get(category, 0) and pattern.search(folded):
            levels[category] = level
    return Judgement(levels, levels.get("self_harm") == 3 or shows_harm(folded))


def shows_harm(text: str) -> bool:
    """A sign that its writer may be in danger: leans towards yes, for the answer is a kind sentence.

    >>> shows_harm("老师，他们天天欺负我"), shows_harm("我想死你了，奶奶"), shows_harm("I cut myself some slack")
    (True, False, False)
    """
    return bool(_harm().search(fold(text)))


def confesses(text: str) -> bool:
    """A sign of harm in the writer's own voice: not what they quote, report of others or give to be worked on.

    >>> confesses("I want to die"), confesses("A pupil wrote: I want to die"), confesses("学生说：我不想活了")
    (True, False, False)
    """
    folded = fold(text)
    for sign in _harm().finditer(folded):
        before = folded[max(0, sign.start() - _LEAD) : sign.start()]
        others = not sign[0].startswith(("我", "i")) and re.search(policywords.ABOUT_OTHERS, before)
        if not (others or _reported().search(before)):
            return True
    return False


def least_band(*bands: Band) -> Band:
    """The most protected of several."""
    return min(bands, key=BANDS.index)


@functools.cache
def _patterns() -> tuple[tuple[Category, Level, re.Pattern[str]], ...]:
    by_level = sorted(policywords.WORDS.items(), key=lambda entry: -entry[0][1])
    return tuple((category, level, re.compile("|".join(words))) for (category, level), words in by_level)


@functools.cache
def _harm() -> re.Pattern[str]:
    return re.compile("|".join(policywords.HARM_SIGNS))


@functools.cache
def _reported() -> re.Pattern[str]:
    return re.compile("|".join(policywords.REPORTED))


__all__ = ["BANDS", "CATEGORIES", "Band", "Category", "Judgement", "confesses", "judge", "least_band", "shows_harm"]
