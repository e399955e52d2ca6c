"""The verbs of the gateway: chat, embed, text services; usage and limits come from `accounting`."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal

from shuyuan.identity import interface as identity_api
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.gateway import accounting, checks, desk, interface
from shuyuan.maas.gateway.books import quota, schools
from shuyuan.maas.gateway.text import answering, chat, completing, meanings, readings, screening, texts
from shuyuan.maas.serving import interface as serving

_EMBED_DEADLINE_S = 60.0


class GatewayService(accounting.Accounting):
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
        known = schools.Schools(identity, settings.timezone)
        front = desk.Desk(db, catalogue, engine, known, deployment=deployment, now=now)
        super().__init__(db, audit, identity, known, front)
        self._centres = meanings.Centres()
        self.screening = screening.Screening(db, audit, outbox)
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

    def recover(self) -> int:
        """Give back what crashed processes had reserved. At start, and every minute."""
        return self.desk.recover()

    async def drain(self) -> None:
        """Wait until every settlement under way is durable."""
        await self.desk.drain()

    def require_keeper(self, principal: Principal, model: catalogue_api.Loadable) -> None:
        """Raise Forbidden where other schools use this model too."""
        serving.require_keeper(principal, model.school_id, len(self._identity.schools()))

    def _translator(self) -> str:
        """The starter if it claims translation; `tiny` does not."""
        return self.starter if self.starter not in ("none", "tiny") else "tutor"
