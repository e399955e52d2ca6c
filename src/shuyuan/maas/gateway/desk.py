"""Where every call is taken in: may this person call, which model is meant, what is reserved, what did it cost.

The verbs (chat, embed, transcribe …) stand on it; it knows none of them. `booked` is the only way to an engine.
A verb reads: `desk.admit(principal)`, `model = await desk.locate(principal, name, task)`, then
`async with desk.booked(principal, model, …) as call:` and inside it `desk.submit(call, principal, model, name, task,
payload)` for chunks or `desk.embed(…)` for vectors: both go through the caches and tell the engine who asks. What
they do not cover calls `desk.engine` itself, with `asker=desk.asker(principal)`. `name` is what the caller wrote:
with the asker's school the engine finds the same version.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, db, errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.gateway import cache, calling, interface, models, rollout
from shuyuan.maas.gateway.books import booking, ledger, quota, schools
from shuyuan.maas.gateway.watch import metrics, traces
from shuyuan.maas.serving import interface as serving

_REMEMBERED = 10_000  # callers whose last allowances are kept for headers


class Desk:
    """Admits callers, finds models and keeps the books of running calls."""

    def __init__(
        self,
        db: db.Database,
        catalogue: catalogue_api.Locator,
        engine: serving.Engine,
        schools: schools.Schools,
        *,
        deployment: deployment_api.Rollout | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        self.db, self.now, self.schools = db, now, schools
        self.engine = engine if deployment is None else rollout.Rolled(engine, deployment)
        self._rolling = rollout.Rolling(deployment or rollout.Nobody())
        self._answers, self._vectors = cache.Answers(), cache.Vectors()
        self._models = models.Models(catalogue, engine)
        self._books = booking.Books(db)
        self._last: dict[tuple[str, str | None], tuple[interface.Allowance, ...]] = {}
        self._under_way: Counter[tuple[str, str | None]] = Counter()
        self._bounded = engine if isinstance(engine, serving.Bounded) else None
        metrics.engine_levels.watch(engine)

    def admit(self, principal: Principal) -> None:
        """Raise Suspended while an exam closes the model API to this person."""
        until = principal.suspended_until
        if until is not None and until > self.now():
            raise interface.Suspended(
                f"the model API is closed to you until {until:%Y-%m-%d %H:%M} UTC: an exam is running",
                fix="try again after the exam; the invigilator can end it early",
            )

    def check_room(self, principal: Principal, name: str) -> None:
        """Raise Overloaded when the line of this model is full, before anything is made for a call or written down."""
        if self._bounded is not None:
            self._bounded.check_room(name, school_id=principal.school_id)

    async def locate(self, principal: Principal, model: str, task: catalogue_api.Task) -> catalogue_api.Loadable:
        """The model this caller means. Raises UnknownModel, NotPulled, Loading (being pulled), NotClaimed."""
        given = self._rolling.name(principal.school_id, model, principal.account_id)
        try:
            return await self._models.locate(principal.school_id, given, task)
        except errors.ShuyuanError as failure:
            if given == model or not rollout.cannot_be_had(failure):
                raise
        self._rolling.fall_back(principal.school_id, model, given)
        return await self._models.locate(principal.school_id, model, task)

    def card(self, model: str, school_id: str = catalogue_api.SHARED) -> catalogue_api.Loadable | None:
        """The model's file and claims; None when it is not on this machine. Raises UnknownModel."""
        return self._models.card(model, school_id)

    def known(self, school_id: str) -> Sequence[str]:
        """Names of every model that this school may find. Reads the database."""
        return self._models.known(school_id)

    @staticmethod
    def asker(principal: Principal) -> serving.Asker:
        """Who asks, for the engine's queue: classes share a model fairly, people share their class's part.

        Somebody in several classes asks as the first of them: one call waits in one line.
        """
        return serving.Asker(
            principal.school_id, min(principal.groups, default=""), principal.account_id, principal.priority
        )

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
        early: bool = False,
    ) -> AsyncIterator[booking.Booking]:
        """Reserve `tokens` and one request, run the body, settle or release once. Raises Suspended, QuotaFull.

        tokens: the most the call may cost, of them `prompt_tokens` (None: all) for what is sent in.
        What it did cost is noted on the booking (`usage` as it grows, or `note` once).
        began: `time.perf_counter()` when the request arrived, for the overhead that headers tell.
        early: where this caller's allowances were last seen with plenty of room, the body begins while the reservation
        is still being written. The end of the body waits for that; who gives pieces before awaits `call.confirmed()`.
        """
        self.admit(principal)
        terms = await self.schools.terms(principal.school_id)
        self.check_room(principal, model.name)
        ask = ledger.Ask(
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
        price = terms.prices.get(model.name)
        known = self._plenty(principal, tokens) if early else None
        self._under_way[_caller(principal)] += 1
        try:
            async with self._books.booked(ask, began or time.perf_counter(), price, early=known) as call:
                call.keep_s = terms.cache_ttl_s if terms.cache else None
                call.expected_prompt_tokens = tokens if prompt_tokens is None else prompt_tokens
                self._remember(principal, call.allowances)
                noted = self._rolling.noted(principal.school_id, model.version, call)
                with metrics.watched(model.name, endpoint, call), traces.traced(model.name, endpoint, call), noted:
                    yield call
                self._remember(principal, call.allowances)
        except interface.QuotaFull as full:
            self._remember(principal, full.allowances)
            metrics.live.refused(principal.school_id)
            metrics.quota_refused.labels(full.scope).inc()
            raise
        finally:
            self._under_way[_caller(principal)] -= 1
            if not self._under_way[_caller(principal)]:
                del self._under_way[_caller(principal)]

    def _plenty(self, principal: Principal, tokens: int) -> tuple[interface.Allowance, ...] | None:
        """The caller's allowances as last seen, if a call may begin on the strength of them; else None."""
        caller = _caller(principal)
        known = self._last.get(caller)
        roomy = known is not None and quota.plenty(known, tokens, self._under_way[caller], self.now())
        return known if roomy else None

    def submit(
        self,
        call: booking.Booking,
        principal: Principal,
        model: catalogue_api.Loadable,
        name: str,
        task: str,
        payload: Mapping[str, object],
        *,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[serving.Chunk, None]:
        """`Engine.submit` for a booked call; where the school keeps answers, one given before is given again."""
        keep_s = None if calling.wishes().fresh else call.keep_s
        key = self._answers.key(principal, model, task, payload) if keep_s is not None else None
        if key is not None and (kept := self._answers.get(key)) is not None:
            call.cache = call.cache or "hit"  # of several choices all must be kept ones
            return cache.replay(kept)
        chunks = self.engine.submit(name, task, payload, asker=self.asker(principal), deadline_s=deadline_s)
        if key is None or keep_s is None:
            return chunks
        call.cache = "miss"
        return self._answers.keeping(key, chunks, keep_s)

    async def embed(
        self,
        call: booking.Booking,
        principal: Principal,
        model: catalogue_api.Loadable,
        name: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"],
        deadline_s: float | None = None,
    ) -> serving.Embeddings:
        """`Engine.embed` for a booked call, noting its cost. Where the school keeps answers, known texts are free."""

        async def made(wanted: Sequence[str]) -> serving.Embeddings:
            return await self.engine.embed(name, wanted, kind=kind, asker=self.asker(principal), deadline_s=deadline_s)

        if call.keep_s is None or calling.wishes().fresh:
            answer = await made(texts)
        else:
            keys = self._vectors.keys(principal.school_id, model, kind, texts)
            answer, call.cache = await self._vectors.completed(keys, texts, made, call.keep_s)
        call.note(interface.Usage(answer.prompt_tokens))
        return answer

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        self._books.flush()
        found = self.db.write(lambda uow: ledger.allowances(uow, principal.school_id, quota.charges(principal)))
        self._remember(principal, tuple(found))
        return found

    async def known_allowances(self, principal: Principal) -> tuple[interface.Allowance, ...]:
        """The allowances as of this caller's last call here; looked up when there was none."""
        known = self._last.get(_caller(principal))
        return tuple(await asyncio.to_thread(self.usage, principal)) if known is None else known

    def forget_allowances(self) -> None:
        """Limits have changed: what was remembered for headers no longer holds."""
        self._last.clear()

    def recover(self) -> int:
        """Give back what crashed processes had reserved. At start, and every minute."""
        return self._books.recover(self.now())

    def flush(self) -> None:
        """Return once every call that ended is settled for good; blocks the thread."""
        self._books.flush()

    def push(self) -> None:
        """Ended calls are settled before anything that is written after this."""
        self._books.push()

    async def drain(self) -> None:
        """Wait until every settlement under way is durable."""
        await self._books.drain()

    def _remember(self, principal: Principal, allowances: tuple[interface.Allowance, ...]) -> None:
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[_caller(principal)] = allowances


def receipt(call: booking.Booking, model: catalogue_api.Loadable) -> interface.Receipt:
    """What the answer to a booked call tells about itself."""
    return interface.Receipt(
        call.id, model.name, model.version, round(call.overhead_ms, 2), call.allowances, call.cache
    )


def _caller(principal: Principal) -> tuple[str, str | None]:
    return principal.account_id, principal.key_id
