"""The training tasks: one file each and one line here. Read without torch; a task is imported when it is asked for."""

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shuyuan.maas.training import task

_HERE = "shuyuan.maas.training.tasks"

TASKS: Mapping[str, str] = {
    "tabular_classification": f"{_HERE}.tabular_classification:TabularClassification",
    "tabular_regression": f"{_HERE}.tabular_regression:TabularRegression",
    "image_classification": f"{_HERE}.image_classification:ImageClassification",
    "sequence_classification": f"{_HERE}.sequence_classification:SequenceClassification",
    "sequence_to_sequence": f"{_HERE}.sequence_to_sequence:SequenceToSequence",
    "ranking": f"{_HERE}.ranking:Ranking",
    "text_classification": f"{_HERE}.text_classification:TextClassification",
    "clustering": f"{_HERE}.clustering:Clustering",
    "autoencoder": f"{_HERE}.autoencoder:Autoencoding",
    "pseudo_labels": f"{_HERE}.pseudo_labels:PseudoLabels",
    "transfer": f"{_HERE}.transfer:Transfer",
    "bandit": f"{_HERE}.bandit:Bandit",
    "policy_gradient": f"{_HERE}.policy_gradient:PolicyGradient",
    "language_model": f"{_HERE}.language_model:LanguageModel",
    "staged_growth": f"{_HERE}.staged_growth:StagedGrowth",
}


class UnknownTask(task.BadTraining):
    """No task of this name."""

    code = "unknown_task"


@dataclass(frozen=True)
class About:
    """What a form shows of a task."""

    name: str
    title: task.Words
    what: task.Words
    schema: Mapping[str, Any]  # JSON schema of its CONFIG


@functools.cache
def load(name: str) -> task.Task[Any]:  # its config type is known to itself alone
    """The task of a name. Raises UnknownTask."""
    if name not in TASKS:
        raise UnknownTask(f"task {name!r} is unknown", fix=f"use one of {', '.join(sorted(TASKS))}")
    module, _, kind = TASKS[name].partition(":")
    made: task.Task[Any] = getattr(importlib.import_module(module), kind)()
    return made


@functools.cache
def about(name: str) -> About:
    """Name, title, sentence and form of a task. Raises UnknownTask."""
    found = load(name)
    return About(found.NAME, found.TITLE, found.WHAT, found.CONFIG.model_json_schema())


def every() -> tuple[About, ...]:
    """All tasks, in the order of the list."""
    return tuple(about(name) for name in TASKS)
