"""What other modules may know of the gateway: calls, what they cost, quotas and errors."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface as serving
from shuyuan.science.text import policy

Message = runners.Message
Usage = runners.Usage
ModelStatus = serving.ModelStatus
Language = catalogue.Language
Purpose = Literal["api", "tutor", "service"]
Scope = Literal["school", "class", "account", "key"]
Period = Literal["day", "month", "term"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
SummaryStyle = Literal["sentences", "title"]
Band = policy.Band
Category = policy.Category

HARM_SIGNS = "gateway.harm_signs"  # event. subject_id: the account; key_id, age_band, source
MAX_MESSAGES = 128
MAX_CHARS = 100_000  # of all messages or inputs together
MAX_INPUTS = 256
MAX_LABELS = 32
MAX_STOPS = 4
MAX_CHOICES = 4
MAX_TOP_LOGPROBS = 20
MAX_TOOLS = 32
MAX_DOCUMENTS = 1000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One conversation to continue. max_tokens None: up to 512 or what the context leaves, whichever is less.

    n: answers at once.  logprobs: how many likely tokens to tell beside each (None: none are told).
    json_schema: what the answer's JSON must look like; {} for any object.  tools, tool_choice: in OpenAI's shape, for
    models that claim them.  age_band: what is said both ways is checked for it; None: not checked here.
    """

    model: str
    messages: Sequence[Message]
    max_tokens: int | None = None
    temperature: float = 0.7
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: int | None = None
    json_schema: Mapping[str, object] | None = None
    tools: Sequence[Mapping[str, object]] = ()
    tool_choice: str | Mapping[str, object] | None = None
    age_band: Band | None = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Texts to go on from, without roles; `n` answers to each. Other fields as in `ChatRequest`."""

    model: str
    prompts: Sequence[str]
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: int | None = None
    age_band: Band | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of answer number `index`. The last one of each carries why it ended and what all have cost so far.

    logprobs: one entry a token of this piece, in OpenAI's shape.  tool_calls: pieces of calls, likewise.
    """

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    index: int = 0
    logprobs: Sequence[Mapping[str, object]] = ()
    tool_calls: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Allowance:
    """One quota as it stands: limit None is unlimited; reserved tokens belong to calls still running.

    starts_at: when the period began, or for a term's budget will begin.  streams: calls running at once.
    """

    scope: Scope
    scope_id: str
    period: Period
    tokens_limit: int | None
    tokens_used: int
    tokens_reserved: int
    requests_limit: int | None
    requests_used: int
    resets_at: datetime
    streams_limit: int | None = None
    streams_held: int = 0
    starts_at: datetime | None = None

    @property
    def tokens_left(self) -> int | None:
        limit = self.tokens_limit
        return None if limit is None else max(0, limit - self.tokens_used - self.tokens_reserved)

    @property
    def requests_left(self) -> int | None:
        return None if self.requests_limit is None else max(0, self.requests_limit - self.requests_used)

    @property
    def streams_left(self) -> int | None:
        return None if self.streams_limit is None else max(0, self.streams_limit - self.streams_held)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What every answer can tell about itself. overhead_ms: time this platform added before the model began."""

    request_id: str
    model: str
    version: str
    overhead_ms: float
    allowances: tuple[Allowance, ...] = ()
    cache: Literal["", "hit", "miss"] = ""  # empty: the response cache was not asked


class Answer(Protocol):
    """A running answer: iterate it inside the `async with` that gave it."""

    @property
    def receipt(self) -> Receipt:
        """What is known of the call by now."""
        ...

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
    warnings: tuple[str, ...] = ()  # what a person should look at: numbers that the text does not hold


@dataclass(frozen=True, slots=True)
class Translation:
    """`warnings`: what was lost even when asked again, such as a number or a name."""

    receipt: Receipt
    text: str
    usage: Usage
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with relative scores that sum to 1, best first. Not calibrated: never a mark."""

    receipt: Receipt
    labels: tuple[tuple[str, float], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Ranked:
    """Positions of documents with their nearness to the query (0 to 1), best first."""

    receipt: Receipt
    order: tuple[tuple[int, float], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as its model reads it."""

    receipt: Receipt
    text: str
    tokens: tuple[int, ...]
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Keywords:
    """Words of a text with relative weights, best first; the best weighs 1."""

    receipt: Receipt
    words: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Sentiment:
    """How a text sounds: `score` from -1 to 1. A word list's opinion: never about a person, never a mark."""

    receipt: Receipt
    label: Literal["positive", "negative", "neutral"]
    score: float


@dataclass(frozen=True, slots=True)
class Moderated:
    """What the education policy finds in each text."""

    receipt: Receipt
    age_band: Band
    judgements: tuple[policy.Judgement, ...]


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
    cost_micros: int = 0  # millionths of the school's currency, at the price of its day


@dataclass(frozen=True, slots=True)
class Total:
    """Calls of one account on one model."""

    account_id: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_micros: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What 1,000 tokens of a model cost, in the school's currency."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What a school has set for its calls. cache: exact-match answers to deterministic requests are kept."""

    currency: str = "CNY"
    prices: Mapping[str, Price] = field(default_factory=dict)  # model → price; the others cost nothing
    cache: bool = False
    cache_ttl_s: float = 3600.0
    term: tuple[date, date] | None = None  # first and last day


@dataclass(frozen=True, slots=True)
class Moment:
    """A few seconds of this process: rates over them, levels at their end. None: nothing was measured in them.

    Rates are those of one school; levels those of the shared models and its own.
    """

    at: datetime
    requests_per_s: float = 0.0
    tokens_per_s: float = 0.0
    errors_per_s: float = 0.0
    first_token_p50_s: float | None = None
    first_token_p95_s: float | None = None
    running: int = 0
    queued: int = 0
    memory_bytes: Mapping[str, int] = field(default_factory=dict)  # model → bytes


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

    def complete(
        self, principal: Principal, request: CompletionRequest, *, deadline_s: float = 300
    ) -> AbstractAsyncContextManager[Answer]:
        """Go on from plain texts. Answers are numbered prompt by prompt."""
        ...

    async def rerank(
        self, principal: Principal, model: str, query: str, documents: Sequence[str], *, top_n: int | None = None
    ) -> Ranked:
        """Documents by nearness of meaning to a query."""
        ...

    async def tokenize(self, principal: Principal, model: str, text: str) -> Tokens: ...
    async def detokenize(self, principal: Principal, model: str, tokens: Sequence[int]) -> Tokens: ...
    async def moderate(self, principal: Principal, texts: Sequence[str], *, age_band: Band | None = None) -> Moderated:
        """What the education policy says of texts. age_band None: that of the caller."""
        ...

    async def keywords(self, principal: Principal, text: str, *, limit: int = 10) -> Keywords: ...
    async def sentiment(self, principal: Principal, text: str) -> Sentiment: ...

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
        style: SummaryStyle = "sentences",
        age_band: Band | None = None,
    ) -> Summary:
        """The most central sentences, or a title; or the words of `model`, where its card claims it.

        age_band: checked as in a conversation, for this band or the caller's own, whichever protects more.
        """
        ...

    async def translate(
        self,
        principal: Principal,
        text: str,
        *,
        target: Language,
        source: Language | None = None,
        model: str | None = None,
        age_band: Band | None = None,
    ) -> Translation: ...
    async def classify(
        self,
        principal: Principal,
        text: str,
        labels: Sequence[str] = (),
        *,
        model: str | None = None,
        descriptions: Mapping[str, str] | None = None,
    ) -> Classified:
        """Nearest label in meaning; without labels, those that the version `model` was trained on."""
        ...

    def models(self, school_id: str = catalogue.SHARED) -> list[ModelStatus]:
        """Every shared model and what it is doing, and those of this school; one of its own hides a shared one."""
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
        streams: int | None = None,
        period: Period = "day",
    ) -> Allowance:
        """Administrators only. None is unlimited. streams: calls running at once; period: of tokens and requests."""
        ...

    def terms(self, principal: Principal) -> Terms:
        """What this school has set: prices, response cache, dates of the term."""
        ...

    def set_terms(self, principal: Principal, terms: Terms) -> None:
        """Administrators only. New term dates begin a new budget wherever one is counted by term."""
        ...

    def live(self, principal: Principal) -> Sequence[Moment]:
        """The last 15 minutes of their school in this process, oldest first; administrators only."""
        ...


