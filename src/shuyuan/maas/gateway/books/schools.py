"""What schools have set for their calls: prices, response cache, dates of the term. Remembered for two seconds."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shuyuan.identity import interface as identity_api
from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import quota

SETTING = "gateway"  # name among the school's settings
FRESH_S = 2.0  # what another process sets takes effect within this
MAX_PRICED, MAX_PRICE, LONGEST_TERM = 200, 1_000_000.0, timedelta(days=400)
CACHE_TTL_S = (1.0, 7 * 86_400.0)


class Schools:
    """Reads and checks what `interface.Terms` holds."""

    def __init__(self, identity: identity_api.Identity, timezone: str) -> None:
        self._identity, self.zone = identity, ZoneInfo(timezone)
        self._known: dict[str, tuple[float, interface.Terms]] = {}

    async def terms(self, school_id: str) -> interface.Terms:
        """What the school has set; asks the database at most every two seconds."""
        known = self._known.get(school_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        return await asyncio.to_thread(self.read, school_id)

    def read(self, school_id: str) -> interface.Terms:
        """What the school has set, from the database."""
        set_ = self._identity.setting(school_id, SETTING)
        terms = _from_json(set_.value) if set_ is not None else interface.Terms()
        self._known[school_id] = time.monotonic() + FRESH_S, terms
        return terms

    def forget(self) -> None:
        """Something was set: read again."""
        self._known.clear()

    def window(self, terms: interface.Terms) -> quota.Term:
        """The term's first moment and the first after it, where the school is. Raises BadInput without dates."""
        if terms.term is None:
            raise errors.BadInput("this school has no dates of a term", fix="set the first and last day of the term")
        first, last = terms.term
        return self._midnight(first), self._midnight(last + timedelta(days=1))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)


def checked(terms: interface.Terms) -> interface.Terms:
    """Raise BadInput for figures that make no sense."""
    if not 1 <= len(terms.currency) <= 8 or not terms.currency.isprintable():
        raise errors.BadInput(f"currency {terms.currency[:20]!r}", fix="use a short word such as CNY")
    if len(terms.prices) > MAX_PRICED:
        raise errors.BadInput(f"{len(terms.prices)} prices", fix=f"give at most {MAX_PRICED}")
    for model, price in terms.prices.items():
        if not all(0 <= part <= MAX_PRICE for part in (price.input, price.output)) or not 0 < len(model) <= 160:
            raise errors.BadInput(f"price {price} of {model[:40]!r}", fix=f"give 0 to {MAX_PRICE:.0f} for 1,000 tokens")
    if not CACHE_TTL_S[0] <= terms.cache_ttl_s <= CACHE_TTL_S[1]:
        raise errors.BadInput(f"cache_ttl_s {terms.cache_ttl_s}", fix="give {:.0f} to {:.0f}".format(*CACHE_TTL_S))
    if terms.term is not None and not timedelta(0) <= terms.term[1] - terms.term[0] <= LONGEST_TERM:
        raise errors.BadInput(
            f"a term from {terms.term[0]} to {terms.term[1]}",
            fix=f"give at most {LONGEST_TERM.days} days, the first one first",
        )
    return terms


def to_json(terms: interface.Terms) -> dict[str, object]:
    """As it is stored, and as `/api` tells it."""
    return {
        "currency": terms.currency,
        "prices": {model: {"input": price.input, "output": price.output} for model, price in terms.prices.items()},
        "cache": terms.cache,
        "cache_ttl_s": terms.cache_ttl_s,
        "term": [day.isoformat() for day in terms.term] if terms.term else None,
    }


def _from_json(value: Mapping[str, Any]) -> interface.Terms:  # Any: JSON that `to_json` made
    term = value.get("term")
    return interface.Terms(
        currency=value["currency"],
        prices={model: interface.Price(price["input"], price["output"]) for model, price in value["prices"].items()},
        cache=value["cache"],
        cache_ttl_s=value["cache_ttl_s"],
        term=(date.fromisoformat(term[0]), date.fromisoformat(term[1])) if term else None,
    )
