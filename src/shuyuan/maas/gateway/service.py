"""The verbs of the gateway: chat, embed, text services, usage, limits."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Literal

from shuyuan.identity import interface as identity_api
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors, ids
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import booking, interface, metrics, models, quota, store, texts
from shuyuan.maas.serving import interface as serving

_MIN_COMPLETION_TOKENS = 16
_EMBED_DEADLINE_S = 60.0
_KINDS: dict[interface.Scope, Literal["account", "key", "group"]] = {
    "account": "account",
    "key": "key",
    "class": "group",
}
_REMEMBERED = 10_000  # callers whose last allowances are kept for headers


class GatewayService:
    """Implements `interface.Gateway` on an engine and a locator of models."""

    def __init__(
        self,
        db: db.Database,
        catalogue: catalogue_api.Locator,
        engine: serving.Engine,
        settings: kernel_settings.Settings,
        audit: kernel_audit.Audit,
        identity: identity_api.Identity,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._engine, self._audit, self._identity, self._now = db, engine, audit, identity, now
        self._models = models.Models(catalogue, engine)
        self._books = booking.Books(db)
        self._last: dict[tuple[str, str | None], tuple[interface.Allowance, ...]] = {}
        self.starter: str = settings.starter

    @asynccontextmanager
    async def chat(
        self,
        principal: Principal,
        request: interface.ChatRequest,
        *,
        purpose: interface.Purpose = "api",
        deadline_s: float = 300,
        began: float | None = None,
    ) -> AsyncIterator["Answer"]:
        """Continue a conversation; see `interface.Gateway.chat`."""
        began = began or time.perf_counter()
        self.admit(principal)
        _check_messages(request)
        model = await self._models.locate(request.model, "chat")
        prompt = quota.estimate_tokens([message["content"] for message in request.messages])
        limit = _completion_limit(request, model, prompt)
        payload: dict[str, object] = {
            "messages": list(request.messages),
            "max_tokens": limit,
            "temperature": request.temperature,
            "top_p": request.top_p,
        }
        payload |= {"stop": list(request.stop)} if request.stop else {}
        payload |= {"seed": request.seed} if request.seed is not None else {}
        async with self._booked(principal, model, "chat", purpose, prompt + limit, began) as call:
            call.expected_prompt_tokens = prompt
            chunks = self._engine.submit(model.name, "chat", payload, deadline_s=deadline_s)
            async with aclosing(chunks):  # when the reader leaves, the worker's work stops
                yield Answer(chunks, call, _receipt(call, model))

    async def embed(
        self,
        principal: Principal,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        purpose: interface.Purpose = "api",
        began: float | None = None,
    ) -> interface.Embedded:
        """Unit vectors of texts."""
        began = began or time.perf_counter()
        self.admit(principal)
        _check_inputs(texts)
        found = await self._models.locate(model, "embed")
        expected = quota.estimate_tokens(texts)
        async with self._booked(principal, found, "embeddings", purpose, expected, began) as call:
            call.expected_prompt_tokens = expected
            answer = await self._engine.embed(found.name, texts, kind=kind, deadline_s=_EMBED_DEADLINE_S)
            _note_all(call, interface.Usage(answer.prompt_tokens))
        return interface.Embedded(_receipt(call, found), answer.vectors, interface.Usage(answer.prompt_tokens))

    async def summarize(
        self,
        principal: Principal,
        text: str,
        *,
        sentences: int = 3,
        language: interface.Language | None = None,
        model: str | None = None,
    ) -> interface.Summary:
        """Extractive without a model, else by the model's words."""
        if model is not None:
            return await texts.summarize_by_model(
                self, principal, text, sentences, language, await self._claims(model, "summarize")
            )
        began = time.perf_counter()
        self.admit(principal)
        _check_inputs([text])
        async with self._booked(principal, models.EXTRACTIVE, "summarize", "service", 0, began) as call:
            chosen = await asyncio.to_thread(texts.extract, text, sentences)
            _note_all(call, interface.Usage(0))
        return interface.Summary(_receipt(call, models.EXTRACTIVE), chosen.text, "extractive", chosen.positions)

    async def translate(
        self,
        principal: Principal,
        text: str,
        *,
        target: interface.Language,
        source: interface.Language | None = None,
        model: str | None = None,
    ) -> interface.Translation:
        """By a model whose card claims translation."""
        chosen = await self._claims(model or self._default_chat(), "translate")
        return await texts.translate(self, principal, text, target, source, chosen)

    async def classify(
        self, principal: Principal, text: str, labels: Sequence[str], *, model: str | None = None
    ) -> interface.Classified:
        """Nearest label by embeddings."""
        return await texts.classify(self, principal, text, labels, await self._claims(model or "embed", "classify"))

    def models(self) -> list[interface.ModelStatus]:
        """Every model and what it is doing."""
        return self._engine.status()

    def card(self, model: str) -> catalogue_api.Loadable | None:
        """The model's file and claims; None when it is not on this machine. Raises UnknownModel."""
        return self._models.card(model)

    def admit(self, principal: Principal) -> None:
        """Raise Suspended while an exam closes the model API to this person."""
        until = principal.suspended_until
        if until is not None and until > self._now():
            raise interface.Suspended(
                f"the model API is closed to you until {until:%Y-%m-%d %H:%M} UTC: an exam is running",
                fix="try again after the exam; the invigilator can end it early",
            )

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        found = self._db.write(lambda uow: store.allowances(uow, principal.school_id, quota.charges(principal)))
        self._remember(principal, tuple(found))
        return found

    def last_known(self, principal: Principal) -> tuple[interface.Allowance, ...]:
        """The allowances as of this caller's last call here; empty when there was none."""
        return self._last.get(_caller(principal), ())

    def calls(self, principal: Principal, *, limit: int = 100, before: str | None = None) -> list[interface.Call]:
        """Ledger lines, newest first: an administrator sees the school, everybody else their own."""
        with self._db.read() as conn:
            return store.calls(
                conn, principal.school_id, account_id=_own(principal), limit=min(limit, 1000), before=before
            )

    def totals(self, principal: Principal, *, since: datetime) -> list[interface.Total]:
        """Calls and tokens per account and model; same view as `calls`."""
        with self._db.read() as conn:
            return store.totals(conn, principal.school_id, account_id=_own(principal), since=since)

    def set_limits(
        self,
        principal: Principal,
        scope: interface.Scope,
        scope_id: str,
        *,
        tokens: int | None,
        requests: int | None,
        period: interface.Period = "day",
    ) -> interface.Allowance:
        """Change an allowance; administrators of that school only, and audited."""
        principal.require("admin")
        self._require_known(principal.school_id, scope, scope_id)
        limits, charge = quota.Limits(tokens, requests), quota.Charge(scope, scope_id, None)

        def work(uow: db.UnitOfWork) -> interface.Allowance:
            changed = store.set_limits(uow, principal.school_id, charge, limits, period)
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="quota.changed",
                object_id=scope_id,
                scope=scope,
                tokens=tokens,
                requests=requests,
                period=period,
            )
            return changed

        changed = self._db.write(work)
        self._last.clear()
        return changed

    def recover(self) -> int:
        """Give back what crashed processes had reserved. At start, and every minute."""
        return self._books.recover(self._now())

    async def drain(self) -> None:
        """Wait until every settlement under way is durable."""
        await self._books.drain()

    @asynccontextmanager
    async def _booked(
        self,
        principal: Principal,
        model: catalogue_api.Loadable,
        endpoint: str,
        purpose: str,
        tokens: int,
        began: float,
    ) -> AsyncIterator[booking.Booking]:
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
            async with self._books.booked(ask, began) as call:
                self._remember(principal, call.allowances)
                with metrics.watched(model.name, endpoint, call):
                    yield call
        except interface.QuotaFull as full:
            self._remember(principal, full.allowances)
            raise

    def _require_known(self, school_id: str, scope: interface.Scope, scope_id: str) -> None:
        """Raise NotFound for what is not of this school: an allowance of nobody would never be charged."""
        kind = _KINDS.get(scope)
        if not (self._identity.holds(school_id, kind, scope_id) if kind else scope_id == school_id):
            raise errors.NotFound(
                f"there is no {scope} {scope_id[: ids.LENGTH]!r} in this school",
                fix="take the id from the list of accounts, keys or classes; a class needs a member",
            )

    def _remember(self, principal: Principal, allowances: tuple[interface.Allowance, ...]) -> None:
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[_caller(principal)] = allowances

    async def _claims(self, model: str, task: catalogue_api.Task) -> str:
        await self._models.locate(model, task)
        return model

    def _default_chat(self) -> str:
        return self.starter if self.starter != "none" else "tutor"


