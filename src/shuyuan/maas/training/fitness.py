"""Whether a task can learn from a data set, asked before anything is queued, in the words its child would use."""

from collections.abc import Mapping
from typing import Any

from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import columns, interface, tasks

_HELD: tuple[datasets_api.Part, ...] = ("validation", "test")


def require(
    new: interface.NewRun,
    config: Mapping[str, Any],  # Any: JSON, checked
    data: datasets_api.DataSetVersion,
    plan: datasets_api.Plan | None = None,
) -> None:
    """Raises BadTraining. plan: done to the data before; where it may drop columns nobody knows yet which are left."""
    found = tasks.load(new.task)
    told = found.CONFIG.model_validate(dict(config))
    found.require_parent(told, goes_on=bool(new.parent))
    if plan is None and (train := data.parts.get("train")) is not None and not train.rows:
        raise columns.empty()
    if plan is None or not plan.may_drop_columns:
        there = data.columns if plan is None else plan.told(data.columns)
        found.require_columns(told, [columns.Column(one.name, one.kind, one.role) for one in there])


def is_held_out(data: datasets_api.DataSetVersion) -> bool:
    """Whether there are rows that are not learned from."""
    return any(part in data.parts and data.parts[part].rows for part in _HELD)


def notes(data: datasets_api.DataSetVersion) -> tuple[str, ...]:
    """What one should know before one waits for the figures."""
    if is_held_out(data):
        return ()
    return (
        f"{data.uri} has no validation or test part: the figures will come from the very rows it learns from and say "
        "nothing of new ones; split it first with `shuyuan data prepare`",
    )
