"""What a column is and what may be done to a table: a plan is JSON, nothing in it is code."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Kind = Literal["number", "integer", "boolean", "category", "text", "time", "image", "sequence", "identifier"]
Role = Literal["feature", "label", "person", "time", "weight", "ignore"]
Part = Literal["train", "validation", "test"]
SplitBy = Literal["random", "person", "time", "stratified"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
Option = JsonValue


class Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Fact):
    """One column: what its values are, what it is for, and what they look like."""

    name: str
    kind: Kind
    role: Role = "feature"
    missing: int = 0
    distinct: int = Field(0, description="Different values; within about 2 % beyond 262,144 rows.")
    examples: tuple[str, ...] = ()


class ColumnPlan(Fact):
    """What a person says of a column; None keeps what was inferred."""

    kind: Kind | None = None
    role: Role | None = None


_DROPPING = ("constant", "leakage")  # rules that may drop columns
_BALANCING, CLASS_WEIGHT = "imbalance", "class_weight"  # the rule that may add a column, and that column


class Step(BaseModel):
    """One rule or augmentation by name, with its options beside it: {"rule": "missing", "by": "median"}."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Option]

    rule: str = Field(max_length=64)

    @property
    def options(self) -> Mapping[str, Option]:
        """Everything but the name."""
        return self.__pydantic_extra__ or {}


class Split(Fact):
    """How rows are dealt to train, validation and test: exactly these shares, the same for the same seed."""

    by: SplitBy = "random"
    shares: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field((0.7, 0.15, 0.15), min_length=3, max_length=3)
    seed: int = Field(7, ge=0, lt=2**63)
    column: str | None = Field(None, max_length=200, description="Column it goes by; None: the one with that role.")

    @model_validator(mode="after")
    def _whole(self) -> "Split":
        if abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError(f"the shares add up to {sum(self.shares):g}; make them add up to 1")
        if self.shares[0] <= 0:
            raise ValueError("the share of train is 0; give it some rows")
        return self


class Plan(Fact):
    """All that is done to a table, as JSON: nothing in it is code, so it runs on any pool of processes."""

    columns: Mapping[str, ColumnPlan] = {}
    rules: tuple[Step, ...] = Field((), max_length=50)
    augment: tuple[Step, ...] = Field((), max_length=20)
    split: Split | None = Field(None, description="None: everything is train.")
    seed: int = Field(7, ge=0, lt=2**63, description="Of rules and augmentation.")

    @property
    def may_drop_columns(self) -> bool:
        """Whether what is found may take columns away."""
        return any(step.rule in _DROPPING for step in self.rules)

    def adds(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Columns that its rules are sure to add to these, as far as somebody else has to heed them."""
        weighs = any(step.rule == _BALANCING and step.options.get("action") == "weights" for step in self.rules)
        has_classes = any(one.role == "label" and one.kind != "number" for one in self.told(columns))
        is_there = any(one.name == CLASS_WEIGHT for one in columns)
        added = Column(name=CLASS_WEIGHT, kind="number", role="weight")
        return (added,) if weighs and has_classes and not is_there else ()

    def told(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns with the kinds and roles that a person said. Who names a label displaces the one there was."""
        said = dict(self.columns)
        if any(one.role == "label" for one in said.values()):
            for name in (one.name for one in columns if one.role == "label"):
                now = said.get(name, ColumnPlan())
                said[name] = now.model_copy(update={"role": now.role or "feature"})
        return tuple(_told(column, said.get(column.name)) for column in columns)


def _told(column: Column, said: ColumnPlan | None) -> Column:
    if said is None:
        return column
    return column.model_copy(update={"kind": said.kind or column.kind, "role": said.role or column.role})
