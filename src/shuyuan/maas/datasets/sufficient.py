"""Whether what a plan left of a table can be learnt from. Child processes only."""

from collections.abc import Sequence

from shuyuan.maas.datasets import findings, interface
from shuyuan.maas.datasets.rules import base

_FREE = ("text", "sequence")  # kinds of labels that are no classes


def noticed(columns: Sequence[interface.Column], rows: int) -> list[interface.Finding]:
    """What one should know before one trains on it, as far as the whole table tells: profiled columns."""
    seen = []
    for one in columns:
        if one.role in ("feature", "label") and one.missing >= rows:
            seen.append(findings.found("empty", ("no_value", {}), column=one.name, count=rows, action="report"))
        elif one.role == "label" and one.distinct == 1 and one.kind not in _FREE:
            seen.append(findings.found("label", ("one_class", {}), column=one.name, count=rows, action="report"))
    return seen


def require(parts: base.Parts, plan: interface.Plan, columns: Sequence[interface.Column]) -> None:
    """Raises EmptyData, OneClass."""
    if "train" not in parts or not parts["train"].height:
        raise interface.EmptyData("no row is left for train", fix="drop less, or send more rows")
    if not parts["train"].width:
        raise interface.EmptyData("no column is left", fix="drop less")
    if plan.split is not None:
        for part, share in zip(interface.PARTS, plan.split.shares, strict=True):
            if share and part not in parts:
                raise interface.EmptyData(
                    f"no row falls to {part}", fix=f"send more rows, or make the share of {part} 0"
                )
    for label in (one for one in columns if one.role == "label"):
        if label.name not in parts["train"].columns or label.kind in _FREE:
            continue
        classes = parts["train"][label.name].drop_nulls().n_unique()
        if classes < 2:
            raise interface.OneClass(
                f"the label {label.name!r} has {classes or 'no'} value in train: there is nothing to learn",
                fix="send rows of another class, or give the column another role",
            )