class Answer:
    """A running answer: engine chunks as deltas, noted on the booking as they come."""

    def __init__(self, chunks: AsyncIterator[serving.Chunk], call: booking.Booking, receipt: interface.Receipt) -> None:
        self._chunks, self._call, self.receipt = chunks, call, receipt
        self._began = time.perf_counter()

    async def __aiter__(self) -> AsyncIterator[interface.Delta]:
        async for chunk in self._chunks:
            self._note(chunk)
            yield interface.Delta(chunk.text, _reason(chunk), chunk.usage if chunk.finish_reason else None)

    def _note(self, chunk: serving.Chunk) -> None:
        call = self._call
        if not call.begun:
            call.begun = True
            metrics.first_token.labels(self.receipt.model).observe(time.perf_counter() - self._began)
        call.pieces += bool(chunk.text)
        call.usage = chunk.usage or call.usage
        call.finished = chunk.finish_reason is not None


def _note_all(call: booking.Booking, usage: interface.Usage) -> None:
    call.begun, call.finished, call.usage = True, True, usage


def _reason(chunk: serving.Chunk) -> interface.FinishReason | None:
    return "stop" if chunk.finish_reason == "cancelled" else chunk.finish_reason


def _receipt(call: booking.Booking, model: catalogue_api.Loadable) -> interface.Receipt:
    return interface.Receipt(call.id, model.name, model.version, round(call.overhead_ms, 2), call.allowances)


