"""A turn in order: care, age policy, courtesy or refusal without a model; else hint, passage, the guarded model."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db, errors, log
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.tutor import bands, guard, interface, passages, prompt, speaking, store, voices, words
from shuyuan.learning.tutor import talk as talks
from shuyuan.maas.gateway import interface as gateway_api

_EARLIER_TURNS = 2
_FIND_DEADLINE_S = 1.5
_logger = log.get("learning.tutor")


@dataclass(frozen=True)
class Turns:
    """Runs turns. `readiness`: how the voice is for a learner, or why it is silent; `next_hint` opens one."""

    db: db.Database
    transcript: store.Transcript
    courses: courses_api.Courses
    gateway: gateway_api.Gateway
    voice: voices.Voice
    readiness: Callable[[Principal], voices.Readiness | interface.Standing]
    next_hint: Callable[[talks.Talk], interface.Event | None]

    async def events(self, talk: talks.Talk) -> AsyncIterator[interface.Event]:
        """Everything the learner is told, `done` last. The transcript is stored also when the learner leaves."""
        try:
            async with aclosing(self._order(talk)) as turn:
                async for event in turn:
                    talk.told += [event.text] if event.text else []
                    yield event
            yield talks.done(talk)
        except errors.ShuyuanError as failure:
            talk.outcome = "failed"
            _logger.warning("tutor_turn_failed", code=failure.error_code)
            note = speaking.note(words.UNAVAILABLE[talk.language], failure.error_code)
            talk.told.append(note.text)
            yield note
            yield talks.done(talk)

    async def end(self, talk: talks.Talk) -> None:
        """Store what was said."""
        await self.db.write_async(
            lambda uow: self.transcript.end(
                uow,
                turn_id=talk.id,
                learner_id=talk.principal.account_id,
                answer="".join(talk.told).strip(),
                sources=talk.sources,
                hint_number=talk.hint_number,
                replaced=talk.replaced,
                model=talk.model,
                outcome=talk.outcome,
            )
        )

    async def _order(self, talk: talks.Talk) -> AsyncGenerator[interface.Event, None]:
        if talk.judged.harm:
            talk.outcome = "care"
            yield speaking.said(words.CARE[talk.language], draft=False)
            return
        if talk.judged.blocked(talk.age_band):
            talk.outcome = "withheld"
            yield speaking.said(words.WITHHELD[talk.language], draft=False)
            return
        if words.is_courtesy(talk.message):
            talk.outcome = "courtesy"
            yield speaking.said(words.COURTESY[talk.language], draft=False)
            return
        if talk.still_open and words.asks_for_the_answer(talk.message):
            talk.outcome = "refused"
            yield speaking.said(words.REFUSAL[talk.language] + "\n", draft=False)
            if talk.hint:
                yield talk.hint
            return
        if talk.hint:
            yield talk.hint
        found = await self._find(talk)
        for one in found[:1]:
            talk.sources = (one.source(talk.language),)
            yield talks.source(talk.sources[0])
        async for event in self._model(talk, found[0] if found else None):
            yield event

    async def _model(self, talk: talks.Talk, found: passages.Found | None) -> AsyncIterator[interface.Event]:
        """The model's words, or a note why none come; the hint stands either way."""
        ready = await asyncio.to_thread(self.readiness, talk.principal)
        if isinstance(ready, interface.Standing):
            talk.outcome = "hints"
            yield talks.silence(ready, talk.language)
            return
        if ready.state == "waking" or ready.ahead:
            yield interface.Event("queue", data={"ahead": ready.ahead, "state": ready.state})
        try:
            async for event in self._speak(talk, found):
                yield event
        except gateway_api.ContentPolicy as kept:
            talk.outcome = "withheld"
            told = words.WITHHELD_ANSWER if isinstance(kept, bands.Withheld) else words.WITHHELD
            yield speaking.note(told[talk.language], "policy")
        except errors.RateLimited as full:
            talk.outcome = "hints"
            of_quota = isinstance(full, gateway_api.QuotaFull)
            told = words.QUOTA_FULL if of_quota else words.BUSY
            yield speaking.note(told[talk.language], "quota" if of_quota else "busy")

    async def _speak(self, talk: talks.Talk, found: passages.Found | None) -> AsyncIterator[interface.Event]:
        watch = guard.Guard(talk.question, talk.language, still_open=talk.still_open, message=talk.message)

        async def next_hint() -> interface.Event | None:
            return await asyncio.to_thread(self.next_hint, talk)

        spoken = speaking.Speaking(talk.language, watch, next_hint)
        asked = f"{talk.message} {talk.question.prompt}"
        told = prompt.messages(
            talk.question,
            talk.language,
            message=talk.message,
            mistake=talk.mistake,
            hint=talk.hint_text,
            earlier=await asyncio.to_thread(self._earlier, talk),
            excerpt=passages.excerpt(found, asked, talk.language) if found else "",
        )
        async with self.voice.speak(talk.principal, told, age_band=talk.age_band) as speech:
            talk.model = speech.version
            async with aclosing(spoken.events(speech.pieces, whole=speech.whole)) as events:
                async for event in events:
                    if talk.first_sentence_ms is None:
                        talk.first_sentence_ms = round((time.perf_counter() - talk.began_s) * 1000)
                    talk.replaced = spoken.replaced
                    yield event
        talk.outcome = "answered"

    def _earlier(self, talk: talks.Talk) -> list[interface.Turn]:
        with self.db.read() as conn:
            turns = self.transcript.of_learner(
                conn,
                talk.principal.school_id,
                talk.principal.account_id,
                limit=_EARLIER_TURNS,
                before=talk.id,
                attempt_id=talk.attempt_id,
                item_id=talk.question.item_id,
            )
        said = [turn for turn in reversed(turns) if turn.language == talk.language]
        return [turn for turn in said if bands.may_be_told(turn.message, talk.age_band)]

    async def _find(self, talk: talks.Talk) -> list[passages.Found]:
        """Passages, best first. Meaning is compared only where the item names no passage: it costs a model call."""
        course = await asyncio.to_thread(self.courses.course, talk.principal.school_id, talk.question.course_id)
        placed = passages.candidates(course, talk.question)
        nearness = None
        if talk.question.passage is None and 1 < len(placed) < gateway_api.MAX_INPUTS:
            with contextlib.suppress(errors.ShuyuanError, TimeoutError):
                nearness = await self._near(talk, [passage.text.of(talk.language) for _, passage in placed])
        return passages.rank(course, talk.question, talk.message, talk.language, nearness)

    async def _near(self, talk: talks.Talk, texts: list[str]) -> list[float] | None:
        """Cosines of the passages to what was asked; None unless the search model is in memory already."""
        statuses = await asyncio.to_thread(self.gateway.models)
        if not any(one.model == "embed" and one.state == "ready" for one in statuses):
            return None
        asked = f"{talk.message} {talk.question.prompt}"
        async with asyncio.timeout(_FIND_DEADLINE_S):
            query = await self.gateway.embed(talk.principal, "embed", [asked], kind="query", purpose="tutor")
            known = await self.gateway.embed(talk.principal, "embed", texts, purpose="tutor")
        return [float(value) for value in known.vectors @ query.vectors[0]]
