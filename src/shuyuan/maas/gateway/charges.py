"""What calls are charged to and what is left there: allowances, ledger lines, prices and terms, the last minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Scope = Literal["school", "class", "account", "key"]
Period = Literal["day", "month", "term"]


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
