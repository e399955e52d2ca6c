"""Ranking: which course, which activity next, and what is to be expected of a person. Pure; NumPy but for `neural`.

`histories` is the table, `family` the rankers (popularity … foresight, our own, which reads the order of a history),
`evaluation` judges them without restricting candidates, `bandit` tries things out, `profiles` and `outlook` go from a
profile to attitude and goals (trained by `neural.training`), `recalibration` and `evening` look after groups.
"""

from shuyuan.science.ranking import bandit, evaluation, evening, family, recalibration
from shuyuan.science.ranking.bandit import Bandit
from shuyuan.science.ranking.histories import Histories
from shuyuan.science.ranking.outlook import Outlook
from shuyuan.science.ranking.profiles import Encoder

__all__ = [
    "Bandit",
    "Encoder",
    "Histories",
    "Outlook",
    "bandit",
    "evaluation",
    "evening",
    "family",
    "recalibration",
]
