"""Judge an expression against its key: the work of the grader child, pure and bounded.

Only this file's `judge` meets what learners typed. Its answer is plain data for the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypedDict

from shuyuan.learning.courses.grading import algebra, forms, grammar, sampling

Tree = grammar.Node | grammar.Equation


class Judgement(TypedDict):
    """outcome: correct, wrong, form (right value, other form) or malformed; wrong: index of the typical mistake."""

    outcome: str
    wrong: int | None
    normalised: str
    zh: str
    en: str


def judge(answer: str, key: str, wrong: Sequence[str], variables: Sequence[str], form: str) -> Judgement:
    known = tuple(variables)
    try:
        given = grammar.parse(answer, known)
        _check_names(given, known, _parsed(key, known))
        return _judge(given, key, wrong, known, form)
    except grammar.Unreadable as unreadable:
        return _said("malformed", "", zh=unreadable.zh, en=unreadable.en)


def check(text: str, variables: Sequence[str]) -> Tree:
    """Read a key the author wrote and make sure it can be compared. Raises Unreadable."""
    tree = grammar.parse(text, variables)
    if not equivalent(tree, tree):
        raise grammar.Unreadable(f"“{text}”没有实数值", f'"{text}" has no real value to compare')
    return tree


def equivalent(a: Tree, b: Tree) -> bool:
    """Same value, or for equations the same relation up to a constant factor.

    An answer without `x =` meets a key with it, and the other way round.
    """
    if isinstance(a, grammar.Equation) and isinstance(b, grammar.Equation):
        return _same_relation(a, b)
    if isinstance(a, grammar.Equation):
        return isinstance(a.left, grammar.Name) and same(a.right, b)  # type: ignore[arg-type]
    if isinstance(b, grammar.Equation):
        return equivalent(b, a)
    return same(a, b)


def same(a: grammar.Node, b: grammar.Node) -> bool:
    x, y = _ratio(a), _ratio(b)  # both first: a division by zero is refused on either side
    return algebra.same(x, y) if x and y else sampling.same(a, b)


def _ratio(node: grammar.Node) -> algebra.Ratio | None:
    """The normal form, or None when only sampling can compare."""
    try:
        return algebra.normal(node)
    except algebra.NotRational:
        return None


def _judge(given: Tree, key: str, wrong: Sequence[str], known: tuple[str, ...], form: str) -> Judgement:
    shown = grammar.show(given)
    right = _parsed(key, known)
    if equivalent(given, right):
        name = forms.solved_for(right)
        if isinstance(given, grammar.Equation) and name and forms.solved_for(given) != name:
            return _said(
                "form", shown, zh=f"关系是对的，请解出 {name}", en=f"the relation is right: solve it for {name}"
            )
        if forms.has_form(form, given, right):
            return _said("correct", shown)
        zh, en = forms.reason(form)
        return _said("form", shown, wrong=_mistake(shown, wrong, known), zh=zh, en=en)
    for index, text in enumerate(wrong):
        if equivalent(given, _parsed(text, known)):
            return _said("wrong", shown, wrong=index)
    return _said("wrong", shown)


def _mistake(shown: str, wrong: Sequence[str], known: tuple[str, ...]) -> int | None:
    """A typical wrong answer of the right value (not expanded) is recognised by its writing alone."""
    return next((i for i, text in enumerate(wrong) if grammar.show(_parsed(text, known)) == shown), None)


def _same_relation(a: grammar.Equation, b: grammar.Equation) -> bool:
    left, right = (grammar.Op("-", side.left, side.right) for side in (a, b))
    x, y = _ratio(left), _ratio(right)
    if not (x and y):
        return sampling.proportional(left, right)
    return algebra.proportional(x[0], y[0]) or algebra.proportional(
        algebra.times(x[0], y[1]), algebra.times(y[0], x[1])
    )


def _check_names(given: Tree, known: tuple[str, ...], key: Tree) -> None:
    allowed = {*known, *grammar.names(key)}
    if isinstance(given, grammar.Equation) and isinstance(given.left, grammar.Name):
        allowed.add(given.left.name)
    strange = sorted(grammar.names(given) - allowed)
    if strange:
        letters = ", ".join(sorted(allowed))
        raise grammar.Unreadable(
            f"这里没有“{strange[0]}”：" + (f"只用 {letters}" if allowed else "答案是一个数"),
            f'"{strange[0]}" does not occur here: ' + (f"use {letters} only" if allowed else "the answer is a number"),
        )


@lru_cache(maxsize=4096)
def _parsed(text: str, variables: tuple[str, ...]) -> Tree:
    return grammar.parse(text, variables)


def _said(outcome: str, shown: str, *, wrong: int | None = None, zh: str = "", en: str = "") -> Judgement:
    return Judgement(outcome=outcome, wrong=wrong, normalised=shown, zh=zh, en=en)
