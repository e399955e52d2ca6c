"""A version of a data set: its columns and parts, what was found in it, who agreed, and what became of it."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from shuyuan.maas.datasets.plans import Column, Fact, Part, Role
from shuyuan.maas.datasets.refusals import WrongColumns

_QUOTING = ("nearly_numbers", "filled")  # codes of findings that quote a value


class Finding(Fact):
    """One line of the cleaning report: which rule saw what, how often, and what was done about it.

    action and detail are English; `code` with `values` say the detail in any language. Older findings have none.
    """

    rule: str
    column: str = ""
    count: int = 0
    action: str = ""
    detail: str = ""
    code: str = ""
    values: Mapping[str, str | int | float] = {}

    @property
    def quotes_values(self) -> bool:
        """Whether its detail may hold a value as it stands in the table. Those without code say nobody knows what."""
        return self.code in _QUOTING or (not self.code and bool(self.detail))

    def without_values(self) -> "Finding":
        """The same, quoting nothing of the table."""
        return self.model_copy(update={"detail": "", "code": "", "values": {}})


class PartInfo(Fact):
    """A Parquet file in the artefact store."""

    sha256: str
    rows: int
    size_bytes: int


class DataSetVersion(Fact):
    """One immutable state of a data set: the same input and plan give the same sha256."""

    id: str
    school_id: str
    name: str
    number: int
    sha256: str
    rows: int
    columns: tuple[Column, ...]
    parts: Mapping[Part, PartInfo]
    plan: Mapping[str, object]
    findings: tuple[Finding, ...] = ()
    purpose: str = ""
    consent: bool = Field(False, description="The persons in it agreed to training.")
    basis: str = Field("", description="How they agreed, or why they no longer do.")
    personal: bool = Field(False, description="It tells of persons.")
    purged_at: datetime | None = Field(None, description="Its rows were removed for good then.")
    purged_by: str | None = None
    purged_why: str | None = None
    parent_id: str | None = None
    source: str = ""
    used_by: int = Field(0, description="How many runs, reports or models were made with it.")
    created_by: str
    created_at: datetime

    @property
    def uri(self) -> str:
        """`data:/name/number`, the reference that never moves."""
        return f"data:/{self.name}/{self.number}"

    def column(self, name: str) -> Column:
        """The column of this name. Raises WrongColumns."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise WrongColumns(f"{self.uri} has no column {name!r}", fix=f"use one of: {known}")

    def with_role(self, role: Role) -> tuple[Column, ...]:
        """The columns of this role."""
        return tuple(column for column in self.columns if column.role == role)
