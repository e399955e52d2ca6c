"""Whether the rows of a version may be dealt to parts: not where one row may be there twice, once for each part.

Copies of a row in train and in test would make every figure on test too good.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shuyuan.maas.datasets import interface

_MARKS = ("augmented", "class_weight")  # columns of rules that look at train
_COPIES = "imbalance"


def require(version: interface.DataSetVersion, made_from: Sequence[interface.DataSetVersion]) -> None:
    """made_from: what it was made from, the nearest first. Raises WrongColumns naming the version to split instead."""
    _require(version, made_from, _dealt, "prepare the version it was made from", "split")


def require_each_once(version: interface.DataSetVersion, made_from: Sequence[interface.DataSetVersion]) -> None:
    """As `require`, for rows that are cut into folds, whatever parts they are in."""
    _require(version, made_from, _copied, "cross-validate the version it was made from", "cut into folds")


def _require(
    version: interface.DataSetVersion,
    made_from: Sequence[interface.DataSetVersion],
    found: Callable[[interface.DataSetVersion], str],
    instead: str,
    wanted: str,
) -> None:
    why, fix = "", ""
    for one, source in zip((version, *made_from), (*made_from, None), strict=True):
        if said := found(one):
            why = f"{version.uri} cannot be {wanted}: {one.uri} {said}"
            fix = f"{instead}: {source.uri}" if source else "import the rows without copies"
    if why:
        raise interface.WrongColumns(why, fix=fix)


def _dealt(version: interface.DataSetVersion) -> str:
    """What was done to its rows already; empty for rows as they came."""
    return "has parts already" if len(version.parts) > 1 else _copied(version)


def _copied(version: interface.DataSetVersion) -> str:
    """What may have repeated its rows."""
    for name in _MARKS:
        if any(column.name == name for column in version.columns):
            return f"has the column {name!r}, so its rows may be copies"
    plan: Mapping[str, Any] = version.plan  # Any: JSON
    rules = [rule for rule in plan.get("rules", ()) if rule["rule"] == _COPIES]
    return "repeats rows of small classes" if any(rule.get("action") == "resample" for rule in rules) else ""
