"""Exact normal form: an expression as a quotient of two polynomials with rational coefficients.

A monomial is a sorted tuple of (name, power), a polynomial a dict from monomial to coefficient. pi counts as
a name of its own: it is transcendental, so identities in it are identities of polynomials.
Refuses (NotRational) functions and powers that are not whole numbers: `sampling` compares those. Refuses
(TooLarge) what would grow beyond the bounds.
"""

from __future__ import annotations

from fractions import Fraction

from shuyuan.learning.courses.grading import grammar

MAX_EXPONENT = 20
MAX_MONOMIAL_EXPONENT = 100
MAX_TERMS = 300
MAX_COEFFICIENT_BITS = 4096

Monomial = tuple[tuple[str, int], ...]
Polynomial = dict[Monomial, Fraction]
Ratio = tuple[Polynomial, Polynomial]

ONE: Polynomial = {(): Fraction(1)}


class NotRational(Exception):
    """Holds a function or a power that is not a whole number."""


class DividesByZero(grammar.Unreadable):
    def __init__(self) -> None:
        super().__init__("分母等于 0：请检查除法", "it divides by zero: check the division")


class TooLarge(grammar.Unreadable):
    def __init__(self) -> None:
        super().__init__(
            f"式子太大，无法比较：指数最多 {MAX_EXPONENT}，请化简",
            f"too large to compare: exponents go up to {MAX_EXPONENT}, write it simpler",
        )


def normal(node: grammar.Node) -> Ratio:
    """The node as (numerator, denominator), denominator not zero."""
    if isinstance(node, grammar.Num):
        return constant(node.value), ONE
    if isinstance(node, grammar.Name):
        return {((node.name, 1),): Fraction(1)}, ONE
    if isinstance(node, grammar.Neg):
        top, bottom = normal(node.part)
        return scaled(top, Fraction(-1)), bottom
    if isinstance(node, grammar.Op):
        return _operation(node)
    raise NotRational


def same(a: Ratio, b: Ratio) -> bool:
    """Equal wherever both are defined."""
    return times(a[0], b[1]) == times(b[0], a[1])


def proportional(a: Polynomial, b: Polynomial) -> bool:
    """One is a constant, not zero, times the other."""
    if not a or not b:
        return not a and not b
    if a.keys() != b.keys():
        return False
    first = next(iter(a))
    return scaled(a, b[first] / a[first]) == b


def difference(a: Ratio, b: Ratio) -> Ratio:
    return plus(times(a[0], b[1]), scaled(times(b[0], a[1]), Fraction(-1))), times(a[1], b[1])


def value(node: grammar.Node) -> Fraction | None:
    """The number a node stands for, or None when it holds names or functions."""
    try:
        top, bottom = normal(node)
    except NotRational:
        return None
    if top.keys() <= {()} and bottom.keys() <= {()}:
        return top.get((), Fraction(0)) / bottom[()]
    return None


# --- polynomials ----------------------------------------------------------------------------------------


def constant(number: Fraction) -> Polynomial:
    return {(): number} if number else {}


def scaled(a: Polynomial, factor: Fraction) -> Polynomial:
    return {monomial: coefficient * factor for monomial, coefficient in a.items()} if factor else {}


def plus(a: Polynomial, b: Polynomial) -> Polynomial:
    total = dict(a)
    for monomial, coefficient in b.items():
        total[monomial] = total.get(monomial, Fraction(0)) + coefficient
    return _checked(total)


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    if a is ONE or b is ONE:
        return b if a is ONE else a
    if len(a) * len(b) > MAX_TERMS * 10:
        raise TooLarge
    total: Polynomial = {}
    for left, x in a.items():
        for right, y in b.items():
            monomial = _joined(left, right)
            total[monomial] = total.get(monomial, Fraction(0)) + x * y
    return _checked(total)


def power(a: Polynomial, exponent: int) -> Polynomial:
    if exponent > (MAX_EXPONENT if len(a) > 1 else MAX_MONOMIAL_EXPONENT):
        raise TooLarge
    result = ONE
    for _ in range(exponent):
        result = times(result, a)
    return result


def _operation(node: grammar.Op) -> Ratio:
    if node.sign == "^":
        return _power(node)
    (a, b), (c, d) = normal(node.left), normal(node.right)
    if node.sign == "+":
        return (plus(a, c), b) if b == d else (plus(times(a, d), times(c, b)), times(b, d))
    if node.sign == "-":
        return (plus(a, scaled(c, Fraction(-1))), b) if b == d else difference((a, b), (c, d))
    if node.sign == "*":
        return times(a, c), times(b, d)
    if not c:
        raise DividesByZero
    return times(a, d), times(b, c)


def _power(node: grammar.Op) -> Ratio:
    exponent = value(node.right)
    if exponent is None or exponent.denominator != 1:
        raise NotRational
    if abs(exponent) > MAX_MONOMIAL_EXPONENT:
        raise TooLarge
    top, bottom = normal(node.left)
    if exponent < 0:
        if not top:
            raise DividesByZero
        top, bottom = bottom, top
    return power(top, abs(int(exponent))), power(bottom, abs(int(exponent)))


def _joined(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    powers = dict(a)
    for name, exponent in b:
        powers[name] = powers.get(name, 0) + exponent
    return tuple(sorted(powers.items()))


def _checked(a: Polynomial) -> Polynomial:
    """Drop zero terms; hold the bounds."""
    a = {monomial: coefficient for monomial, coefficient in a.items() if coefficient}
    if len(a) > MAX_TERMS:
        raise TooLarge
    for coefficient in a.values():
        if coefficient.numerator.bit_length() + coefficient.denominator.bit_length() > MAX_COEFFICIENT_BITS:
            raise TooLarge
    return a
