"""What other modules may know of data sets: versions, columns, plans, findings and errors."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from pydantic import Field

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.datasets.plans import (
    PARTS,
    Column,
    ColumnPlan,
    Fact,
    Kind,
    Option,
    Part,
    Plan,
    Role,
    Split,
    SplitBy,
    Step,
)
from shuyuan.maas.datasets.refusals import (
    BadData,
    ConsentMissing,
    DataSetInUse,
    DataSetPurged,
    EmptyData,
    HostileArchive,
    LineTooLong,
    NoSpace,
    NotInstalled,
    OneClass,
    RawPersons,
    StillAgreed,
    TooManyWorks,
    UnknownDataSet,
    UnknownPart,
    WrongColumns,
)
from shuyuan.maas.datasets.versions import DataSetVersion, Finding, PartInfo

__all__ = [  # beside what stands here
    "BadData",
    "Column",
    "ColumnPlan",
    "ConsentMissing",
    "DataSetInUse",
    "DataSetPurged",
    "DataSetVersion",
    "EmptyData",
    "Finding",
    "HostileArchive",
    "Kind",
    "LineTooLong",
    "NoSpace",
    "NotInstalled",
    "OneClass",
    "Option",
    "PARTS",
    "Part",
    "PartInfo",
    "Plan",
    "RawPersons",
    "Role",
    "Split",
    "SplitBy",
    "Step",
    "StillAgreed",
    "TooManyWorks",
    "UnknownDataSet",
    "UnknownPart",
    "WrongColumns",
]

Format = Literal["csv", "jsonl", "parquet", "images", "xapi"]
WorkState = Literal["queued", "running", "finished", "failed", "cancelled"]
WITHDRAWN = "datasets.withdrawn"  # event: consent was taken back. payload: data (uris), actor_id
PURGED = "datasets.purged"  # event: rows were removed for good. payload: data (uris), actor_id


def for_reader(version: DataSetVersion, principal: Principal) -> DataSetVersion:
    """As this person may see it: values of persons only by who may download their rows."""
    if sees_rows(version, principal):
        return version
    columns = tuple(column.model_copy(update={"examples": ()}) for column in version.columns)
    persons = {column.name for column in version.with_role("person")}
    findings = tuple(
        one.without_values() if one.column in persons or one.quotes_values else one for one in version.findings
    )
    return version.model_copy(update={"columns": columns, "findings": findings})


def sees_rows(version: DataSetVersion, principal: Principal) -> bool:
    """Whether this person may see values of it."""
    return not version.personal or principal.role in ("admin", "developer")


class NewDataSet(Fact):
    """What one says of a file that becomes a data set."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$", description="a-z 0-9 . _ -, up to 80.")
    format: Format | None = Field(None, description="None: by the file's ending.")
    filename: str = Field("", max_length=255)
    purpose: str = Field("", max_length=400)
    personal: bool = False
    consent: bool = False
    basis: str = Field("", max_length=400, description="How the persons in it agreed.")
    delimiter: str | None = Field(None, max_length=1, description="Of CSV; None: found out.")
    encoding: Literal["utf-8", "gb18030"] | None = Field(None, description="Of text; None: found out.")
    columns: Mapping[str, ColumnPlan] = {}


def require_may_consent(new: NewDataSet, principal: Principal) -> None:
    """Raises Forbidden when anybody but an administrator says that the persons in it agreed."""
    if new.consent and principal.role != "admin":
        raise errors.Forbidden(
            "an administrator says that persons agreed to training",
            fix="send it without consent; an administrator then notes it: PUT /api/datasets/{name}/{number}/consent",
        )


class Work(Fact):
    """Reading or preparing under way: how far it is, and what came of it."""

    id: str
    school_id: str
    name: str
    kind: Literal["import", "prepare", "erase"]
    state: WorkState
    stage: str = ""
    done: int = 0
    total: int = 0
    version: str = Field("", description="`data:/name/3` once finished.")
    error: Mapping[str, str] | None = Field(None, description="code, message, fix; set when failed.")
    created_at: datetime

    @property
    def ended(self) -> bool:
        """Nothing more will happen by itself."""
        return self.state in ("finished", "failed", "cancelled")


class Purged(Fact):
    """What a purge removed, and what it could not reach: the named person decides about that.

    versions: `data:/name/3`, each of them.  used_by: runs, reports and models that were made with them.
    shared_with: versions that hold the same rows and were not purged.
    """

    versions: tuple[str, ...]
    used_by: tuple[str, ...]
    shared_with: tuple[str, ...]