class QuotaFull(errors.RateLimited):
    """The allowance of this period is used up or held by calls still running."""

    code = "insufficient_quota"

    def __init__(
        self,
        message: str,
        *,
        fix: str,
        retry_after_s: float,
        allowances: tuple[Allowance, ...],
        scope: Scope = "account",
    ) -> None:
        super().__init__(message, fix=fix, retry_after_s=retry_after_s)
        self.allowances, self.scope = allowances, scope


class StreamsFull(QuotaFull):
    """As many calls as are allowed at once are running: one of them ending makes room."""

    code = "too_many_at_once"


class Suspended(errors.Forbidden):
    """Exam mode: the model API is closed to this person for now."""

    code = "suspended"


class NotClaimed(errors.BadInput):
    """The model's card does not claim this task. param: the field that asks for it."""

    code = "not_claimed"

    def __init__(self, message: str, *, fix: str = "", param: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.param = param


class NotInstalled(errors.Conflict):
    """The optional part that runs this model is not installed on this server."""

    code = "runner_not_installed"


class OutputCut(errors.BadInput):
    """The model reached its limit before it was done: what it gave is not whole, so it is not given."""

    code = "output_cut"


class EmptyOutput(errors.ShuyuanError):
    """The model gave nothing where an answer was asked for."""

    status, code = 502, "empty_output"


class WrongLanguage(errors.ShuyuanError):
    """The model answered in another language than it was asked for, twice."""

    status, code = 502, "wrong_language"


class ContentPolicy(errors.BadInput):
    """The education policy keeps this from the caller's age band; no model has seen it."""

    code = "content_policy"


class TooMuch(errors.BadInput):
    """Over a stated cap of one request. param: the field, where it has a name."""

    code = "too_much"

    def __init__(self, message: str, *, fix: str = "", code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, fix=fix, code=code)
        self.param = param
