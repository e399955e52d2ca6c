"""What other modules may know of compression: methods and their options, a compression, its table, its errors."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shuyuan.kernel import errors

if TYPE_CHECKING:  # child processes read this file too, and start faster without a database library
    from shuyuan.identity.interface import Principal

State = Literal["queued", "running", "finished", "failed", "cancelled"]
Stage = Literal["", "reading", "compressing", "measuring", "done"]
Part = Literal["train", "validation", "test"]
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")
LARGER_IS_BETTER = frozenset({"accuracy", "agreement", "r2", "cosine", "rows_per_s"})


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True)


class MethodInfo(_Fact):
    """A way to compress, for forms and lists. config_schema: JSON schema of its options with defaults and bounds."""

    name: str
    title: Mapping[Literal["zh", "en"], str]
    what: Mapping[Literal["zh", "en"], str]
    source: str
    needs: tuple[str, ...] = Field(description="`data`: a data set must be named; `torch`: the extra `train`.")
    config_schema: Mapping[str, object]


class NewCompression(_Fact):
    """What one asks for. data: for calibration, training and measuring; without it only size and latency are told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="models:/x/3, or a name.")
    method: str = Field(max_length=40)
    config: Mapping[str, object] = {}
    data: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$", description="data:/name/3.")
    seed: int = Field(7, ge=0, le=2**31 - 1)


class Row(_Fact):
    """One figure of the child beside the parent's. ratio: child / parent; None where the parent's is 0 or missing."""

    figure: str
    parent: float | None
    child: float | None
    ratio: float | None = None


class Compression(_Fact):
    """One piece of work and what came of it. child: `models:/x/4` once finished. layers: what each weight became."""

    id: str
    school_id: str
    number: int
    method: str
    config: Mapping[str, object]
    parent_id: str
    parent: str
    data: str | None
    data_sha256: str | None
    seed: int
    state: State
    stage: Stage = ""
    done: float = Field(0.0, description="Share of the stage, 0 to 1.")
    child_id: str | None = None
    child: str | None = None
    table: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    layers: tuple[Mapping[str, object], ...] = ()
    error: Mapping[str, str] | None = None
    created_by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will happen by itself."""
        return self.state in ENDED

    def figure(self, name: str) -> Row | None:
        """The row of this figure."""
        return next((row for row in self.table if row.figure == name), None)


OnChange = Callable[[Compression], None]


class Compressing(Protocol):
    """Start compressions and look at them. Everything is scoped to one school."""

    def methods(self) -> list[MethodInfo]:
        """Every method, in the order worth trying."""
        ...

    def check(self, method: str, config: Mapping[str, object]) -> None:
        """Raises what `start` refuses of method and options: UnknownMethod, BadInput."""
        ...

    def start(self, principal: "Principal", new: NewCompression) -> Compression:
        """Queue it. Raises UnknownModel, UnknownMethod, BadInput for a wrong option, DataNeeded, Forbidden; and
        ConsentMissing for data, or a version that learned from data, that may not be trained on."""
        ...

    def start_for(self, school_id: str, actor_id: str, new: NewCompression) -> Compression:
        """`start` for pipelines and the command line."""
        ...

    def compression(self, school_id: str, compression_id: str) -> Compression:
        """How far it is. Raises NotFound, also for another school's."""
        ...

    def compressions(self, school_id: str, *, parent: str | None = None, limit: int = 100) -> list[Compression]:
        """Newest first; of one version (`models:/x/3`) or of all."""
        ...

    def cancel(self, school_id: str, actor_id: str, compression_id: str) -> Compression:
        """Stop it; nothing of it stays. Raises Conflict once it has ended."""
        ...

    def wait(
        self, school_id: str, compression_id: str, *, timeout_s: float = 3600.0, on_change: OnChange | None = None
    ) -> Compression:
        """Until it has ended, whatever its end. Raises Unavailable after `timeout_s`."""
        ...


class CannotCompress(errors.BadInput):
    """The model, the options or the data do not go with the method; nothing was registered."""

    code: ClassVar[str] = "cannot_compress"


class UnknownMethod(errors.NotFound):
    """No method has this name."""

    code: ClassVar[str] = "method_not_found"


class DataNeeded(errors.BadInput):
    """The method learns or measures something that it needs examples for."""

    code: ClassVar[str] = "data_needed"


class CompressionLost(errors.ShuyuanError):
    """The child process ended without a word (killed, out of memory)."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "compression_lost"


class Folder:
    """Names of the files by which server and child process talk. Every file is replaced whole."""

    JOB, PROGRESS, ERROR, RESULT = "job.json", "progress.json", "error.json", "result.json"
    REFUSED = 64  # exit code: error.json tells a person what is wrong
    MODULE = "shuyuan.maas.compression.child"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job, self.progress = path / self.JOB, path / self.PROGRESS
        self.error, self.result = path / self.ERROR, path / self.RESULT
