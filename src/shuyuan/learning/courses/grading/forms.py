"""The form a final answer must have: expanded, simplified or factored. Equality is decided elsewhere."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import gcd

from shuyuan.learning.courses.grading import algebra, grammar

LARGEST_ROOT = 1000
"""Squares above a million are not looked for."""

_REASONS = {
    "expanded": ("值是对的，请去括号并合并同类项", "the value is right: multiply out and collect like terms"),
    "simplified": ("值是对的，还可以化简", "the value is right: it can still be simplified"),
    "factored": ("值是对的，请写成因式的积", "the value is right: write it as a product of factors"),
}


def reason(form: str) -> tuple[str, str]:
    """What to tell a learner whose value is right but whose form is not: (zh, en)."""
    return _REASONS[form]


def solved_for(tree: grammar.Node | grammar.Equation) -> str | None:
    """`L` for `L = A/W` and `A/W = L`; None for what is not solved."""
    if not isinstance(tree, grammar.Equation):
        return None
    for side, other in ((tree.left, tree.right), (tree.right, tree.left)):
        if isinstance(side, grammar.Name) and side.name not in grammar.names(other):
            return side.name
    return None


def has_form(form: str, answer: grammar.Node | grammar.Equation, key: grammar.Node | grammar.Equation) -> bool:
    if isinstance(answer, grammar.Equation):
        other = key.right if isinstance(key, grammar.Equation) else key
        return has_form(form, answer.right, other)
    if form == "expanded":
        return _terms_are_collected(answer) and not _multiplies_a_sum(answer)
    if form == "simplified":
        return _terms_are_collected(answer) and _factors_are_collected(answer)
    if form == "factored":
        other = key.right if isinstance(key, grammar.Equation) else key
        return _factor_count(answer) >= _factor_count(other)
    return True


# --- sums -----------------------------------------------------------------------------------------------


def _terms(node: grammar.Node) -> list[grammar.Node]:
    if isinstance(node, grammar.Op) and node.sign in "+-":
        return _terms(node.left) + _terms(node.right)
    if isinstance(node, grammar.Neg):
        return _terms(node.part)
    return [node]


def _terms_are_collected(node: grammar.Node) -> bool:
    """No two terms of any sum, at any depth, share their letters; no term is zero."""
    for part in _parts(node):
        terms = _terms(part)
        if len(terms) > 1:
            letters = [_letters(term) for term in terms]
            if len(set(letters)) < len(letters):
                return False
    return True


def _letters(term: grammar.Node) -> str:
    """A term without its number: `3x^2` and `x*x/2` share letters. An opaque term stands for itself."""
    try:
        top, bottom = algebra.normal(term)
    except algebra.NotRational:
        return _opaque_letters(term)
    if len(top) == 1 and len(bottom) == 1:
        return f"{next(iter(top))}/{next(iter(bottom))}"
    return grammar.show(term)


def _opaque_letters(term: grammar.Node) -> str:
    factors = [factor for factor, _ in _factors(term) if algebra.value(factor) is None]
    return "*".join(sorted(grammar.show(factor) for factor in factors))


def _multiplies_a_sum(node: grammar.Node) -> bool:
    """A product, quotient or power that holds a sum which could be multiplied out."""
    for part in _parts(node):
        if not isinstance(part, grammar.Op) or part.sign not in "*/^":
            continue
        if _is_sum(part.left) or (part.sign == "*" and _is_sum(part.right)):
            return True
    return False


def _is_sum(node: grammar.Node) -> bool:
    return len(_terms(node)) > 1


# --- products -------------------------------------------------------------------------------------------


def _factors(node: grammar.Node, below: bool = False) -> list[tuple[grammar.Node, bool]]:
    """Factors of a product with True for those below the line."""
    if isinstance(node, grammar.Op) and node.sign in "*/":
        return _factors(node.left, below) + _factors(node.right, below ^ (node.sign == "/"))
    if isinstance(node, grammar.Neg):
        return _factors(node.part, below)
    return [(node, below)]


def _factors_are_collected(node: grammar.Node) -> bool:
    """Each product holds one reduced number and each base once; no number is left to work out."""
    for part in _parts(node):
        if isinstance(part, grammar.Op) and not _is_sum(part) and not _product_is_collected(part):
            return False
        if isinstance(part, grammar.Call) and part.function == "sqrt" and not _root_is_reduced(part.part):
            return False
    return True


def _root_is_reduced(node: grammar.Node) -> bool:
    """No square can be taken out: sqrt(6) and sqrt(3x), not sqrt(12), sqrt(x^3) or sqrt(9)."""
    try:
        top, bottom = algebra.normal(node)
    except algebra.NotRational:
        return True
    if len(top) != 1 or bottom != algebra.ONE:
        return True
    (powers, number), *_ = top.items()
    squares = (n * n for n in range(2, LARGEST_ROOT))
    taken = any(number.numerator % square == 0 for square in itertools.takewhile(lambda s: s <= abs(number), squares))
    return all(power == 1 for _, power in powers) and not taken and (bool(powers) or number != 1)


def _product_is_collected(node: grammar.Node) -> bool:
    numbers: tuple[list[Fraction], list[Fraction]] = ([], [])
    bases: list[str] = []
    for factor, below in _factors(node):
        number = algebra.value(factor)
        if number is not None:
            if isinstance(factor, grammar.Op):
                return False
            numbers[below].append(number)
        else:
            bases.append(grammar.show(_base(factor)))
    return len(set(bases)) == len(bases) and _is_reduced(*numbers)


def _is_reduced(above: list[Fraction], below: list[Fraction]) -> bool:
    if len(above) > 1 or len(below) > 1:
        return False
    if not below:
        return True
    top, bottom = (above or [Fraction(1)])[0], below[0]
    whole = top.denominator == 1 and bottom.denominator == 1
    return whole and bottom != 1 and gcd(int(top), int(bottom)) == 1


def _base(node: grammar.Node) -> grammar.Node:
    return node.left if isinstance(node, grammar.Op) and node.sign == "^" else node


def _factor_count(node: grammar.Node) -> int:
    """Factors that hold letters, counted with their powers."""
    count = 0
    for factor, _ in _factors(node):
        if grammar.names(factor):
            exponent = algebra.value(factor.right) if isinstance(factor, grammar.Op) and factor.sign == "^" else None
            count += max(1, int(exponent or 1))
    return count


def _parts(node: grammar.Node) -> list[grammar.Node]:
    """The node and everything below it."""
    if isinstance(node, grammar.Neg | grammar.Call):
        return [node, *_parts(node.part)]
    if isinstance(node, grammar.Op):
        return [node, *_parts(node.left), *_parts(node.right)]
    return [node]