def _completion_limit(request: interface.ChatRequest, model: catalogue_api.Loadable, prompt: int) -> int:
    context = model.context_tokens
    if request.max_tokens is not None:
        if request.max_tokens > context:
            raise interface.TooMuch(
                f"max_tokens is {request.max_tokens}; {model.name} reads and writes {context} tokens",
                fix=f"ask for at most {context}",
                code="context_length_exceeded",
            )
        return request.max_tokens
    return min(quota.DEFAULT_COMPLETION_TOKENS, max(_MIN_COMPLETION_TOKENS, context - prompt))


def _check_messages(request: interface.ChatRequest) -> None:
    count = len(request.messages)
    if not 1 <= count <= interface.MAX_MESSAGES:
        raise interface.TooMuch(
            f"{count} messages; between 1 and {interface.MAX_MESSAGES} are read", fix="send fewer, the newest last"
        )
    _check_chars(sum(len(message["content"]) for message in request.messages))


def _check_inputs(texts: Sequence[str]) -> None:
    if not 1 <= len(texts) <= interface.MAX_INPUTS:
        raise interface.TooMuch(
            f"{len(texts)} inputs; between 1 and {interface.MAX_INPUTS} are read",
            fix="split them over several requests",
        )
    if not all(text.strip() for text in texts):
        raise errors.BadInput("an input is empty", fix="send text in every input")
    _check_chars(sum(len(text) for text in texts))


def _check_chars(total: int) -> None:
    if total > interface.MAX_CHARS:
        raise interface.TooMuch(f"{total} characters; at most {interface.MAX_CHARS} are read", fix="send less text")


def _caller(principal: Principal) -> tuple[str, str | None]:
    return principal.account_id, principal.key_id


def _own(principal: Principal) -> str | None:
    return None if principal.role == "admin" else principal.account_id
