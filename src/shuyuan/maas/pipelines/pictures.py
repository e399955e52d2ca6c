"""A pipeline as boxes from left to right, in rows like a text. Pure."""

import itertools
from collections.abc import Mapping

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.deployment import interface as deployment
from shuyuan.maas.pipelines import interface

TITLES: Mapping[interface.StepName, tuple[str, str]] = {
    "prepare": ("整理数据", "Prepare data"),
    "train": ("训练", "Train"),
    "evaluate": ("评测", "Evaluate"),
    "compress": ("压缩", "Compress"),
    "evaluate_child": ("评测压缩版", "Evaluate the child"),
    "gate": ("上线审核", "Release check"),
    "register": ("登记", "Register"),
    "canary": ("小范围试用", "Trial rollout"),
    "promote": ("正式上线", "Promote"),
}
_ROW = 4  # boxes beside each other: as many as a page is wide
_TOLD = ("version", "champion", "canary", "gate", "child", "report", "run", "data")


def graph(pipeline: interface.Pipeline) -> deployment.Graph:
    """One box a step; what will not happen any more is there, dashed."""
    boxes = tuple(_box(step) for step in pipeline.steps)
    return deployment.Graph(nodes=boxes, edges=tuple((a.id, b.id) for a, b in itertools.pairwise(boxes)))


def _box(step: interface.Step) -> deployment.Node:
    zh, en = TITLES[step.name]
    detail = step.error["message"] if step.error else _told(step.output)
    return deployment.Node(
        id=f"step-{step.position}",
        kind="step",
        column=step.position % _ROW,
        title=catalogue.LocalText(zh=zh, en=en),
        detail=detail,
        state=step.state,
    )


def _told(output: Mapping[str, object]) -> str:
    """What came of a step, in a word. An id says nothing to people: its end tells one from another."""
    name = next((name for name in _TOLD if output.get(name)), "")
    said = str(output.get(name, ""))
    return f"… {said[-6:]}" if name in ("run", "report") else said
