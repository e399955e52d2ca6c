"""What other modules may know of the catalogue: entries, versions, aliases, pulls and their errors."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import IO, Annotated, Literal, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field
from sqlalchemy import Connection

from shuyuan.kernel import db, errors

Task = Literal[
    "chat",
    "complete",
    "summarize",
    "translate",
    "classify",
    "embed",
    "rerank",
    "predict",
    "ocr",
    "transcribe",
    "speak",
    "detect",
    "image_classify",
]
RUNNER_KINDS = (
    "llama",
    "embed",
    "onnx",
    "ocr",
    "whisper",
    "torch",
    "staged",
    "remote",
    "espeak",
)  # those of this release
RUNNER_GROUP = "shuyuan.runners"  # entry points that add more kinds
PullStage = Literal["queued", "fetching", "verifying", "ready", "failed", "cancelled"]
Language = Literal["zh", "en"]
CHAMPION = "champion"
DELETED = "catalogue.deleted"  # event: versions were deleted. payload: files (sha-256)
SHARED = "shared"  # the school_id of what every school of this installation sees


@functools.cache
def runner_kinds() -> tuple[str, ...]:
    """Every kind of runner this installation has: ours, and those registered by entry point."""
    added = (point.name for point in metadata.entry_points(group=RUNNER_GROUP))
    return tuple(dict.fromkeys((*RUNNER_KINDS, *added)))


def _check_runner(kind: str) -> str:
    if kind not in runner_kinds():
        raise ValueError(f"runner {kind!r} is not installed; use one of {', '.join(runner_kinds())}")
    return kind


RunnerKind = Annotated[str, AfterValidator(_check_runner)]


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True)


class LocalText(_Fact):
    """A sentence for people, in both languages."""

    zh: str
    en: str


class Source(_Fact):
    """Where the bytes lie: package archives whose named members, joined in order, are the model file.

    requirements: exact `name==version` pins, in joining order.  member: a glob inside each archive.
    platform: the archive's platform tag when it is not `any` (its data runs anywhere all the same).
    """

    kind: Literal["wheels"] = "wheels"
    requirements: tuple[str, ...]
    member: str
    part_bytes: tuple[int, ...] = Field(description="Size of the member of each requirement, bytes.")
    platform: str | None = None


class Member(_Fact):
    """One more file of an entry, beside the primary one and in the same folder.

    requirement: which archive of the source holds it (its index).  member: a glob inside that archive.
    """

    filename: str
    requirement: int = 0
    member: str
    sha256: str
    size_bytes: int


class Entry(_Fact):
    """A model one can pull: what it is, what it claims, and the one hash each of its files must have."""

    name: str
    title: LocalText
    card: LocalText
    origin: LocalText
    source: Source
    filename: str
    sha256: str
    size_bytes: int
    licence: str
    languages: tuple[Language, ...]
    tasks: tuple[Task, ...]
    runner: RunnerKind
    context_tokens: int
    memory_bytes: int = Field(description="Resident memory of its worker at work, measured.")
    also: tuple[Member, ...] = Field((), description="Further files; a runner reads them as siblings of the first.")

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorator on top of a property
    @property
    def total_bytes(self) -> int:
        """Every file of the entry together."""
        return self.size_bytes + sum(member.size_bytes for member in self.also)


class PullProgress(_Fact):
    """How far a pull is. `error` is set when stage is `failed`."""

    name: str
    stage: PullStage
    bytes_done: int
    bytes_total: int
    parts_done: int = 0
    parts_total: int = 0
    error: str = ""

    @property
    def finished(self) -> bool:
        """No further change will come by itself."""
        return self.stage in ("ready", "failed", "cancelled")


class Version(_Fact):
    """One immutable state of a model: its artefact, its figures, what it was made from."""

    id: str
    school_id: str = Field(description="The school it belongs to, or SHARED.")
    model: str
    number: int
    runner: str = Field(description="A RunnerKind, or a word its own reader knows (such as tracer).")
    artefact_sha256: str
    size_bytes: int
    tasks: tuple[str, ...]
    context_tokens: int
    figures: Mapping[str, float]
    parent_id: str | None
    lineage: Mapping[str, str] = Field(description="What it was made from: data set, run, report ids.")
    spec: Mapping[str, object] = Field({}, description="JSON its runner reads: labels, image, detector …")
    card: LocalText
    created_by: str
    created_at: datetime

    @property
    def uri(self) -> str:
        """`models:/name/number`, the reference that never moves."""
        return f"models:/{self.model}/{self.number}"


class Alias(_Fact):
    """A name that points to a version: since when, by whom and why."""

    model: str
    alias: str
    version_id: str
    version_number: int
    previous_id: str | None
    reason: str
    moved_by: str
    moved_at: datetime


class NewVersion(_Fact):
    """What one says to register a version. The artefact is already in the artefact store."""

    model: str
    runner: str
    artefact_sha256: str
    size_bytes: int
    card: LocalText
    figures: Mapping[str, float] = {}
    lineage: Mapping[str, str] = {}
    tasks: tuple[str, ...] = ()
    context_tokens: int = 0
    parent_id: str | None = None
    spec: Mapping[str, object] = {}


class ModelInfo(_Fact):
    """An entry with what this machine has of it."""

    entry: Entry
    here: bool
    missing_extra: str = Field("", description="The extra that its runner needs and that is not installed.")
    progress: PullProgress | None


class Loadable(_Fact):
    """All that serving needs to run a model: a verified local file and the runner that reads it."""

    name: str
    version: str = Field(description="`models:/name/number`, or `models:/name@sha256:…` for a starter entry.")
    path: Path = Field(description="The primary file; an entry's further files lie beside it.")
    runner: str
    tasks: tuple[Task, ...]
    context_tokens: int
    memory_bytes: int
    spec: Mapping[str, object] = {}
    school_id: str = Field(SHARED, description="Whose version it is, or SHARED.")
    sha256: str = ""

    @property
    def key(self) -> str:
        """Unique among everything that can be loaded: equal numbers of two schools have different keys."""
        return f"{self.school_id}|{self.version}|{self.sha256}"


class Servable(_Fact):
    """Something a call may name, under the one name people should use for it."""

    name: str = Field(description="An entry; a model whose champion it is; else `name@alias`, else `name/3`.")
    version: Version | None = Field(None, description="None: an entry.")


class Locator(Protocol):
    """The part of the catalogue that serving calls; synchronous, cheap, never touches the network."""

    def locate(self, model: str, school_id: str = SHARED) -> Loadable:
        """The file of an entry, else of that school's version, else of a shared one. Never another school's.

        model: an entry's name, `models:/name@alias`, `models:/name/3`, or `name` (alias champion).
        Raises UnknownModel, NotPulled.
        """
        ...

    def pull_progress(self, model: str) -> PullProgress | None:
        """The pull under way or last finished; None when never started here."""
        ...

    def known(self, school_id: str = SHARED) -> Sequence[str]:
        """Names of entries, and of models with a version of this school or a shared one. What is served: Naming."""
        ...


@runtime_checkable
class Naming(Protocol):
    """A locator that knows versions and aliases."""

    def servable(self, school_id: str) -> Sequence[Servable]:
        """Everything `locate` may find for this school, each once; without what a reader of its own runs (the tracer).

        Looks at no file.
        """
        ...


@runtime_checkable
class Announcing(Protocol):
    """A locator that tells when what it said may no longer hold.

    on_change: called, from any thread and briefly, once a version came or an alias moved.
    """

    on_change: list[Callable[[], None]]


@runtime_checkable
class Deletable(Protocol):
    """A catalogue that asks, before it deletes, what stands on a version."""

    def know_users(self, users: Callable[[Connection, str, str], Sequence[tuple[int, str]]]) -> None:
        """users(conn, school id, model): (number, in words) of what stands on a version."""
        ...


class Catalogue(Locator, Naming, Announcing, Protocol):
    """Models, versions, aliases and pulls. A school sees its own versions and the shared ones."""

    def models(self) -> list[ModelInfo]:
        """Every entry with its state on this machine."""
        ...

    def pull_in_background(self, name: str, *, from_dir: Path | None = None) -> PullProgress:
        """Start a pull, or leave one that runs alone. Raises UnknownModel."""
        ...

    def cancel_pull(self, name: str) -> None:
        """Stop a pull; verified parts stay."""
        ...

    def register_version(self, uow: db.UnitOfWork, *, school_id: str, actor_id: str, version: NewVersion) -> Version:
        """Add the next version of a model inside `uow`. Raises BadInput when the artefact is not stored."""
        ...

    def add_file(
        self,
        school_id: str,
        actor_id: str,
        *,
        model: str,
        source: Path | IO[bytes],
        runner: str,
        tasks: Sequence[str] = (),
        spec: Mapping[str, object] = {},
        card: LocalText | None = None,
        context_tokens: int = 0,
        champion: bool = False,
        reason: str = "",
        trusted: bool = False,
    ) -> Version:
        """Examine a model file, store it and register it as the next version; all of it or nothing.

        tasks: empty takes what runner and spec can do.  champion: point that alias at it, for `reason`, which it needs.
        trusted: whoever owns the machine brings it, so a remote version may call any address; otherwise only those of
        the setting remote_upstreams (checked here alone, not when it is loaded). Callers let only administrators
        bring remote versions. Raises RefusedFile, Forbidden, BadInput, TooLarge, NoSpace.
        """
        ...

    def move_alias(self, school_id: str, actor_id: str, *, model: str, alias: str, version: int, reason: str) -> Alias:
        """`promote` in a unit of its own, for a model that is served here."""
        ...

    def promote(
        self, uow: db.UnitOfWork, *, school_id: str, actor_id: str, model: str, alias: str, version: int, reason: str
    ) -> Alias:
        """Point an alias at a version inside `uow`, with an audit entry. Rolling back is promoting the earlier one."""
        ...

    def delete(self, school_id: str, actor_id: str, model: str, number: int | None, reason: str) -> list[Version]:
        """Delete a version of the school's own, or (number None) all of a model; its files go with it, audited.

        Raises VersionInUse while an alias, a canary, a shadow or a version made from it stands on it. BadInput without
        a reason, UnknownModel for a version of nobody or of another school.
        """
        ...

    def remove_alias(self, school_id: str, actor_id: str, *, model: str, alias: str, reason: str) -> None:
        """Take an alias of the school's own off. Raises UnknownModel; VersionInUse for the champion of a canary."""
        ...

    def resolve(self, school_id: str, reference: str) -> Version:
        """The version of `models:/name@alias`, `models:/name/3` or `name` (alias champion). Raises UnknownModel."""
        ...

    def versions(self, school_id: str, model: str) -> list[Version]:
        """Newest first."""
        ...

    def aliases(self, school_id: str, model: str) -> Mapping[str, int]:
        """Every alias and the number it points to; the school's own before shared ones."""
        ...

    def alias_history(self, school_id: str, model: str, alias: str = CHAMPION) -> list[Alias]:
        """Where an alias pointed, newest first."""
        ...

    def artefact(self, version: Version) -> bytes:
        """The stored bytes, checked against their address."""
        ...


class UnknownModel(errors.NotFound):
    """No entry, version or alias has this name."""

    code = "model_not_found"


class VersionInUse(errors.Conflict):
    """Something stands on the version: an alias, what is being tried, or a version made from it."""

    code = "model_in_use"


class NotPulled(errors.Unavailable):
    """The entry is known but its file is not on this machine."""

    code = "model_not_pulled"


class HashMismatch(errors.ShuyuanError):
    """The bytes are not the ones the entry names. They were deleted, unopened."""

    status, code = 502, "hash_mismatch"


class RefusedFile(errors.BadInput):
    """A model file that is empty, damaged, of another format, or could run code or reach other files."""

    code = "model_file_refused"


class SourceUnavailable(errors.Unavailable):
    """No configured source could give the bytes."""

    code = "source_unavailable"


class NoSpace(errors.Conflict):
    """The disk cannot hold the model."""

    code = "no_space"


class PullCancelled(errors.Conflict):
    """Somebody stopped the pull; parts already verified stay for the next one."""

    code = "pull_cancelled"
