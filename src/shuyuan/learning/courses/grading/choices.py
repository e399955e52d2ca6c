"""Choice answers: single and multiple. Ids are stable, only their order on the page is shuffled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import templates

_STAYS_LAST = re.compile(r"以上|上述|都不|都对|都是|above|none of|all of|neither|both of", re.IGNORECASE)


def grade(item: interface.SingleItem | interface.MultipleItem, answer: Sequence[str]) -> interface.Verdict:
    by_id = {choice.id: choice for choice in item.choices}
    given = sorted({answer} if isinstance(answer, str) else set(answer))
    fault = _fault(item, given, by_id)
    if fault:
        return interface.Verdict(correct=False, malformed=True, reason=fault)
    right = sorted(choice.id for choice in item.choices if choice.correct)
    misconceptions = [by_id[choice].misconception for choice in given if not by_id[choice].correct]
    return interface.Verdict(
        correct=given == right,
        misconception=next((name for name in misconceptions if name), None),
        normalised=",".join(given),
    )


def arranged(item: interface.SingleItem | interface.MultipleItem, seed: int) -> tuple[interface.Choice, ...]:
    """Choices in the order of this seed. Yes/no, and "all of the above", stay where the author put them."""
    if not item.shuffle or len(item.choices) <= 2:
        return item.choices
    if any(_STAYS_LAST.search(choice.text.zh + " " + choice.text.en) for choice in item.choices):
        return item.choices
    return tuple(item.choices[index] for index in templates.order(len(item.choices), f"{item.id}/{seed}"))


def _fault(
    item: interface.SingleItem | interface.MultipleItem, given: list[str], known: dict[str, interface.Choice]
) -> interface.Text | None:
    if not given:
        return interface.Text(zh="还没有选：请选一项", en="nothing is chosen: choose one")
    strange = next((choice for choice in given if choice not in known), None)
    if strange is not None:
        ids = ", ".join(known)
        return interface.Text(
            zh=f"没有选项“{strange[:20]}”：选项有 {ids}", en=f'there is no choice "{strange[:20]}": choose from {ids}'
        )
    if item.kind == "single" and len(given) > 1:
        return interface.Text(
            zh=f"选了 {len(given)} 项：本题只选一项", en=f"{len(given)} choices were sent: choose exactly one"
        )
    return None
