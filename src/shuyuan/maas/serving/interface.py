"""`Engine`: the one way to run a model. Where the runners live is its secret."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, errors
from shuyuan.maas.catalogue import interface as catalogue
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
class Asker:
    """Who wants an answer, as far as a queue must know: opaque words, never names.

    priority: 0 an exam, served first; 1 a class; 2 anything else. Within it, classes (`group`) share the
    model fairly, and people share their class's part.  version: what was located and booked; where the name asked by
    stands for another by now (an alias moved), this one answers. Empty: whatever the name stands for.
    """

    school_id: str = catalogue.SHARED
    group: str = ""
    person: str = ""
    priority: int = 2
    version: str = field(default="", compare=False)  # no part of who asks


ANYONE = Asker()


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What one model is doing. absent: not on this machine; pulled: on disk, loads at the first call."""

    model: str
    state: State
    reason: str = ""  # why failed, or which stage of a pull
    progress: float | None = None  # 0..1 while pulling
    version: str = ""
    rss_bytes: int = 0  # of its workers; workers that host several models report the sum
    in_flight: int = 0
    queued: int = 0
    slots: int = 0
    load_s: float = 0.0
    requests: int = 0
    restarts: int = 0
    worker_pid: int | None = None
    school_id: str = catalogue.SHARED
    memory_bytes: int = 0  # what this model alone takes: measured once loaded, before that as the catalogue says
    pinned: bool = False
    keep_alive_s: float | None = None
    last_used: datetime | None = None  # UTC; None: not since this server started
    replicas: int = 0  # workers that have it loaded


@dataclass(frozen=True, slots=True)
class Residency:
    """Which models are in memory, and how much of it they may take."""

    budget_bytes: int
    used_bytes: int
    models: list[ModelStatus]  # the loaded ones, least recently used first


class Engine(Protocol):
    """Runs models by name. Every method may raise UnknownModel, NotPulled, Loading, LoadFailed, NeverFits,
    Overloaded, DeadlineExceeded, WorkerLost, BadPayload, UnsupportedTask, ContextTooLong."""

    def submit(
        self,
        model: str,
        task: str,
        payload: runners.Payload,
        *,
        asker: Asker = ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[Chunk, None]:
        """Stream an answer. Leaving it (aclose, or cancelling the reading task) stops the work in the worker.

        asker.school_id: whose versions of `model` are looked up before the shared ones.
        deadline_s: seconds from now for the whole answer, waiting and loading included; None: 300.
        Every chunk carries the usage so far, the last one finish_reason. Errors come at the first `anext`;
        only WorkerLost and DeadlineExceeded may come later. A request whose worker dies before the first
        chunk is tried again, unseen.
        """
        ...

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: runners.Truncate = "mean",
        asker: Asker = ANYONE,
        deadline_s: float | None = None,
    ) -> Embeddings:
        """Unit vectors of texts. kind: `query` for what is searched with, `passage` for what is found.

        truncate: what to do with a text longer than the model reads; `none` raises ContextTooLong.
        """
        ...

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, NDArray[np.generic]],
        *,
        asker: Asker = ANYONE,
        deadline_s: float | None = None,
    ) -> dict[str, NDArray[np.generic]]:
        """Run a tensor model once."""
        ...

    async def warm(self, model: str, *, school_id: str = catalogue.SHARED, replicas: int | None = None) -> None:
        """Load now. replicas: worker processes for it, sharing the cores; None: as before (1 at first)."""
        ...

    async def unload(self, model: str, *, school_id: str = catalogue.SHARED) -> None:
        """Free a model's memory; the next call loads it again. Raises Conflict while it is answering."""
        ...

    async def pin(self, model: str, pinned: bool = True, *, school_id: str = catalogue.SHARED) -> None:
        """Keep a model in memory whatever else wants room, or let it go again. Does not load it."""
        ...

    async def keep_alive(self, model: str, seconds: float | None, *, school_id: str = catalogue.SHARED) -> None:
        """How long a model stays loaded after its last answer. None: until room is needed; 0: not at all."""
        ...

    def status(self) -> list[ModelStatus]:
        """Every known model; cheap, never waits."""
        ...

    def residency(self) -> Residency:
        """What is in memory and what it may take; cheap."""
        ...

    def forget(self) -> None:
        """An alias moved or a version came: look models up again at the next call instead of within a second.

        May be called from any thread. The catalogue calls it on its own changes.
        """
        ...

    async def close(self) -> None:
        """Stop every worker. Running answers end with Closed."""
        ...


def require_keeper(principal: Principal, school_id: str, schools: int) -> None:
    """Raise Forbidden unless the caller may say how a model is kept in memory, or free it.

    school_id: whose version it is.  schools: how many there are; a shared model serves all of them, so that none may
    decide for the others.
    """
    if school_id != catalogue.SHARED or schools <= 1 or principal.account_id == audit.SYSTEM:
        return
    raise errors.Forbidden(
        f"this model is shared by {schools} schools, and one may not change it for all",
        fix="ask whoever runs this server, or bring a version of your own",
    )


@runtime_checkable
class Bounded(Protocol):
    """An engine that can say, before anything is booked, that a request would be turned away."""

    def check_room(self, key: str) -> None:
        """Raise Overloaded when the line of the Loadable of this key is full; never waits, looks nothing up."""
        ...


class Loading(errors.Unavailable):
    """The file is still being pulled. (A model merely being read into memory makes callers wait.)"""

    code = "model_loading"


class LoadFailed(errors.Unavailable):
    """The worker could not load the model; tried again after a pause."""

    code = "model_failed"


class Overloaded(errors.RateLimited):
    """The queue of this model is full; `retry_after_s` is estimated from the current pace.

    alone: no other model is answering anybody, or about to.
    """

    code = "overloaded"
    alone = False


class NeverFits(errors.Conflict):
    """The model takes more memory than all models together may; loading it is not tried."""

    code = "model_too_large"


class DeadlineExceeded(errors.ShuyuanError):
    """The answer was not finished in time; its work was cancelled."""

    status, code = 504, "deadline_exceeded"


class WorkerLost(errors.Unavailable):
    """The worker died while answering, after part of the answer had been given."""

    code = "worker_lost"


class Closed(errors.Unavailable):
    """The engine is shutting down."""

    code = "engine_closed"
