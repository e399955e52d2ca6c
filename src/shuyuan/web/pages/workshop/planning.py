"""The plan of a data set as a form: plain choices with a default each, and what they become. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from shuyuan.maas.datasets.interface import Column, DataSetVersion, Kind, Plan, Role, SplitBy
from shuyuan.web.pages.workshop import common

OFF, ON = "off", "on"
KINDS: tuple[str, ...] = get_args(Kind)
ROLES: tuple[str, ...] = get_args(Role)
SPLITS: tuple[str, ...] = (OFF, *get_args(SplitBy))
COPIES = ("0", "1", "2", "4")
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Rule:
    """A cleaning rule: what it may be told (`option`), and what is chosen unless somebody says otherwise."""

    name: str
    option: str
    choices: tuple[str, ...]
    default: str

    def chosen(self, form: common.Form) -> str:
        """What the form says, or the default."""
        said = common.first(form, f"rule.{self.name}", self.default)
        return said if said in (OFF, *self.choices) else self.default


RULES = (
    Rule("types", "bad", ("missing", "drop", "refuse"), "missing"),
    Rule("missing", "by", ("median", "mode", "drop"), "median"),
    Rule("duplicates", "", (ON,), ON),
    Rule("outliers", "action", ("report", "clip", "drop"), "report"),
    Rule("constant", "action", ("drop", "report"), "drop"),
    Rule("leakage", "action", ("report", "drop"), "report"),
    Rule("imbalance", "action", ("report", "weights", "resample"), "report"),
    Rule("label_noise", "action", ("report", "flag", "drop"), OFF),
    Rule("shift", "", (ON,), ON),
)
AUGMENT: Mapping[str, tuple[str, ...]] = {"text": ("text",), "image": ("image",), "noise": ("number",)}


def proposed(version: DataSetVersion) -> Mapping[str, str]:
    """Column → the kind it had better have: numbers with some words among them, which are missing then."""
    kinds = {one.name: one.kind for one in version.columns if one.role in ("feature", "label")}
    found = (one.column for one in version.findings if one.code == "nearly_numbers")
    return {name: "number" for name in found if kinds.get(name) in ("text", "category", "identifier")}


def split_of(columns: Sequence[Column]) -> str:
    """How rows are best dealt out: nobody in two parts where persons are known; else classes in equal shares."""
    roles = {column.role: column for column in columns}
    if "person" in roles:
        return "person"
    label = roles.get("label")
    return "stratified" if label and label.kind in ("category", "boolean", "integer") else "random"


def augmentations(columns: Sequence[Column]) -> list[str]:
    """Those that find a column to work on."""
    kinds = {column.kind for column in columns if column.role == "feature"}
    return [name for name, wanted in AUGMENT.items() if kinds & set(wanted)]


def plan(version: DataSetVersion, form: common.Form) -> Plan:
    """What the form says. Raises BadInput naming field and value."""
    told: dict[str, Any] = {  # Any: JSON, checked by Plan
        "columns": _columns(version.columns, form),
        "rules": [_step(rule, chosen) for rule in RULES if (chosen := rule.chosen(form)) != OFF],
        "augment": [
            {"rule": name, "copies": common.number(common.first(form, f"augment.{name}"), 0)}
            for name in AUGMENT
            if common.first(form, f"augment.{name}") in COPIES[1:]
        ],
        "seed": common.number(common.first(form, "seed"), 7),
    }
    by = common.first(form, "split", OFF)
    if by != OFF:
        shares = [_share(common.first(form, f"share.{part}")) for part in PARTS]
        told["split"] = {"by": by, "shares": shares, "seed": told["seed"]}
    try:
        return Plan.model_validate(told)
    except ValidationError as wrong:
        raise common.bad(wrong) from wrong


def _columns(columns: Sequence[Column], form: common.Form) -> dict[str, dict[str, str]]:
    """What was changed: name → kind and role."""
    changed: dict[str, dict[str, str]] = {}
    for n, column in enumerate(columns):
        said = {word: common.first(form, f"{word}.{n}") for word in ("kind", "role")}
        new = {word: value for word, value in said.items() if value and value != getattr(column, word)}
        if new:
            changed[column.name] = new
    return changed


def _step(rule: Rule, chosen: str) -> dict[str, str]:
    return {"rule": rule.name} | ({rule.option: chosen} if rule.option else {})


def _share(said: str) -> float | str:
    """Percent to a share; what is no number is refused by the plan, by its name."""
    try:
        return round(float(said) / 100, 6)
    except ValueError:
        return said
