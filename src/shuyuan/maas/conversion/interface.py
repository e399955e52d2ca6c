"""What other modules may know of conversion: what came of a file, and the errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api

Kind = Literal["onnx", "net", "huggingface", "keras", "savedmodel", "gguf"]


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


class Converting(Protocol):
    """Bring a model from elsewhere."""

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


class ConversionLost(errors.ShuyuanError):
    """The child process ended without a word (killed, out of memory)."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "conversion_lost"
