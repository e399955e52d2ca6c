"""Where every call is taken in: may this person call, which model is meant, what is reserved, what did it cost.

The verbs (chat, embed, transcribe …) stand on it; it knows none of them. `booked` is the only way to an engine.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, db
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import booking, interface, metrics, models, quota, store
from shuyuan.maas.serving import interface as serving

_REMEMBERED = 10_000  # callers whose last allowances are kept for headers


class Desk:
    """Admits callers, finds models and keeps the books of running calls."""

    def __init__(
        self, db: db.Database, catalogue: catalogue_api.Locator, engine: serving.Engine, *, now: clock.Clock = clock.now
    ) -> None:
        self.db, self.engine, self.now = db, engine, now
        self._models = models.Models(catalogue, engine)
        self._books = booking.Books(db)
        self._last: dict[tuple[str, str | None], tuple[interface.Allowance, ...]] = {}

    def admit(self, principal: Principal) -> None:
        """Raise Suspended while an exam closes the model API to this person."""
        until = principal.suspended_until
        if until is not None and until > self.now():
            raise interface.Suspended(
                f"the model API is closed to you until {until:%Y-%m-%d %H:%M} UTC: an exam is running",
                fix="try again after the exam; the invigilator can end it early",
            )

    async def locate(self, principal: Principal, model: str, task: catalogue_api.Task) -> catalogue_api.Loadable:
        """The model this caller means. Raises UnknownModel, NotPulled, Loading (being pulled), NotClaimed."""
        return await self._models.locate(model, task)

    def card(self, model: str) -> catalogue_api.Loadable | None:
        """The model's file and claims; None when it is not on this machine. Raises UnknownModel."""
        return self._models.card(model)

    @asynccontextmanager
    async def booked(
        self,
        principal: Principal,
        model: catalogue_api.Loadable,
        endpoint: str,
        *,
        tokens: int = 0,
        prompt_tokens: int | None = None,
        purpose: interface.Purpose = "api",
        began: float | None = None,
    ) -> AsyncIterator[booking.Booking]:
        """Reserve `tokens` and one request, run the body, settle or release exactly once. Raises QuotaFull.

        tokens: the most the call may cost, of them `prompt_tokens` (None: all) for what is sent in.
        What it did cost is noted on the booking (`usage` as it grows, or `note` once).
        began: `time.perf_counter()` when the request arrived, for the overhead that headers tell.
        """
        ask = store.Ask(
            principal.school_id,
            principal.account_id,
            principal.key_id,
            quota.charges(principal),
            tokens,
            model.name,
            model.version,
            endpoint,
            purpose,
            self._books.owner,
        )
        try:
            async with self._books.booked(ask, began or time.perf_counter()) as call:
                call.expected_prompt_tokens = tokens if prompt_tokens is None else prompt_tokens
                self._remember(principal, call.allowances)
                with metrics.watched(model.name, endpoint, call):
                    yield call
        except interface.QuotaFull as full:
            self._remember(principal, full.allowances)
            raise

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        found = self.db.write(lambda uow: store.allowances(uow, principal.school_id, quota.charges(principal)))
        self._remember(principal, tuple(found))
        return found

    def last_known(self, principal: Principal) -> tuple[interface.Allowance, ...]:
        """The allowances as of this caller's last call here; empty when there was none."""
        return self._last.get(_caller(principal), ())

    def forget_allowances(self) -> None:
        """Limits have changed: what was remembered for headers no longer holds."""
        self._last.clear()

    def recover(self) -> int:
        """Give back what crashed processes had reserved. At start, and every minute."""
        return self._books.recover(self.now())

    async def drain(self) -> None:
        """Wait until every settlement under way is durable."""
        await self._books.drain()

    def _remember(self, principal: Principal, allowances: tuple[interface.Allowance, ...]) -> None:
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[_caller(principal)] = allowances


def receipt(call: booking.Booking, model: catalogue_api.Loadable) -> interface.Receipt:
    """What the answer to a booked call tells about itself."""
    return interface.Receipt(call.id, model.name, model.version, round(call.overhead_ms, 2), call.allowances)


def _caller(principal: Principal) -> tuple[str, str | None]:
    return principal.account_id, principal.key_id
