"""Rules and augmentations by name: what each is called, what it can be told, which file does it.

Imports no library of tables, so that the server can show forms and refuse a wrong plan at once. A new one is a file in
its folder and a line here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface

Columns = list[str]


class Options(BaseModel):
    """What every step can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...] | None = Field(None, description="Only these; None: every column it is for.")


class Types(Options):
    """Values that are not of their column's kind."""

    bad: Literal["missing", "drop", "refuse"] = Field("missing", description="What becomes of a value that is not.")


class Missing(Options):
    """Values that are not there."""

    by: Literal["drop", "median", "mode", "constant"] = "median"
    value: str | float | int | bool | None = Field(None, description="For constant.")


class Duplicates(Options):
    """Rows that were there before; the first one stays."""


class Outliers(Options):
    """Numbers far from the others, by train alone."""

    by: Literal["iqr", "z"] = "iqr"
    factor: float = Field(3.0, gt=0, description="Times the range between the quartiles, or standard deviations.")
    action: Literal["clip", "drop", "report"] = Field("clip", description="drop: from train only.")


class LabelNoise(Options):
    """Labels that a model of the other rows is sure are wrong."""

    action: Literal["flag", "drop", "report"] = Field(
        "flag", description="flag: column label_suspect; drop: from train."
    )
    folds: int = Field(5, ge=2, le=20)
    confidence: float = Field(0.9, gt=0.5, lt=1, description="How sure it must be of another label.")


class Imbalance(Options):
    """Classes of very different size."""

    action: Literal["report", "resample", "weights"] = Field("report", description="weights: column class_weight.")
    ratio: float = Field(1.0, gt=0, le=1, description="Resample: smallest to largest class afterwards.")


class Shift(Options):
    """Parts that differ in distribution."""

    limit: float = Field(0.2, gt=0, description="Population stability index from which it is told.")


class Constant(Options):
    """Columns with one value, or none."""

    action: Literal["drop", "report"] = "drop"


class Leakage(Options):
    """Features that give the label away."""

    action: Literal["report", "drop"] = "report"
    limit: float = Field(0.999, gt=0.5, le=1, description="Share of equal rows, or correlation.")


class AugmentText(Options):
    """More texts: characters or words left out, exchanged, mistyped."""

    copies: int = Field(1, ge=1, le=10)
    dropout: float = Field(0.1, ge=0, le=0.9, description="Share of words left out.")
    swap: float = Field(0.05, ge=0, le=0.9, description="Share of words exchanged with the next.")
    noise: float = Field(0.02, ge=0, le=0.9, description="Share of characters doubled, left out or exchanged.")


class AugmentImage(Options):
    """More pictures: shifted, turned, mirrored, grainy."""

    copies: int = Field(1, ge=1, le=10)
    shift: int = Field(1, ge=0, le=64, description="Pixels at most.")
    rotate: float = Field(10.0, ge=0, le=180, description="Degrees at most.")
    flip: bool = Field(False, description="Mirror half of them: not for digits and letters.")
    noise: float = Field(0.02, ge=0, le=1, description="Standard deviation, of the full range.")


class AugmentNoise(Options):
    """More rows with numbers a little off."""

    copies: int = Field(1, ge=1, le=10)
    scale: float = Field(0.05, gt=0, le=2, description="Standard deviations of the column in train.")


@dataclass(frozen=True)
class Info:
    """One step: its options, where its code lies, and its name for people."""

    options: type[Options]
    module: str
    zh: str
    en: str


_RULES, _MORE = "shuyuan.maas.datasets.rules.", "shuyuan.maas.datasets.augmentation."
RULES: dict[str, Info] = {
    "types": Info(Types, _RULES + "types", "类型", "Types"),
    "missing": Info(Missing, _RULES + "missing", "缺失值", "Missing values"),
    "duplicates": Info(Duplicates, _RULES + "duplicates", "重复行", "Duplicates"),
    "outliers": Info(Outliers, _RULES + "outliers", "离群值", "Outliers"),
    "label_noise": Info(LabelNoise, _RULES + "label_noise", "可疑标签", "Doubtful labels"),
    "imbalance": Info(Imbalance, _RULES + "imbalance", "类别不均衡", "Imbalance"),
    "shift": Info(Shift, _RULES + "shift", "分布偏移", "Distribution shift"),
    "constant": Info(Constant, _RULES + "constant", "恒定列", "Constant columns"),
    "leakage": Info(Leakage, _RULES + "leakage", "标签泄漏", "Leaks of the label"),
}
AUGMENT: dict[str, Info] = {
    "text": Info(AugmentText, _MORE + "texts", "文本扩增", "Texts"),
    "image": Info(AugmentImage, _MORE + "images", "图像扩增", "Pictures"),
    "noise": Info(AugmentNoise, _MORE + "noise", "数值噪声", "Numbers with noise"),
}


def options(step: interface.Step, registry: Mapping[str, Info]) -> Options:
    """The step's options, checked. Raises BadInput naming the step, the option and the fix."""
    if step.rule not in registry:
        raise errors.BadInput(f"there is no rule {step.rule!r}", fix=f"use one of: {', '.join(registry)}")
    try:
        return registry[step.rule].options.model_validate(dict(step.options))
    except ValidationError as wrong:
        fault = wrong.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        known = ", ".join(registry[step.rule].options.model_fields)
        raise errors.BadInput(
            f"rule {step.rule!r}: {place} is {fault['input']!r}: {fault['msg']}"[:400], fix=f"it takes: {known}"
        ) from wrong


def check(plan: interface.Plan, columns: Sequence[interface.Column]) -> None:
    """Everything of a plan that can be refused without looking at the table. Raises BadInput, WrongColumns."""
    there = {column.name for column in columns}
    for step, registry in [*((one, RULES) for one in plan.rules), *((one, AUGMENT) for one in plan.augment)]:
        _check_names(options(step, registry).columns or (), there)
    _check_names(plan.columns, there)
    roles = {column.name: column.role for column in plan.told(columns)}
    if sum(role == "label" for role in roles.values()) > 1:
        named = ", ".join(name for name, role in roles.items() if role == "label")
        raise interface.WrongColumns(f"there are several labels: {named}", fix="give the others another role")
    if plan.split is None or plan.split.by == "random":
        return
    wanted = {"person": "person", "time": "time", "stratified": "label"}[plan.split.by]
    if plan.split.column is not None:
        _check_names([plan.split.column], there)
    elif wanted not in roles.values():
        raise interface.WrongColumns(
            f"a split by {plan.split.by} needs a column of role {wanted}", fix=f"give one column the role {wanted}"
        )


def described() -> dict[str, list[dict[str, Any]]]:  # Any: JSON
    """Every step with its name in both languages and its options as JSON schema, for forms."""
    return {
        kind: [
            {
                "rule": name,
                "zh": one.zh,
                "en": one.en,
                "what": one.options.__doc__,
                "schema": one.options.model_json_schema(),
            }
            for name, one in registry.items()
        ]
        for kind, registry in (("rules", RULES), ("augment", AUGMENT))
    }


def _check_names(
    names: "Sequence[str] | Mapping[str, JsonValue] | Mapping[str, interface.ColumnPlan]", there: set[str]
) -> None:
    for name in names:
        if name not in there:
            raise interface.WrongColumns(
                f"there is no column {name!r}", fix=f"use one of: {', '.join(sorted(there)[:50])}"
            )
