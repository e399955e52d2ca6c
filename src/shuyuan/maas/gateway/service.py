"""The verbs of the gateway: chat, embed, text services, usage, limits."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal

from shuyuan.identity import interface as identity_api
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors, ids
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.gateway import checks, desk, interface, models
from shuyuan.maas.gateway.books import quota, schools, store
from shuyuan.maas.gateway.text import answering, chat, completing, meanings, readings, screening, texts
from shuyuan.maas.gateway.watch import metrics
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
        outbox: kernel_outbox.Outbox | None = None,
        deployment: deployment_api.Rollout | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        self._schools = schools.Schools(identity, settings.timezone)
        self.desk = desk.Desk(db, catalogue, engine, self._schools, deployment=deployment, now=now)
        self._centres = meanings.Centres()
        self.screening = screening.Screening(db, audit, outbox)
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
    ) -> AbstractAsyncContextManager[answering.Answer]:
        """Continue a conversation; see `interface.Gateway.chat`."""
        return chat.chat(
            self.desk, self.screening, principal, request, purpose=purpose, deadline_s=deadline_s, began=began
        )

    def complete(
        self,
        principal: Principal,
        request: interface.CompletionRequest,
        *,
        deadline_s: float = 300,
        began: float | None = None,
    ) -> AbstractAsyncContextManager[answering.Answer]:
        """Go on from plain texts; see `interface.Gateway.complete`."""
        return completing.complete(self.desk, self.screening, principal, request, deadline_s=deadline_s, began=began)

    async def embed(
        self,
        principal: Principal,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: interface.Truncate | None = None,
        purpose: interface.Purpose = "api",
        began: float | None = None,
    ) -> interface.Embedded:
        """Unit vectors of texts."""
        began = began or time.perf_counter()
        self.desk.admit(principal)
        checks.inputs(texts)
        found = await self.desk.locate(principal, model, "embed")
        checks.truncation(truncate, found)
        expected = quota.estimate_tokens(texts)
        async with self.desk.booked(
            principal, found, "embeddings", tokens=expected, purpose=purpose, began=began, early=True
        ) as call:
            answer = await self.desk.embed(
                call,
                principal,
                found,
                model,
                texts,
                kind=kind,
                truncate=truncate or "mean",
                deadline_s=_EMBED_DEADLINE_S,
            )
            usage = interface.Usage(answer.prompt_tokens)
        return interface.Embedded(desk.receipt(call, found), answer.vectors, usage)

    async def summarize(
        self,
        principal: Principal,
        text: str,
        *,
        sentences: int = 3,
        language: interface.Language | None = None,
        model: str | None = None,
        style: interface.SummaryStyle = "sentences",
        age_band: interface.Band | None = None,
    ) -> interface.Summary:
        """Extractive without a model, else by the model's words."""
        if model is None:
            return await texts.summarize_by_extract(self.desk, principal, text, sentences, style)
        await self.desk.locate(principal, model, "summarize")
        band = screening.band_of(principal, age_band)
        return await texts.summarize_by_model(self, principal, text, sentences, language, model, style, age_band=band)

    async def translate(
        self,
        principal: Principal,
        text: str,
        *,
        target: interface.Language,
        source: interface.Language | None = None,
        model: str | None = None,
        age_band: interface.Band | None = None,
    ) -> interface.Translation:
        """By a model whose card claims translation."""
        chosen = model or self._translator()
        await self.desk.locate(principal, chosen, "translate")
        band = screening.band_of(principal, age_band)
        return await texts.translate(self, principal, text, target, source, chosen, age_band=band)

    async def classify(
        self,
        principal: Principal,
        text: str,
        labels: Sequence[str] = (),
        *,
        model: str | None = None,
        descriptions: Mapping[str, str] | None = None,
    ) -> interface.Classified:
        """Nearest label by embeddings; or, without labels, those a version was trained on."""
        chosen = model or "embed"
        found = await self.desk.locate(principal, chosen, "classify")
        if not labels and "labels" in found.spec:
            return await meanings.classify_by_version(self.desk, principal, text, found, chosen)
        return await meanings.classify(
            self, principal, text, labels, found, chosen, known=self._centres, descriptions=descriptions
        )

    async def rerank(
        self,
        principal: Principal,
        model: str,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        began: float | None = None,
    ) -> interface.Ranked:
        """Documents by nearness of meaning to a query."""
        return await meanings.rerank(self.desk, principal, model, query, documents, top_n=top_n, began=began)

    async def tokenize(self, principal: Principal, model: str, text: str) -> interface.Tokens:
        """A text as the model reads it."""
        return await readings.tokenize(self.desk, principal, model, text)

    async def detokenize(self, principal: Principal, model: str, tokens: Sequence[int]) -> interface.Tokens:
        """The text of a model's tokens."""
        return await readings.detokenize(self.desk, principal, model, tokens)

    async def moderate(
        self, principal: Principal, texts: Sequence[str], *, age_band: interface.Band | None = None
    ) -> interface.Moderated:
        """What the education policy says of texts."""
        return await readings.moderate(self.desk, principal, texts, age_band)

    async def keywords(self, principal: Principal, text: str, *, limit: int = 10) -> interface.Keywords:
        """Words a text is about."""
        return await readings.keywords(self.desk, principal, text, limit)

    async def sentiment(self, principal: Principal, text: str) -> interface.Sentiment:
        """How a text sounds."""
        return await readings.tone(self.desk, principal, text)

    def models(self, school_id: str = catalogue_api.SHARED) -> list[interface.ModelStatus]:
        """See `interface.Gateway.models`. Reads the database."""
        if school_id != catalogue_api.SHARED:
            return [one.status for one in self.desk.listed(school_id)]
        return [one for one in self.desk.engine.status() if one.school_id == catalogue_api.SHARED]

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        return self.desk.usage(principal)

    def calls(self, principal: Principal, *, limit: int = 100, before: str | None = None) -> list[interface.Call]:
        """Ledger lines, newest first: an administrator sees the school, everybody else their own."""
        self.desk.flush()
        with self._db.read() as conn:
            return store.calls(
                conn, principal.school_id, account_id=_own(principal), limit=min(limit, 1000), before=before
            )

    def totals(self, principal: Principal, *, since: datetime) -> list[interface.Total]:
        """Calls and tokens per account and model; same view as `calls`."""
        self.desk.flush()
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
        streams: int | None = None,
        period: interface.Period = "day",
    ) -> interface.Allowance:
        """Change an allowance; administrators of that school only, and audited."""
        principal.require("admin")
        self._require_known(principal.school_id, scope, scope_id)
        limits, charge = quota.Limits(tokens, requests, streams), quota.Charge(scope, scope_id, None)
        term = self._schools.window(self._schools.read(principal.school_id)) if period == "term" else None

        def work(uow: db.UnitOfWork) -> interface.Allowance:
            changed = store.set_limits(uow, principal.school_id, charge, limits, period, term, zone=self._schools.zone)
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="quota.changed",
                object_id=scope_id,
                scope=scope,
                tokens=tokens,
                requests=requests,
                streams=streams,
                period=period,
            )
            return changed

        changed = self._db.write(work)
        self.desk.forget_allowances()
        return changed

    def limits(self, principal: Principal) -> Sequence[interface.Allowance]:
        """See `interface.Gateway.limits`."""
        principal.require("admin")
        self.desk.flush()
        with self._db.read() as conn:
            return store.allowances(conn, principal.school_id, self.desk.now(), self._schools.zone)

    def terms(self, principal: Principal) -> interface.Terms:
        """What this school has set: prices, response cache, dates of the term."""
        return self._schools.read(principal.school_id)

    def set_terms(self, principal: Principal, terms: interface.Terms) -> None:
        """Change what the school has set; administrators only, and audited."""
        principal.require("admin")
        value = schools.to_json(schools.checked(terms))
        self._require_priceable(principal.school_id, terms)
        term = self._schools.window(terms) if terms.term else None

        def work(uow: db.UnitOfWork) -> None:
            self._identity.set_setting(uow, school_id=principal.school_id, name=schools.SETTING, value=value)
            if term is not None:
                store.set_term(uow, principal.school_id, term)
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="quota.terms_changed",
                object_id=principal.school_id,
                cache=terms.cache,
                priced=len(terms.prices),
                term=" ".join(day.isoformat() for day in terms.term) if terms.term else "",
            )

        self._db.write(work)
        self._schools.forget()
        self.desk.forget_allowances()

    def live(self, principal: Principal) -> Sequence[interface.Moment]:
        """See `interface.Gateway.live`."""
        principal.require("admin")
        return metrics.live.moments(principal.school_id)

    def sample(self) -> None:
        """Note what runs, waits and is in memory just now, for `live`."""
        metrics.live.levels(self.desk.engine.residency().models)

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

    def _require_priceable(self, school_id: str, terms: interface.Terms) -> None:
        """Raise BadInput for a new price of what nobody can call; an old one stays though its model has gone."""
        new = terms.prices.keys() - self._schools.read(school_id).prices.keys()
        if not new:
            return
        names = {one.model for one in self.models(school_id)} | {one.name for one in models.BUILTIN}
        if unknown := sorted(new - names):
            raise errors.BadInput(
                f"a price for {unknown[0][:80]!r}: there is no such model",
                fix=f"name one of {', '.join(sorted(names))}",
            )

    def require_keeper(self, principal: Principal, model: catalogue_api.Loadable) -> None:
        """Raise Forbidden where other schools use this model too."""
        serving.require_keeper(principal, model.school_id, len(self._identity.schools()))

    def _translator(self) -> str:
        """The starter if it claims translation; `tiny` does not."""
        return self.starter if self.starter not in ("none", "tiny") else "tutor"


def _own(principal: Principal) -> str | None:
    return None if principal.role == "admin" else principal.account_id
