"""Make an item concrete for a seed, and grade an answer to it. Holds the grader child, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import (
    arithmetic,
    choices,
    expression,
    numeric,
    sandbox,
    shorttext,
    templates,
)

LANGUAGES: tuple[interface.Language, ...] = ("zh", "en")


class Grader:
    """One per process. Safe from many threads."""

    def __init__(self, child: sandbox.Sandbox | None = None, cached: int = 4096) -> None:
        self._child = child or sandbox.Sandbox()
        self._concrete = lru_cache(maxsize=cached)(_concrete)

    def grade(
        self, item: interface.Item, seed: int, answer: interface.Answer, cache_key: str = ""
    ) -> interface.Verdict:
        """`cache_key` names this very content (id and hash); empty means: do not cache."""
        if isinstance(item, interface.SingleItem | interface.MultipleItem):
            return choices.grade(item, [answer] if isinstance(answer, str) else answer)
        if not isinstance(answer, str):
            return _not_text(item)
        concrete = self._concrete(Handle(item, cache_key), seed) if cache_key else _concrete(Handle(item, ""), seed)
        if isinstance(item, interface.NumericItem):
            return numeric.grade(answer, concrete.number, concrete.tolerance, concrete.units, concrete.wrong_numbers)
        if isinstance(item, interface.TextItem):
            return shorttext.grade(answer, concrete.accepted, concrete.wrong)
        return expression.grade(self._child, answer, concrete.key, concrete.wrong, item.variables, item.form)

    def key_fault(self, item: interface.Item, seed: int) -> str:
        """Why the item's own key would not be graded correct at this seed; empty when it would."""
        key = question(item, seed, "en").key
        if isinstance(item, interface.ExpressionItem):
            verdict = expression.judged(self._child, str(key.answer), str(key.answer), (), item.variables, item.form)
        else:
            verdict = self.grade(item, seed, key.answer)
        if verdict.correct:
            return ""
        shown = verdict.reason.en if verdict.reason else "is not graded correct"
        return f'the key "{key.answer}": {shown}'

    def close(self) -> None:
        self._child.close()


def question(item: interface.Item, seed: int, language: interface.Language) -> interface.Question:
    """The item as one learner sees it."""
    values = templates.draw(item, seed)
    return interface.Question(
        item_id=item.id,
        course_id=item.id.split(".")[0],
        kind=item.kind,
        seed=seed,
        language=language,
        points=item.points,
        prompt=values.text(item.prompt.of(language), language),
        choices=_shown_choices(item, seed, values, language),
        unit=item.unit.of(language) if isinstance(item, interface.NumericItem) else "",
        variables=item.variables if isinstance(item, interface.ExpressionItem) else (),
        minutes=item.minutes,
        passage=item.passage,
        hint_count=len(item.hints),
        attribution=item.attribution,
        needs_figure=item.needs_figure,
        hints=tuple(values.text(hint.of(language), language) for hint in item.hints),
        explanation=values.text(item.explanation.of(language), language),
    ).with_key(_key(item, seed, values))


# --- concrete keys --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Concrete:
    key: str = ""
    accepted: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()
    number: Fraction = Fraction(0)
    tolerance: Fraction = Fraction(0)
    units: tuple[str, ...] = ()
    wrong_numbers: tuple[tuple[Fraction, str], ...] = ()


class Handle:
    """An item that hashes by its cache key, so a cache lookup never walks the item."""

    __slots__ = ("item", "key")

    def __init__(self, item: interface.Item, key: str) -> None:
        self.item, self.key = item, key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other.key == self.key


def _concrete(handle: Handle, seed: int) -> _Concrete:
    item = handle.item
    values = templates.draw(item, seed)
    if isinstance(item, interface.NumericItem):
        return _Concrete(
            number=values.number(item.answer),
            tolerance=values.number(item.tolerance),
            units=(item.unit.zh, item.unit.en),
            wrong_numbers=tuple((values.number(wrong.answer.en), wrong.misconception) for wrong in item.wrong),
        )
    if isinstance(item, interface.ExpressionItem):
        wrongs = tuple((values.expression(wrong.answer.en), wrong.misconception) for wrong in item.wrong)
        return _Concrete(key=values.expression(item.answer), wrong=wrongs)
    if isinstance(item, interface.TextItem):
        return _Concrete(
            accepted=tuple(values.text(text, language) for language in LANGUAGES for text in item.answer.all),
            wrong=tuple(
                (values.text(wrong.answer.of(language), language), wrong.misconception)
                for language in LANGUAGES
                for wrong in item.wrong
            ),
        )
    return _Concrete()


def _key(item: interface.Item, seed: int, values: templates.Values) -> interface.Key:
    if isinstance(item, interface.SingleItem | interface.MultipleItem):
        right = [choice for choice in item.choices if choice.correct]
        says = tuple(values.text(choice.text.of(language), language) for language in LANGUAGES for choice in right)
        ids = tuple(choice.id for choice in right)
        return interface.Key(answer=ids[0] if item.kind == "single" else ids, says=tuple(dict.fromkeys(says)))
    concrete = _concrete(Handle(item, ""), seed)
    if isinstance(item, interface.NumericItem):
        says = _numerals(concrete.number)
    elif isinstance(item, interface.TextItem):
        says = tuple(dict.fromkeys(concrete.accepted))
    else:
        says = (concrete.key,)
    return interface.Key(answer=says[0], says=says)


def _numerals(number: Fraction) -> tuple[str, ...]:
    shown = arithmetic.show(number)
    return tuple(dict.fromkeys((shown, f"{number.numerator}/{number.denominator}" if "." in shown else shown)))


def _shown_choices(
    item: interface.Item, seed: int, values: templates.Values, language: interface.Language
) -> tuple[interface.QuestionChoice, ...]:
    if not isinstance(item, interface.SingleItem | interface.MultipleItem):
        return ()
    return tuple(
        interface.QuestionChoice(id=choice.id, text=values.text(choice.text.of(language), language))
        for choice in choices.arranged(item, seed)
    )


def _not_text(item: interface.Item) -> interface.Verdict:
    reason = interface.Text(
        zh="本题要写答案，不是选择：请发送文字", en=f"a {item.kind} answer is written, not chosen: send text"
    )
    return interface.Verdict(correct=False, malformed=True, reason=reason)


def wrong_answers(item: interface.Item, seed: int) -> Sequence[tuple[str, str]]:
    """Typical wrong answers of this seed as a learner would send them, with their misconceptions."""
    if isinstance(item, interface.SingleItem | interface.MultipleItem):
        return [(c.id, c.misconception) for c in item.choices if c.misconception and not c.correct]
    concrete = _concrete(Handle(item, ""), seed)
    numbers = [(arithmetic.show(number), name) for number, name in concrete.wrong_numbers]
    return [*concrete.wrong, *numbers]
