"""Tracers side by side on one table, under one protocol that is stored with every number.

Learners, not rows, are dealt: those of the test part are strangers to every fit; a tracer that selects (epochs, rates)
does so on validation learners. Each tracer is also fitted to answers dealt at random, where it must tell nothing, and
where that is asked, without a fifth of the items (`comparingnew`).
A table that gives answers away (`evaluation.refuse_leaks`) is refused before anything is fitted.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from shuyuan.science import metrics
from shuyuan.science.tracing import comparingnew, evaluation, family
from shuyuan.science.tracing.interactions import Answer, Interactions

CHILD = "shuyuan.science.tracing.comparing_child"  # the main of the process that does it: it may import torch
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
FEWEST_LEARNERS, FEWEST_ANSWERS = 10, 200
BINS = 10
Told = Mapping[str, Any]  # Any: JSON
Tell = Callable[[str, str, int], None]  # stage, tracer, how many stages are behind


class TooFew(ValueError):
    """Not enough learners or answers to hold anybody out."""


@dataclass(frozen=True)
class Split:
    """The three parts, and how they were dealt."""

    fit: Interactions
    validation: Interactions
    test: Interactions
    seed: int


class Order(NamedTuple):
    """What is asked for. control: fit each tracer to answers dealt at random, too.  new_items: and without a fifth of
    the items, to judge it on them."""

    models: tuple[str, ...]
    seed: int = 0
    control: bool = True
    new_items: bool = False

    @property
    def stages(self) -> int:
        """How many `compare` tells of."""
        return len(self.models) * (3 if self.new_items else 2)


def table_of(answers: Iterable[Answer]) -> Interactions:
    """The answers in time order, of one moment by learner: in which order learners stood in a file decides nothing."""
    return Interactions.of(sorted(answers, key=lambda one: (one.at_s, str(one.learner))))


def split(table: Interactions, seed: int) -> Split:
    """Deal the learners. Raises TooFew."""
    learners = len(np.unique(table.learner))
    if learners < FEWEST_LEARNERS or len(table) < FEWEST_ANSWERS:
        raise TooFew(
            f"{learners} learners with {len(table)} answers: from {FEWEST_LEARNERS} learners and {FEWEST_ANSWERS} "
            "answers on some can be held out"
        )
    rest, test = table.split(TEST_SHARE, seed)
    fit, validation = rest.split(VALIDATION_SHARE / (1 - TEST_SHARE), seed + 1)
    if len(np.unique(test.correct)) < 2 or len(np.unique(fit.correct)) < 2:
        raise TooFew("the answers of a part are all right or all wrong: nothing can be told apart")
    return Split(fit, validation, test, seed)


def compare(
    table: Interactions,
    order: Order,
    tell: Tell = lambda stage, model, done: None,
    texts: comparingnew.Texts = comparingnew.NO_TEXTS,
) -> dict[str, Any]:
    """Everything that is known of each tracer, JSON. texts: of items, for those that are hidden.

    Raises evaluation.Leak, TooFew, comparingnew.TooFewHidden, ValueError (unknown name).
    """
    for name in order.models:
        family.require(name)
    evaluation.refuse_leaks(table)
    parts = split(table, order.seed)
    hidden = None
    if order.new_items:
        hidden = comparingnew.hide(parts.fit, parts.validation, parts.test, parts.seed, texts)
    stages = _Stages(tell)
    models = {name: _one(name, parts, order, stages, hidden) for name in order.models}
    told = protocol(table, parts, order)
    if hidden is not None:
        told["new_items"] = hidden.protocol()
        told["test_readings"] += sum(1 if one["new_items"]["by_text"] is None else 2 for one in models.values())
    return {"protocol": told, "models": models}


def protocol(table: Interactions, parts: Split, order: Order) -> dict[str, Any]:
    """What the numbers stand on."""
    pairs, alike = evaluation.repeats(table)
    return {
        "split": "by learner: those of the test part are strangers to the fit and start cold",
        "seed": order.seed,
        "test_share": TEST_SHARE,
        "validation_share": VALIDATION_SHARE,
        "parts": {
            name: {"answers": len(part), "learners": len(np.unique(part.learner))}
            for name, part in (("fit", parts.fit), ("validation", parts.validation), ("test", parts.test))
        },
        "items": len(table.item_ids),
        "points": len(table.point_ids),
        "interval": "95 % by resampling test learners, 200 draws",
        "calibration_bins": BINS,
        "data_sha256": fingerprint(table),
        "leak_check": {"neighbours": pairs, "alike": alike, "refused": False},
        "test_readings": len(order.models),
    }


def fingerprint(table: Interactions) -> str:
    """Of the answers, so that a number can be tied to them."""
    digest = hashlib.sha256()
    for column in (table.learner, table.item, table.starts, table.point, table.correct, table.at_s):
        digest.update(column.tobytes())
    digest.update("\n".join((*table.item_ids, "", *table.point_ids)).encode())
    return digest.hexdigest()


def rows(result: Told) -> Iterator[tuple[str, str, float | None]]:
    """(model, figure, value) of a result, flat: a line each of its CSV."""
    for name, told in result["models"].items():
        for figure in ("auc", "low", "high", "log_loss", "calibration_error", "control_auc", "seconds"):
            yield name, figure, told[figure]
        for where, part in told["slices"].items():
            for figure in ("rows", "share_right", "auc", "log_loss"):
                yield name, f"{where}: {figure}", part[figure]
        for figure, value in comparingnew.rows(told.get("new_items", {})):
            yield name, figure, value


class _Stages:
    def __init__(self, tell: Tell) -> None:
        self._tell, self._done = tell, 0

    def begin(self, stage: str, model: str) -> None:
        """Say what begins."""
        self._tell(stage, model, self._done)
        self._done += 1


def _one(name: str, parts: Split, order: Order, stages: _Stages, hidden: comparingnew.Hidden | None) -> dict[str, Any]:
    algorithm = family.find(name)
    stages.begin("fit", name)
    began = time.process_time()
    p = algorithm.fit(parts.fit, validation=parts.validation, seed=order.seed).predict(parts.test)
    told = asdict(evaluation.report(parts.test, p, parts.fit))
    told["seconds"] = time.process_time() - began
    told["bins"] = [one._asdict() for one in metrics.reliability_bins(parts.test.correct, p, bins=BINS)]
    stages.begin("control", name)
    told["control_limit"] = _chance(parts.test)
    told["control_auc"] = (
        evaluation.control(algorithm, parts.fit, parts.test, seed=order.seed) if order.control else None
    )
    if hidden is not None:
        stages.begin("new", name)
        told["new_items"] = comparingnew.judge(name, hidden, order.seed)
    finite: dict[str, Any] = _finite(told)
    return finite


def _chance(test: Interactions) -> float:
    """How far from one half chance alone takes an AUC, three standard errors. Source: Mann & Whitney (1947)."""
    right, rows = int(test.correct.sum()), len(test)
    return 3.0 * float(np.sqrt((rows + 1) / (12 * right * (rows - right))))


def _finite(told: Any) -> Any:  # Any: JSON; what is not a number is null there
    if isinstance(told, dict):
        return {name: _finite(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_finite(value) for value in told]
    return None if isinstance(told, float) and not np.isfinite(told) else told


def best(models: Told) -> Sequence[str]:
    """Those whose AUC no other's interval lies wholly above, the highest first.

    >>> best({"a": {"auc": 0.7, "low": 0.6, "high": 0.8}, "b": {"auc": 0.5, "low": 0.4, "high": 0.55}})
    ['a']
    """
    top = max(one["auc"] for one in models.values())
    lead = next(one for one in models.values() if one["auc"] == top)
    near = [name for name, one in models.items() if (one["high"] or one["auc"]) >= (lead["low"] or top)]
    return sorted(near, key=lambda name: -models[name]["auc"])