class DataSets(Protocol):
    """Data sets of a school. A school sees its own and no other's."""

    def version(self, school_id: str, reference: str) -> DataSetVersion:
        """The version of `data:/name/3`, or the newest of `data:/name` or `name`. Raises UnknownDataSet."""
        ...

    def version_by_id(self, school_id: str, version_id: str) -> DataSetVersion:
        """The version of this id. Raises UnknownDataSet."""
        ...

    def versions(self, school_id: str, name: str | None = None) -> list[DataSetVersion]:
        """Newest first; of one data set or of all."""
        ...

    def newest(self, school_id: str, *, limit: int = 50, after: str = "") -> list[DataSetVersion]:
        """The newest version of each data set, by name, from behind the name `after` on."""
        ...

    def count(self, school_id: str) -> tuple[int, int]:
        """How many data sets and how many versions there are."""
        ...

    def holding(self, school_id: str, sha256: str) -> list[DataSetVersion]:
        """The versions that have this file as a part."""
        ...

    def users(self, version: DataSetVersion) -> list[str]:
        """What was made with it: `runs:/…`, `models:/…`, reports."""
        ...

    def open_part(self, version: DataSetVersion, part: Part) -> Path:
        """A local Parquet file, verified against its address. Raises UnknownPart."""
        ...

    def require_each_row_once(self, version: DataSetVersion) -> None:
        """Raises WrongColumns where rows may be there twice: cut anew, one could be on both sides."""
        ...

    def require_trainable(self, version: DataSetVersion) -> None:
        """Raises ConsentMissing for personal data without consent, RawPersons for persons without pseudonyms."""
        ...

    def set_consent(
        self, school_id: str, actor_id: str, reference: str, consent: bool, reason: str = ""
    ) -> DataSetVersion:
        """Note that the persons in a version agreed to training, or no longer do; then in all that share its rows.

        What reads it is cancelled then. reason: how they agreed, or why they no longer do. Raises DataSetPurged.
        """
        ...

    def purge(self, school_id: str, actor_id: str, reference: str, reason: str) -> Purged:
        """Remove rows, first rows, examples and predictions of a withdrawn version and of all that was made from it.

        What stays says who, when and why. Raises StillAgreed, DataSetInUse while a work reads it.
        """
        ...

    def erase_persons(
        self,
        school_id: str,
        actor_id: str,
        reference: str,
        persons: Sequence[str],
        reason: str,
        *,
        work_id: str = "",
    ) -> Work:
        """Make versions without the rows of these persons, of this one and all made from it; then purge the old ones.

        persons: as the column of role person has them, or as they were before they became pseudonyms.
        work_id: chosen by a caller who notes it before; empty: a new one.
        """
        ...

    def note_use(self, version: DataSetVersion, by: str) -> None:
        """A run, report or model (its uri) was made with this version: from now on it cannot be deleted."""
        ...

    def create(
        self, school_id: str, actor_id: str, source: Path | IO[bytes], new: NewDataSet, *, work_id: str = ""
    ) -> Work:
        """Take a file in and start reading it; version 1 (or the next) comes when the work is finished.

        work_id: chosen by a caller who notes it before; empty: a new one.
        """
        ...

    def steps(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Every rule and augmentation of a plan: its name, what it is for, its options as JSON schema (hence Any)."""
        ...

    def prepare(
        self, school_id: str, actor_id: str, reference: str, plan: Plan, *, name: str | None = None, purpose: str = ""
    ) -> Work:
        """Start a plan on a version; a new version with that parent comes when the work is finished."""
        ...

    def work(self, school_id: str, work_id: str) -> Work:
        """How far it is. Raises UnknownDataSet."""
        ...

    def cancel(self, school_id: str, actor_id: str, work_id: str) -> Work:
        """Stop it; nothing of it stays."""
        ...

    def wait(self, school_id: str, work_id: str, timeout_s: float = 600.0) -> DataSetVersion:
        """Wait until it is finished. Raises what it failed with, as BadData."""
        ...

    def preview(self, version: DataSetVersion, rows: int = 20) -> Sequence[Mapping[str, Option]]:
        """The first rows, as JSON; pictures and long texts are shortened."""
        ...

    def export_csv(self, version: DataSetVersion, part: Part, target: Path) -> None:
        """Write a part as CSV to `target`. Raises WrongColumns for pictures, which CSV cannot hold."""
        ...

    def note_download(self, version: DataSetVersion, actor_id: str, part: Part, form: str) -> None:
        """Note in the activity log who took which rows."""
        ...

    def works(self, school_id: str) -> list[Work]:
        """The last fifty, newest first."""
        ...

    def delete(self, school_id: str, actor_id: str, reference: str) -> None:
        """Forget a version. Raises DataSetInUse once something was made with it or from it."""
        ...
