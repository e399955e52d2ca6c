"""The verbs of the gateway: chat, embed, text services, usage, limits."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal

from shuyuan.identity import interface as identity_api
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors, ids
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import chat, checks, desk, interface, models, quota, store, texts
from shuyuan.maas.serving import interface as serving

_EMBED_DEADLINE_S = 60.0
_KINDS: dict[interface.Scope, Literal["account", "key", "group"]] = {
    "account": "account",
    "key": "key",
    "class": "group",
}


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
        self.desk = desk.Desk(db, catalogue, engine, now=now)
        self._db, self._audit, self._identity = db, audit, identity
        self.starter: str = settings.starter

    def chat(
        self,
        principal: Principal,
        request: interface.ChatRequest,
        *,
        purpose: interface.Purpose = "api",
        deadline_s: float = 300,
        began: float | None = None,
    ) -> AbstractAsyncContextManager[chat.Answer]:
        """Continue a conversation; see `interface.Gateway.chat`."""
        return chat.chat(self.desk, principal, request, purpose=purpose, deadline_s=deadline_s, began=began)

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
        self.desk.admit(principal)
        checks.inputs(texts)
        found = await self.desk.locate(principal, model, "embed")
        expected = quota.estimate_tokens(texts)
        async with self.desk.booked(
            principal, found, "embeddings", tokens=expected, purpose=purpose, began=began
        ) as call:
            answer = await self.desk.engine.embed(found.name, texts, kind=kind, deadline_s=_EMBED_DEADLINE_S)
            usage = interface.Usage(answer.prompt_tokens)
            call.note(usage)
        return interface.Embedded(desk.receipt(call, found), answer.vectors, usage)

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
            await self.desk.locate(principal, model, "summarize")
            return await texts.summarize_by_model(self, principal, text, sentences, language, model)
        began = time.perf_counter()
        self.desk.admit(principal)
        checks.inputs([text])
        async with self.desk.booked(principal, models.EXTRACTIVE, "summarize", purpose="service", began=began) as call:
            chosen = await asyncio.to_thread(texts.extract, text, sentences)
            call.note(interface.Usage(0))
        return interface.Summary(desk.receipt(call, models.EXTRACTIVE), chosen.text, "extractive", chosen.positions)

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
        chosen = model or self._default_chat()
        await self.desk.locate(principal, chosen, "translate")
        return await texts.translate(self, principal, text, target, source, chosen)

    async def classify(
        self, principal: Principal, text: str, labels: Sequence[str], *, model: str | None = None
    ) -> interface.Classified:
        """Nearest label by embeddings."""
        chosen = model or "embed"
        await self.desk.locate(principal, chosen, "classify")
        return await texts.classify(self, principal, text, labels, chosen)

    def models(self) -> list[interface.ModelStatus]:
        """Every model and what it is doing."""
        return self.desk.engine.status()

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        return self.desk.usage(principal)

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
        self.desk.forget_allowances()
        return changed

    def recover(self) -> int:
        """Give back what crashed processes had reserved. At start, and every minute."""
        return self.desk.recover()

    async def drain(self) -> None:
        """Wait until every settlement under way is durable."""
        await self.desk.drain()

    def _require_known(self, school_id: str, scope: interface.Scope, scope_id: str) -> None:
        """Raise NotFound for what is not of this school: an allowance of nobody would never be charged."""
        kind = _KINDS.get(scope)
        if not (self._identity.holds(school_id, kind, scope_id) if kind else scope_id == school_id):
            raise errors.NotFound(
                f"there is no {scope} {scope_id[: ids.LENGTH]!r} in this school",
                fix="take the id from the list of accounts, keys or classes; a class needs a member",
            )

    def _default_chat(self) -> str:
        return self.starter if self.starter != "none" else "tutor"


def _own(principal: Principal) -> str | None:
    return None if principal.role == "admin" else principal.account_id
