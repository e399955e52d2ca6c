"""The rules of quotas: which apply, their defaults and periods, what a call is expected to cost."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from shuyuan.identity.interface import Principal, Role
from shuyuan.maas.gateway import interface

DEFAULT_COMPLETION_TOKENS = 512
PLENTY = 20  # calls that must still fit for one to begin before its reservation is written
STREAM_RETRY_S, NEVER_RETRY_S = 1.0, 86_400.0
_TOKENS_PER_MESSAGE = 6  # role and separators of a chat template
TEMPLATE_TOKENS = 32  # what a chat template adds once: the model's own system message
_LETTERS_PER_TOKEN = 3  # four English letters are about one
_NOT_ASCII, _LEADS_OF_FOUR = bytes(range(0x80, 0x100)), bytes(range(0xF0, 0xF8))


Term = tuple[datetime, datetime]  # first moment, first moment after


@dataclass(frozen=True)
class Limits:
    """Tokens and requests of one period, and calls running at once; None is unlimited."""

    tokens: int | None
    requests: int | None
    streams: int | None = None


SCHOOL = Limits(tokens=50_000_000, requests=500_000)
ACCOUNT: dict[Role, Limits] = {
    "student": Limits(300_000, 3_000),
    "guardian": Limits(100_000, 1_000),
    "teacher": Limits(3_000_000, 30_000),
    "developer": Limits(10_000_000, 100_000),
    "admin": Limits(10_000_000, 100_000),
}


@dataclass(frozen=True)
class Charge:
    """A quota a call is charged to. `default` None: only where an administrator set one."""

    scope: interface.Scope
    scope_id: str
    default: Limits | None


@functools.lru_cache(maxsize=10_000)  # asked for at every call, and always the same
def charges(principal: Principal) -> tuple[Charge, ...]:
    """The quotas of a caller, widest first."""
    found = [
        Charge("school", principal.school_id, SCHOOL),
        Charge("account", principal.account_id, ACCOUNT[principal.role]),
    ]
    if principal.key_id:
        found.append(Charge("key", principal.key_id, None))
    return (*found, *(Charge("class", group, None) for group in sorted(principal.groups)))


def window_start(period: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """When the current period began where the school is, as UTC.

    >>> window_start("month", datetime(2031, 5, 7, 9, tzinfo=UTC)).isoformat()
    '2031-05-01T00:00:00+00:00'
    >>> from zoneinfo import ZoneInfo
    >>> window_start("day", datetime(2031, 5, 7, 17, tzinfo=UTC), ZoneInfo("Asia/Shanghai")).isoformat()
    '2031-05-07T16:00:00+00:00'
    """
    day = _midnight(now, zone)
    return (day.replace(day=1) if period == "month" else day).astimezone(UTC)


def window_end(period: str, start: datetime, zone: tzinfo = UTC) -> datetime:
    """When the allowance is full again: a midnight of the school, whenever its period began."""
    day = _midnight(start, zone)
    ends = (day.replace(day=1) + timedelta(days=32)).replace(day=1) if period == "month" else day + timedelta(days=1)
    return ends.astimezone(UTC)


def _midnight(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def estimate_tokens(texts: Sequence[str]) -> int:
    """Tokens that texts will cost at most with the starter models; settled with the true number later.

    >>> estimate_tokens(["like terms", "同类项"])
    22
    """
    return sum(_most_tokens(text) + _TOKENS_PER_MESSAGE for text in texts)


def _most_tokens(text: str) -> int:
    """ASCII: a token has three letters or more. Others: two tokens a character, four one beyond 16 bits (emoji)."""
    if text.isascii():
        return math.ceil(len(text) / _LETTERS_PER_TOKEN)
    data = text.encode()
    ascii_ = len(data.translate(None, _NOT_ASCII))
    beyond = len(data) - len(data.translate(None, _LEADS_OF_FOUR))
    return math.ceil(ascii_ / _LETTERS_PER_TOKEN) + 2 * (len(text) - ascii_) + 2 * beyond


def cost_micros(price: interface.Price | None, prompt_tokens: int, completion_tokens: int) -> int:
    """Millionths of the currency; prices are for 1,000 tokens.

    >>> cost_micros(interface.Price(0.002, 0.006), 1000, 500)
    5000
    """
    return round(1000 * (prompt_tokens * price.input + completion_tokens * price.output)) if price else 0


def refusal(
    full: interface.Allowance,
    lacking: str,
    tokens: int,
    now: datetime,
    all_of: Sequence[interface.Allowance],
    zone: tzinfo = UTC,
) -> interface.QuotaFull:
    """Why a call may not begin: which allowance lacks what, and until when by the clocks of `zone`."""
    raised = "an administrator can raise it"
    if lacking == "streams":
        return interface.StreamsFull(
            f"{full.streams_held} calls of your {full.scope} are running; {full.streams_limit} may run at once",
            fix=f"wait for one to end; {raised}",
            retry_after_s=STREAM_RETRY_S,
            allowances=tuple(all_of),
            scope=full.scope,
        )
    begins = full.starts_at.astimezone(zone) if full.starts_at is not None and full.starts_at > now else None
    resets = full.resets_at.astimezone(zone)
    if lacking == "term":
        last = resets - timedelta(seconds=1)
        told = f"its term {f'begins on {begins:%Y-%m-%d}' if begins else f'ended on {last:%Y-%m-%d}'}"
        fix = "an administrator sets the dates of the term"
    else:
        told = (
            f"all {full.requests_limit} requests of this {full.period} are used"
            if lacking == "requests"
            else f"this request may need {tokens} tokens, {full.tokens_left} of {full.tokens_limit} are left"
        )
        fix = f"it is full again at {resets:%Y-%m-%d %H:%M} ({getattr(zone, 'key', 'UTC')}); {raised}"
    wait = (begins or full.resets_at) - now
    return interface.QuotaFull(
        f"the allowance of your {full.scope} is not enough: {told}",
        fix=fix,
        retry_after_s=wait.total_seconds() if wait.total_seconds() > 0 else NEVER_RETRY_S,
        allowances=tuple(all_of),
        scope=full.scope,
    )


def plenty(one: interface.Allowance, tokens: int, under_way: int, now: datetime) -> bool:
    """Whether many more calls of this size than are `under_way` fit into an allowance as it was last seen."""
    calls = PLENTY + under_way
    return (
        now < one.resets_at
        and (one.starts_at is None or one.starts_at <= now)
        and (one.tokens_left is None or one.tokens_left >= calls * tokens)
        and (one.requests_left is None or one.requests_left >= calls)
        and (one.streams_limit is None or one.streams_limit >= one.streams_held + calls)
    )


def tightest(allowances: Sequence[interface.Allowance]) -> interface.Allowance | None:
    """The one that ends first: what rate-limit headers tell."""
    limited = [a for a in allowances if a.tokens_left is not None or a.requests_left is not None]
    return min(limited, key=_share_left, default=None)


def headers(allowances: Sequence[interface.Allowance], now: datetime) -> dict[str, str]:
    """`x-ratelimit-*` as OpenAI clients read them."""
    first = tightest(allowances)
    if first is None:
        return {}
    reset = f"{max(1, round((first.resets_at - now).total_seconds()))}s"
    told: dict[str, str] = {}
    for unit, limit, left in (
        ("tokens", first.tokens_limit, first.tokens_left),
        ("requests", first.requests_limit, first.requests_left),
    ):
        if limit is not None:
            told |= {
                f"x-ratelimit-limit-{unit}": str(limit),
                f"x-ratelimit-remaining-{unit}": str(left),
                f"x-ratelimit-reset-{unit}": reset,
            }
    return told


def _share_left(allowance: interface.Allowance) -> float:
    shares = [
        left / limit if limit else 0.0
        for limit, left in (
            (allowance.tokens_limit, allowance.tokens_left),
            (allowance.requests_limit, allowance.requests_left),
        )
        if limit is not None and left is not None
    ]
    return min(shares, default=1.0)
