"""`Engine`: the one way to run a model. Where the runners live is its secret."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import errors
from shuyuan.maas.runners import interface as runners

Chunk = runners.Chunk
Usage = runners.Usage
State = Literal["absent", "pulling", "pulled", "loading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Unit vectors, one row per text, and what they cost."""

    vectors: NDArray[np.float32]  # (texts, dimensions)
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What one model is doing. absent: not on this machine; pulled: on disk, loads at the first call."""

    model: str
    state: State
    reason: str = ""  # why failed, or which stage of a pull
    progress: float | None = None  # 0..1 while pulling
    version: str = ""
    rss_bytes: int = 0  # of its worker; workers that host several models report the sum
    in_flight: int = 0
    queued: int = 0
    slots: int = 0
    load_s: float = 0.0
    requests: int = 0
    restarts: int = 0
    worker_pid: int | None = None


class Engine(Protocol):
    """Runs models by name. Every method may raise UnknownModel, NotPulled, Loading, LoadFailed,
    Overloaded, DeadlineExceeded, WorkerLost, BadPayload, UnsupportedTask, ContextTooLong."""

    def submit(
        self, model: str, task: str, payload: runners.Payload, *, deadline_s: float | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """Stream an answer. Leaving it (aclose, or cancelling the reading task) stops the work in the worker.

        deadline_s: seconds from now for the whole answer, waiting and loading included; None: 300.
        Every chunk carries the usage so far, the last one finish_reason. Errors come at the first `anext`;
        only WorkerLost and DeadlineExceeded may come later. A worker that dies before the first chunk is
        retried once, unseen.
        """
        ...

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        deadline_s: float | None = None,
    ) -> Embeddings:
        """Unit vectors of texts. kind: `query` for what is searched with, `passage` for what is found."""
        ...

    async def predict(
        self, model: str, inputs: Mapping[str, NDArray[np.generic]], *, deadline_s: float | None = None
    ) -> dict[str, NDArray[np.generic]]:
        """Run a tensor model once."""
        ...

    async def warm(self, model: str) -> None:
        """Load now instead of at the first call; returns when ready."""
        ...

    async def unload(self, model: str) -> None:
        """Free a model that has nothing in flight; it loads again when called."""
        ...

    def status(self) -> list[ModelStatus]:
        """Every known model, loaded or not; cheap, never blocks."""
        ...

    async def close(self) -> None:
        """Stop every worker this engine started; later calls raise Closed."""
        ...


class Loading(errors.Unavailable):
    """The file is still being pulled. (A model merely being read into memory makes callers wait.)"""

    code = "model_loading"


class LoadFailed(errors.Unavailable):
    """The worker could not load the model; tried again after a pause."""

    code = "model_failed"


class Overloaded(errors.RateLimited):
    """The queue of this model is full; `retry_after_s` is estimated from the current pace."""

    code = "overloaded"


class DeadlineExceeded(errors.ShuyuanError):
    """The answer was not finished in time; its work was cancelled."""

    status, code = 504, "deadline_exceeded"


class WorkerLost(errors.Unavailable):
    """The worker died while answering, after part of the answer had been given."""

    code = "worker_lost"


class Closed(errors.Unavailable):
    """The engine is shutting down."""

    code = "engine_closed"
