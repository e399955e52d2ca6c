"""What other modules may know of conversion: what came of a file, and the errors."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api

Kind = Literal["onnx", "net", "huggingface", "keras", "savedmodel", "gguf"]
State = Literal["queued", "running", "finished", "failed", "cancelled"]
Stage = Literal["", "looking", "converting", "registering"]
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")


class Converted(BaseModel):
    """A file that `runner` reads. largest_difference: between the source's answers and the file's, where both ran."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    path: Path
    runner: str
    spec: Mapping[str, object] = {}
    tasks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    largest_difference: float | None = Field(None, description="None: nothing was computed, the file was only checked.")


class NewImport(BaseModel):
    """A file that somebody sends. labels: names of a classifier's outputs, in order; they join `spec`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,119}$", description="Becomes its next version.")
    filename: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")
    labels: tuple[str, ...] = Field((), max_length=10_000)
    spec: Mapping[str, object] = {}


class Import(BaseModel):
    """A file that was sent, and what came of it. version: `models:/x/3` once finished."""

    model_config = ConfigDict(frozen=True)

    id: str
    school_id: str
    asked: NewImport
    size_bytes: int
    state: State
    stage: Stage = ""
    kind: Kind | None = None
    version: str | None = None
    notes: tuple[str, ...] = ()
    largest_difference: float | None = None
    error: Mapping[str, str] | None = None
    created_by: str
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will happen by itself."""
        return self.state in ENDED


class Converting(Protocol):
    """Bring a model from elsewhere: at once (`bring`), or in the background with a file that is sent (`start`)."""

    def start(self, school_id: str, actor_id: str, source: Path | IO[bytes], new: NewImport) -> Import:
        """Keep the file and convert it when it is its turn. Raises TooLarge, NoRoom, RateLimited."""
        ...

    def one(self, school_id: str, import_id: str) -> Import:
        """How far it is. Raises NotFound, also for another school's, and a while after its end."""
        ...

    def imports(self, school_id: str) -> list[Import]:
        """Of the last days, newest first."""
        ...

    def cancel(self, school_id: str, import_id: str) -> Import:
        """Stop it; nothing of it stays. Raises Conflict once it has ended."""
        ...

    def convert(self, source: Path, folder: Path) -> Converted:
        """A file or folder as something served here; whatever is written lies in `folder`.

        Raises RefusedModel, MissingEnvironment.
        """
        ...

    def bring(
        self,
        school_id: str,
        actor_id: str,
        source: Path,
        *,
        model: str,
        spec: Mapping[str, object] = {},
        champion: bool = False,
        reason: str = "",
    ) -> tuple[catalogue_api.Version, Converted]:
        """`convert`, then register it as the next version of `model`. spec: joins what the conversion says."""
        ...

    def build_environment(self) -> Path:
        """The environment that TensorFlow models are converted in; made once, about 1.5 GB, from the package index."""
        ...


class RefusedModel(errors.BadInput):
    """The file could run code, reaches other files, is damaged, or is of a kind that cannot be converted."""

    code: ClassVar[str] = "model_refused"


class MissingEnvironment(errors.Conflict):
    """TensorFlow has an environment of its own, and it has not been built on this machine."""

    code: ClassVar[str] = "environment_missing"


class NoRoom(errors.Conflict):
    """The disk cannot hold it."""

    code: ClassVar[str] = "no_space"


class ConversionLost(errors.ShuyuanError):
    """The child process ended without a word (killed, out of memory)."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "conversion_lost"
