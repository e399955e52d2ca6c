"""What other modules may know of the gateway: calls, what they cost, quotas and errors."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface as serving

Message = runners.Message
Usage = runners.Usage
ModelStatus = serving.ModelStatus
Language = catalogue.Language
Purpose = Literal["api", "tutor", "service"]
Scope = Literal["school", "class", "account", "key"]
Period = Literal["day", "month"]
FinishReason = Literal["stop", "length"]

MAX_MESSAGES = 128
MAX_CHARS = 100_000  # of all messages or inputs together
MAX_INPUTS = 256
MAX_LABELS = 32
MAX_STOPS = 4


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One conversation to continue. max_tokens None: up to 512 or what the context leaves, whichever is less."""

    model: str
    messages: Sequence[Message]
    max_tokens: int | None = None
    temperature: float = 0.7
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer. The last one carries why it ended and what it cost."""

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """One quota as it stands: limit None is unlimited; reserved tokens belong to calls still running."""

    scope: Scope
    scope_id: str
    period: Period
    tokens_limit: int | None
    tokens_used: int
    tokens_reserved: int
    requests_limit: int | None
    requests_used: int
    resets_at: datetime

    @property
    def tokens_left(self) -> int | None:
        limit = self.tokens_limit
        return None if limit is None else max(0, limit - self.tokens_used - self.tokens_reserved)

    @property
    def requests_left(self) -> int | None:
        return None if self.requests_limit is None else max(0, self.requests_limit - self.requests_used)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What every answer can tell about itself. overhead_ms: time this platform added before the model began."""

    request_id: str
    model: str
    version: str
    overhead_ms: float
    allowances: tuple[Allowance, ...] = ()


class Answer(Protocol):
    """A running answer: iterate it inside the `async with` that gave it."""

    receipt: Receipt

    def __aiter__(self) -> AsyncIterator[Delta]: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """Unit vectors, one row per text, in the order given."""

    receipt: Receipt
    vectors: NDArray[np.float32]  # (texts, dimensions)
    usage: Usage


@dataclass(frozen=True, slots=True)
class Summary:
    """`sentences` are positions in the text for an extractive summary, empty when a model wrote it.

    truncated: the model reached its limit before it was done; the last sentence may be broken off.
    """

    receipt: Receipt
    text: str
    method: Literal["extractive", "model"]
    sentences: tuple[int, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage(0))
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Translation:
    receipt: Receipt
    text: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with relative scores that sum to 1, best first. Not calibrated: never a mark."""

    receipt: Receipt
    labels: tuple[tuple[str, float], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the ledger."""

    id: str
    account_id: str
    key_id: str | None
    model: str
    version: str
    endpoint: str
    purpose: str
    prompt_tokens: int
    completion_tokens: int
    status: Literal["reserved", "settled", "released"]
    outcome: str  # ok | left | the code of the error
    overhead_ms: float
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Total:
    """Calls of one account on one model."""

    account_id: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


class Gateway(Protocol):
    """Models for other modules, under the same quotas and ledger as `/v1`.

    Raises Suspended, QuotaFull, NotClaimed, TooMuch and what the engine raises (UnknownModel, NotPulled,
    Loading, LoadFailed, Overloaded, DeadlineExceeded, WorkerLost, ContextTooLong).
    """

    def chat(
        self, principal: Principal, request: ChatRequest, *, purpose: Purpose = "api", deadline_s: float = 300
    ) -> AbstractAsyncContextManager[Answer]:
        """Continue a conversation. Leaving the context stops the work in the worker and settles the quota."""
        ...

    async def embed(
        self,
        principal: Principal,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        purpose: Purpose = "api",
    ) -> Embedded: ...
    async def summarize(
        self,
        principal: Principal,
        text: str,
        *,
        sentences: int = 3,
        language: Language | None = None,
        model: str | None = None,
    ) -> Summary:
        """The most central sentences; or the words of `model`, where its card claims it."""
        ...

    async def translate(
        self,
        principal: Principal,
        text: str,
        *,
        target: Language,
        source: Language | None = None,
        model: str | None = None,
    ) -> Translation: ...
    async def classify(
        self, principal: Principal, text: str, labels: Sequence[str], *, model: str | None = None
    ) -> Classified: ...
    def models(self) -> list[ModelStatus]:
        """Every model and what it is doing."""
        ...

    def usage(self, principal: Principal) -> list[Allowance]:
        """Every quota that a call of this principal would be charged to."""
        ...

    def calls(self, principal: Principal, *, limit: int = 100, before: str | None = None) -> list[Call]:
        """Newest first: an administrator sees the school, everybody else their own."""
        ...

    def totals(self, principal: Principal, *, since: datetime) -> list[Total]: ...
    def set_limits(
        self,
        principal: Principal,
        scope: Scope,
        scope_id: str,
        *,
        tokens: int | None,
        requests: int | None,
        period: Period = "day",
    ) -> Allowance:
        """Administrators only. None is unlimited."""
        ...


class QuotaFull(errors.RateLimited):
    """The allowance of this period is used up or held by calls still running."""

    code = "insufficient_quota"

    def __init__(self, message: str, *, fix: str, retry_after_s: float, allowances: tuple[Allowance, ...]) -> None:
        super().__init__(message, fix=fix, retry_after_s=retry_after_s)
        self.allowances = allowances


class Suspended(errors.Forbidden):
    """Exam mode: the model API is closed to this person for now."""

    code = "suspended"


class NotClaimed(errors.BadInput):
    """The model's card does not claim this task."""

    code = "not_claimed"


class OutputCut(errors.BadInput):
    """The model reached its limit before it was done: what it gave is not whole, so it is not given."""

    code = "output_cut"


class TooMuch(errors.BadInput):
    """Over a stated cap of one request."""

    code = "too_much"
