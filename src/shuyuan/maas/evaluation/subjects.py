"""What is evaluated: its files, and what evaluation reads of whoever keeps runs. The two rooms never meet."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from shuyuan.maas.evaluation.facts import Fact

OnProgress = Callable[[Mapping[str, object]], None]


class Subject(Fact):
    """Files of what is evaluated, for callers that have them already (pipelines, compression, cross-validation).

    Either `model` (ONNX; with `spec`, and `features` inside it or beside it) or `predictions` must be given.
    predictions: Parquet with part, row, label, prediction, p_0 …  With several files (folds) each has in `rows` the
    .npy file of the table's row numbers its rows stand for.
    """

    uri: str
    task: str = ""
    model: Path | None = None
    spec: Mapping[str, object] = {}
    features: Path | None = None
    predictions: tuple[Path, ...] = ()
    rows: tuple[Path, ...] = ()
    folds: Mapping[str, tuple[float, ...]] = {}


class FileFacts(Protocol):
    """What evaluation reads of a file that a run made."""

    @property
    def sha256(self) -> str: ...


class RunFacts(Protocol):
    """What evaluation reads of a run."""

    @property
    def id(self) -> str: ...
    @property
    def uri(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def config(self) -> Mapping[str, Any]:  # Any: JSON
        ...
    @property
    def seed(self) -> int: ...
    @property
    def figures(self) -> Mapping[str, float]: ...
    @property
    def artefacts(self) -> Mapping[str, FileFacts]: ...
    @property
    def registered(self) -> Sequence[str]: ...
    @property
    def error(self) -> Mapping[str, str] | None: ...
    @property
    def search_id(self) -> str | None:
        """What it is a trial or a fold of."""
        ...


class RunFiles(Protocol):
    """What evaluation asks of whoever keeps runs; given to its constructor."""

    def run_of(self, school_id: str, run_id: str) -> RunFacts: ...
    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path:
        """A file the run made: model.onnx, spec.json, features.json, predictions.parquet. Raises NotFound."""
        ...
