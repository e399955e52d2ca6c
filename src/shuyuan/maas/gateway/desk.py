"""Where every call is taken in: may this person call, which model is meant, what is reserved, what did it cost.

The verbs (chat, embed, transcribe …) stand on it; it knows none of them. `booked` is the only way to an engine.
A verb reads: `desk.admit(principal)`, `model = await desk.locate(principal, name, task)`, then
`async with desk.booked(principal, model, …) as call:` and inside it `desk.submit(call, principal, model, name, task,
payload)` for chunks or `desk.embed(…)` for vectors: both go through the caches and tell the engine who asks. What
they do not cover calls `desk.engine` itself, with `asker=desk.asker(principal)`. `name` is what the caller wrote: the
version that was located for it answers, though its alias move in between.
"""

import time
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, db, errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.gateway import cache, calling, interface, models, rollout
from shuyuan.maas.gateway.books import booking, ledger, quota, remembered, schools
from shuyuan.maas.gateway.watch import metrics, traces
from shuyuan.maas.serving import interface as serving

_PART_TEXTS = 64  # of one call for vectors: what a worker is asked for at once
_FRAME_TOKENS = 16  # begin, end, and the word before it that says what a text is for


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
        self._books = booking.Books(db, schools.zone)
        self._remembered = remembered.Remembered(self.usage)
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

    async def locate(self, principal: Principal, model: str, task: catalogue_api.Task) -> catalogue_api.Loadable:
        """The model this caller means. Raises UnknownModel, NotPulled, Loading (being pulled), NotClaimed."""
        given = self._rolling.name(principal.school_id, model, principal.account_id)
        try:
            found = await self._models.locate(principal.school_id, given, task)
        except errors.ShuyuanError as failure:
            if given == model or not rollout.cannot_be_had(failure):
                raise
            found = await self._models.locate(principal.school_id, model, task)  # what neither can do blames neither
            self._rolling.fall_back(principal.school_id, model, given)
        self._rolling.located(principal.school_id, model, found.version)
        return found

    def card(self, model: str, school_id: str = catalogue_api.SHARED) -> catalogue_api.Loadable | None:
        """The model's file and claims; None when it is not on this machine. Raises UnknownModel."""
        return self._models.card(model, school_id)

    def listed(self, school_id: str) -> list[models.Listed]:
        """Everything this school may call, each once. Reads the database."""
        return self._models.listed(school_id)

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
        if self._bounded is not None:  # what will be turned away is not written down first
            self._bounded.check_room(model.key)
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
        generation = self._remembered.generation
        known = self._remembered.plenty(principal, tokens, self.now()) if early and model.runner != "remote" else None
        books = self._books.booked(
            ask,
            began or time.perf_counter(),
            terms.prices.get(model.name),
            early=known,
            on_reserved=lambda allowances: self._remembered.note(principal, allowances, generation),
        )
        try:
            with self._remembered.under_way(principal):
                async with books as call:
                    call.keep_s = terms.cache_ttl_s if terms.cache else None
                    call.expected_prompt_tokens = tokens if prompt_tokens is None else prompt_tokens
                    noted = self._rolling.noted(principal.school_id, model.version, call)
                    with metrics.watched(model.name, endpoint, call), traces.traced(model.name, endpoint, call), noted:
                        yield call
                        await call.confirmed()
        except interface.QuotaFull as full:
            self._remembered.note(principal, full.allowances, generation)
            metrics.live.refused(principal.school_id)
            metrics.quota_refused.labels(full.scope).inc()
            raise

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
        return self._answers.keeping(key, _confirmed(call, chunks), keep_s)

    async def embed(
        self,
        call: booking.Booking,
        principal: Principal,
        model: catalogue_api.Loadable,
        name: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"],
        truncate: interface.Truncate = "mean",
        deadline_s: float | None = None,
    ) -> serving.Embeddings:
        """`Engine.embed` for a booked call, noting its cost. Where the school keeps answers, known texts are free.

        In parts: what was computed before a text that is refused stays charged.
        """

        async def made(wanted: Sequence[str]) -> serving.Embeddings:
            asker, rows, spent = self.asker(principal), list[NDArray[np.float32]](), 0
            for at in range(0, len(wanted), _PART_TEXTS):
                part = wanted[at : at + _PART_TEXTS]
                answer = await self.engine.embed(
                    name, part, kind=kind, truncate=truncate, asker=asker, deadline_s=deadline_s
                )
                rows.append(answer.vectors)
                call.note_part(interface.Usage(spent := spent + answer.prompt_tokens))
            if call.keep_s is not None:
                await call.confirmed()  # what is refused is not kept for others either
            return serving.Embeddings(rows[0] if len(rows) == 1 else np.concatenate(rows), spent)

        if call.keep_s is None or calling.wishes().fresh:
            answer = await made(texts)
        else:
            uses = [kind if truncate == "none" or _fits(text, model) else f"{kind} {truncate}" for text in texts]
            keys = [
                key
                for use, text in zip(uses, texts, strict=True)
                for key in self._vectors.keys(principal.school_id, model, use, [text])
            ]
            answer, call.cache = await self._vectors.completed(keys, texts, made, call.keep_s)
        call.note(interface.Usage(answer.prompt_tokens))
        return answer

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        generation = self._remembered.generation
        self._books.flush()
        charges, zone = quota.charges(principal), self.schools.zone
        found = self.db.write(lambda uow: ledger.allowances(uow, principal.school_id, charges, zone=zone))
        self._remembered.note(principal, found, generation)
        return found

    async def known_allowances(self, principal: Principal) -> tuple[interface.Allowance, ...]:
        """The allowances as of the last call they were charged for here; looked up when there was none."""
        return await self._remembered.known(principal)

    def forget_allowances(self) -> None:
        """Limits have changed: what was remembered for headers no longer holds."""
        self._remembered.forget()

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


def receipt(call: booking.Booking, model: catalogue_api.Loadable) -> interface.Receipt:
    """What the answer to a booked call tells about itself."""
    return interface.Receipt(
        call.id, model.name, model.version, round(call.overhead_ms, 2), call.allowances, call.cache
    )


def _fits(text: str, model: catalogue_api.Loadable) -> bool:
    """Whether the model surely reads all of it: no tokenizer makes more tokens than there are bytes."""
    return len(unicodedata.normalize("NFKC", text).encode("utf-8", "replace")) + _FRAME_TOKENS <= model.context_tokens


async def _confirmed(
    call: booking.Booking, chunks: AsyncGenerator[serving.Chunk, None]
) -> AsyncGenerator[serving.Chunk, None]:
    """What is refused is not kept for others either."""
    async with aclosing(chunks):
        async for chunk in chunks:
            await call.confirmed()
            yield chunk
