"""Compare expressions with functions or roots at seeded points: real numbers only, with care for domains.

Two expressions are taken as equal when they agree wherever both are defined, at no fewer than MIN_POINTS
points (one when there are no names). Roots of odd order are defined for negative numbers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from shuyuan.learning.courses.grading import algebra, grammar

POINTS = 40
MIN_POINTS = 4
RELATIVE = 1e-10
ABSOLUTE = 1e-13
_SEED = 20240607

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "ln": math.log,
}
_UNDEFINED = (ValueError, ZeroDivisionError, OverflowError)

Point = dict[str, float]


def same(a: grammar.Node, b: grammar.Node) -> bool:
    return _agree(a, b, lambda x, y: _close(x, y))


def proportional(a: grammar.Node, b: grammar.Node) -> bool:
    """Whether a/b is one constant, not zero, at all points where both are defined."""
    ratios: list[float] = []

    def steady(x: float, y: float) -> bool:
        if _close(x, 0) or _close(y, 0):
            return _close(x, 0) and _close(y, 0)
        ratios.append(x / y)
        return _close(ratios[0], ratios[-1])

    return _agree(a, b, steady)


def evaluate(node: grammar.Node, point: Point) -> float:
    """The value at a point. Raises ValueError, ZeroDivisionError or OverflowError where it has none."""
    if isinstance(node, grammar.Num):
        return float(node.value)
    if isinstance(node, grammar.Name):
        return math.pi if node.name == "pi" else point[node.name]
    if isinstance(node, grammar.Neg):
        return -evaluate(node.part, point)
    if isinstance(node, grammar.Call):
        return _FUNCTIONS[node.function](evaluate(node.part, point))
    left = evaluate(node.left, point)
    if node.sign == "^":
        return _power(left, node.right, point)
    right = evaluate(node.right, point)
    if node.sign == "+":
        return left + right
    if node.sign == "-":
        return left - right
    return left * right if node.sign == "*" else left / right


def _agree(a: grammar.Node, b: grammar.Node, fits: Callable[[float, float], bool]) -> bool:
    names = sorted(grammar.names(a) | grammar.names(b))
    compared = 0
    for point in _points(names):
        try:
            x, y = evaluate(a, point), evaluate(b, point)
        except _UNDEFINED:
            continue
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        if not fits(x, y):
            return False
        compared += 1
    return compared >= (MIN_POINTS if names else 1)


def _points(names: list[str]) -> list[Point]:
    """Positive points first, where roots and logarithms live, then points of any sign."""
    if not names:
        return [{}]
    draw = random.Random(_SEED)
    positive = [{name: draw.uniform(0.1, 3.0) for name in names} for _ in range(POINTS // 2)]
    mixed = [{name: draw.uniform(-3.0, 3.0) for name in names} for _ in range(POINTS // 2)]
    return positive + mixed


def _power(base: float, exponent: grammar.Node, point: Point) -> float:
    exact = algebra.value(exponent)
    if base < 0 and exact is not None and exact.denominator % 2 == 1:
        size = float(math.pow(-base, float(exact)))
        return -size if exact.numerator % 2 else size
    return float(math.pow(base, evaluate(exponent, point)))


def _close(x: float, y: float) -> bool:
    return abs(x - y) <= RELATIVE * max(abs(x), abs(y)) + ABSOLUTE
