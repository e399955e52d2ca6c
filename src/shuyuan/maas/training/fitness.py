"""Whether a task can learn from a data set, asked before anything is queued, in the words its child would use."""

from collections.abc import Mapping, Sequence
from typing import Any

from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import columns, interface, tasks

_HELD: tuple[datasets_api.Part, ...] = ("validation", "test")


def require(
    new: interface.NewRun,
    config: Mapping[str, Any],  # Any: JSON, checked
    data: datasets_api.DataSetVersion,
    plan: datasets_api.Plan | None = None,
    earlier: Sequence[tuple[str, str]] = (),
) -> None:
    """Raises BadTraining. plan: done to the data before; where it may drop columns nobody knows yet which are left.

    earlier: name and kind of each column that the encoders of the parent read.
    """
    found = tasks.load(new.task)
    told = found.CONFIG.model_validate(dict(config))
    found.require_parent(told, goes_on=bool(new.parent))
    if plan is None and (train := data.parts.get("train")) is not None and not train.rows:
        raise columns.empty()
    if plan is None or not plan.may_drop_columns:
        there = data.columns if plan is None else (*plan.told(data.columns), *plan.adds(data.columns))
        read = [columns.Column(one.name, one.kind, one.role) for one in there]
        found.require_columns(told, read)
        columns.require_earlier(read, earlier, str(new.parent))
    if plan is None:
        _require_several(found.FINDS, data)


def _require_several(finds: columns.Finds, data: datasets_api.DataSetVersion) -> None:
    """As far as the whole data set tells: which classes train has only its rows know, and of a plan who does it."""
    for label in data.with_role("label"):
        is_missing = 0 < data.rows <= label.missing
        if finds == "class" and (is_missing or label.distinct == 1):
            shown = label.examples[:1] if not data.personal else ()
            raise columns.one_class("none" if is_missing else (*shown, f"in all {data.rows} rows of {data.uri}")[0])
        if finds == "number" and is_missing:
            raise columns.no_number()


def is_held_out(data: datasets_api.DataSetVersion) -> bool:
    """Whether there are rows that are not learned from."""
    return any(part in data.parts and data.parts[part].rows for part in _HELD)


def notes(data: datasets_api.DataSetVersion) -> tuple[str, ...]:
    """What one should know before one waits for the figures."""
    empty = [one.name for one in data.with_role("feature") if 0 < data.rows <= one.missing]
    told = (f"no row of {data.uri} has a value in {', '.join(empty)}: nothing is learned from that",) if empty else ()
    if is_held_out(data):
        return told
    return (
        f"{data.uri} has no validation or test part: the figures will come from the very rows it learns from and say "
        "nothing of new ones; split it first with `shuyuan data prepare`",
        *told,
    )
