"""Adaptive testing: each next item is the one that tells most about this person, within the rules of the test.

test = adaptive.Test(bank, rules=adaptive.Rules(most=16, error=0.32))
sitting = test.begin(rng)
while (item := sitting.next()) is not None:
    sitting.answer(item, right)
sitting.belief.mean, sitting.belief.deviation, sitting.ended
"""

from shuyuan.science.testing.adaptive.belief import Belief, likeliest
from shuyuan.science.testing.adaptive.blueprint import Blueprint
from shuyuan.science.testing.adaptive.exposure import Exposure
from shuyuan.science.testing.adaptive.selection import CRITERIA, Criterion, Table
from shuyuan.science.testing.adaptive.simulation import Outcome, simulate
from shuyuan.science.testing.adaptive.sitting import Rules, Sitting, Test

__all__ = [
    "CRITERIA",
    "Belief",
    "Blueprint",
    "Criterion",
    "Exposure",
    "Outcome",
    "Rules",
    "Sitting",
    "Table",
    "Test",
    "likeliest",
    "simulate",
]
