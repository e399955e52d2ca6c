"""The verbs of the tutor: ask, standing, transcript."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import quote

from shuyuan.identity.interface import Identity, Language, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, crypto, errors, ids, log
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment.interface import Assessment, Slot
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.people.interface import People
from shuyuan.learning.tutor import guard, interface, passages, prompt, speaking, store, voices, words
from shuyuan.maas.gateway import interface as gateway_api

_EARLIER_TURNS = 2
_FIND_DEADLINE_S = 1.5
_logger = log.get("learning.tutor")


@dataclass
class _Talk:
    """One turn while it lasts."""

    id: str
    principal: Principal
    attempt_id: str
    question: courses_api.Question
    slot: Slot
    message: str
    language: Language
    began_s: float
    hint: interface.Event | None = None
    hint_number: int | None = None
    told: list[str] = field(default_factory=list)
    sources: tuple[interface.Source, ...] = ()
    replaced: int = 0
    model: str = ""
    outcome: interface.Outcome = "left"
    first_word_s: float | None = None

    @property
    def still_open(self) -> bool:
        """Until it is answered right, the answer is nobody's to tell."""
        return self.slot.state != "right"


class TutorService:
    """Implements `interface.Tutor`."""

    def __init__(
        self, db: kernel_db.Database, vault: crypto.Vault, audit: kernel_audit.Audit, identity: Identity,
        people: People, courses: courses_api.Courses, assessment: Assessment, gateway: gateway_api.Gateway,
        settings: kernel_settings.Settings, *, voice: voices.Voice | None = None, now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._audit, self._identity, self._now = db, audit, identity, now
        self._people, self._courses, self._assessment, self._gateway = people, courses, assessment, gateway
        self._voice = voice or voices.voice_of(settings, gateway)
        self._transcript = store.Transcript(vault)
        self._ending: set[asyncio.Task[None]] = set()

    async def ask(
        self, principal: Principal, attempt_id: str, item_id: str, message: str, *, language: Language | None = None
    ) -> AsyncIterator[interface.Event]:
        """See `interface.Tutor.ask`."""
        began_s = time.perf_counter()
        talk = await asyncio.to_thread(self._begin, principal, attempt_id, item_id, message, language, began_s)
        return self._events(talk)

    def standing(self, principal: Principal) -> interface.Standing:
        """Whether a model may and can answer this learner now, and who reads along."""
        if self._closed_to(principal):
            return _standing("off", words.OFF_IN_TEST)
        ready = self._readiness(principal)
        return ready if isinstance(ready, interface.Standing) else _standing("on", words.ON, self._voice.model)

    def transcript(
        self, principal: Principal, learner_id: str, *, limit: int = 50, before: str | None = None
    ) -> Sequence[interface.Turn]:
        """Newest first; a reading by somebody else is noted where the learner can see it."""
        learner = self._people.learner(principal, learner_id)
        if principal.account_id != learner.id:
            self._people.record_view(principal, learner.id)
            self._db.write(lambda uow: self._audit.record(
                uow, school_id=principal.school_id, actor_id=principal.account_id, action="transcript.read",
                object_id=learner.id))
        with self._db.read() as conn:
            return self._transcript.of_learner(
                conn, principal.school_id, learner.id, limit=max(1, min(limit, 200)), before=before)

    async def drain(self) -> None:
        """Wait until every turn under way is stored."""
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    # --- a turn, in order -------------------------------------------------------------------------------

    def _begin(
        self, principal: Principal, attempt_id: str, item_id: str, message: str, language: Language | None,
        began_s: float,
    ) -> _Talk:
        """Check, store the question, open a hint: all that needs no model."""
        said = _checked(message)
        attempt = self._assessment.attempt(principal, attempt_id)
        if attempt.learner_id != principal.account_id:
            raise errors.NotFound(f"no attempt {attempt_id}", fix="ask beside a question of your own practice")
        if attempt.kind == "test" or self._closed_to(principal):
            raise interface.TutorOff("a test is running: the tutor is off", fix="hand in the test first")
        if attempt.closed_at is not None:
            raise errors.Conflict("this practice is finished", fix="start a new one", code="attempt_closed")
        question = self._assessment.question(principal, attempt_id, item_id)
        slot = next(slot for slot in attempt.slots if slot.item_id == item_id)
        spoken = words.language_of(said) or language or principal.language
        if question.language != spoken:
            question = self._courses.question(principal.school_id, item_id, question.seed, spoken)
        talk = _Talk(ids.new_id(), principal, attempt_id, question, slot, said, spoken, began_s)
        self._db.write(lambda uow: self._transcript.begin(
            uow, turn_id=talk.id, school_id=principal.school_id, learner_id=principal.account_id,
            attempt_id=attempt_id, item_id=item_id, language=spoken, message=said))
        if talk.still_open and not words.is_courtesy(said):
            talk.hint = self._next_hint(talk) or _last_hint(talk)
        return talk

    async def _events(self, talk: _Talk) -> AsyncIterator[interface.Event]:
        try:
            async with aclosing(self._turn(talk)) as turn:
                async for event in turn:
                    if event.text:
                        talk.told.append(event.text)
                    yield event
            yield self._done(talk)
        except errors.ShuyuanError as failure:
            talk.outcome = "failed"
            _logger.warning("tutor_turn_failed", code=failure.error_code)
            yield speaking.note(words.UNAVAILABLE[talk.language], failure.error_code)
            yield self._done(talk)
        finally:
            ending = asyncio.get_running_loop().create_task(self._end(talk))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)

    async def _turn(self, talk: _Talk) -> AsyncGenerator[interface.Event, None]:
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
            yield _source(talk.sources[0])
        async for event in self._model(talk, found[0] if found else None):
            yield event

    async def _model(self, talk: _Talk, found: passages.Found | None) -> AsyncIterator[interface.Event]:
        """The model's words, or a note why none come; the hint stands either way."""
        ready = await asyncio.to_thread(self._readiness, talk.principal)
        if isinstance(ready, interface.Standing):
            talk.outcome = "hints"
            yield _silence(ready, talk.language)
            return
        if ready.state == "waking" or ready.ahead:
            yield interface.Event("queue", data={"ahead": ready.ahead, "state": ready.state})
        try:
            async for event in self._speak(talk, found):
                yield event
        except errors.RateLimited as full:
            talk.outcome = "hints"
            of_quota = isinstance(full, gateway_api.QuotaFull)
            told = words.QUOTA_FULL if of_quota else words.BUSY
            yield speaking.note(told[talk.language], "quota" if of_quota else "busy")

    async def _speak(self, talk: _Talk, found: passages.Found | None) -> AsyncIterator[interface.Event]:
        watch = guard.Guard(talk.question, talk.language, still_open=talk.still_open)

        async def next_hint() -> interface.Event | None:
            return await asyncio.to_thread(self._next_hint, talk)

        spoken = speaking.Speaking(talk.language, watch, next_hint)
        earlier = await asyncio.to_thread(self._earlier, talk)
        told = prompt.messages(
            talk.question, talk.language, message=talk.message, earlier=earlier,
            excerpt=passages.excerpt(found, f"{talk.message} {talk.question.prompt}", talk.language) if found else "",
            hint=talk.question.hints[talk.hint_number - 1] if talk.hint_number else "",
        )
        async with self._voice.speak(talk.principal, told) as speech:
            talk.model = speech.version
            async with aclosing(spoken.events(speech.pieces)) as events:
                async for event in events:
                    if talk.first_word_s is None:
                        talk.first_word_s = time.perf_counter() - talk.began_s
                    talk.replaced = spoken.replaced
                    yield event
        talk.outcome = "answered"

    async def _end(self, talk: _Talk) -> None:
        await self._db.write_async(lambda uow: self._transcript.end(
            uow, turn_id=talk.id, learner_id=talk.principal.account_id, answer="".join(talk.told).strip(),
            sources=talk.sources, hint_number=talk.hint_number, replaced=talk.replaced, model=talk.model,
            outcome=talk.outcome))

    # --- parts ------------------------------------------------------------------------------------------

    def _closed_to(self, principal: Principal) -> bool:
        until = principal.suspended_until
        return (until is not None and until > self._now()) or self._assessment.in_test(principal.account_id)

    def _readiness(self, principal: Principal) -> voices.Readiness | interface.Standing:
        """How the voice is, or why it may not or cannot speak.

        A class is on by itself when everyone is above the school's age line, else when a teacher says so.
        """
        learner = self._people.learner(principal, principal.account_id)
        if not self._people.class_(principal, learner.class_id).tutor_on:
            return _standing("off", words.OFF_IN_CLASS)
        ready = self._voice.readiness()
        if ready.state == "loading":
            return _standing("loading", _loading(ready.progress), self._voice.model, ready.progress)
        if ready.state == "unavailable":
            return _standing("unavailable", words.UNAVAILABLE, self._voice.model)
        return ready

    def _next_hint(self, talk: _Talk) -> interface.Event | None:
        try:
            number, texts = self._assessment.hint(talk.principal, talk.attempt_id, talk.question.item_id)
        except errors.NotFound:
            return None
        talk.hint_number = number
        return _hint(talk, number, texts[talk.language])

    def _earlier(self, talk: _Talk) -> list[interface.Turn]:
        with self._db.read() as conn:
            turns = self._transcript.of_learner(
                conn, talk.principal.school_id, talk.principal.account_id, limit=_EARLIER_TURNS, before=talk.id,
                attempt_id=talk.attempt_id, item_id=talk.question.item_id)
        return [turn for turn in reversed(turns) if turn.language == talk.language]

    async def _find(self, talk: _Talk) -> list[passages.Found]:
        """Passages, best first. Meaning is compared only where the item names no passage: it costs a model call."""
        course = await asyncio.to_thread(self._courses.course, talk.principal.school_id, talk.question.course_id)
        placed = passages.candidates(course, talk.question)
        nearness = None
        if talk.question.passage is None and 1 < len(placed) < gateway_api.MAX_INPUTS:
            with contextlib.suppress(errors.ShuyuanError, TimeoutError):
                nearness = await self._near(talk, [passage.text.of(talk.language) for _, passage in placed])
        return passages.rank(course, talk.question, talk.message, talk.language, nearness)

    async def _near(self, talk: _Talk, texts: list[str]) -> list[float] | None:
        statuses = await asyncio.to_thread(self._gateway.models)
        if not any(one.model == "embed" and one.state == "ready" for one in statuses):
            return None
        async with asyncio.timeout(_FIND_DEADLINE_S):
            asked = f"{talk.message} {talk.question.prompt}"
            query = await self._gateway.embed(talk.principal, "embed", [asked], kind="query", purpose="tutor")
            known = await self._gateway.embed(talk.principal, "embed", texts, purpose="tutor")
        return [float(value) for value in known.vectors @ query.vectors[0]]

    def _done(self, talk: _Talk) -> interface.Event:
        ms = None if talk.first_word_s is None else round(talk.first_word_s * 1000)
        return interface.Event("done", data={
            "turn_id": talk.id, "outcome": talk.outcome, "replaced": talk.replaced, "model": talk.model,
            "language": talk.language, "visible_to": words.VISIBLE_TO[talk.language], "first_sentence_ms": ms})


def _checked(message: str) -> str:
    said = message.strip()
    if not 0 < len(said) <= interface.MAX_MESSAGE_CHARS:
        raise errors.BadInput(f"the message has {len(said)} characters",
                              fix=f"write 1 to {interface.MAX_MESSAGE_CHARS}", code="bad_message")
    return said


def _hint(talk: _Talk, number: int, markdown: str, *, again: bool = False) -> interface.Event:
    lead = words.HINT[talk.language].format(number=number)
    if again:
        lead = words.NO_MORE_HINTS[talk.language].format(of=talk.question.hint_count)
    return interface.Event("hint", f"{lead}{markdown}\n", courses_api.inline(lead + markdown), {
        "number": number, "of": talk.question.hint_count, "again": again})


def _last_hint(talk: _Talk) -> interface.Event | None:
    """When the whole ladder is open, its last step once more."""
    if not talk.question.hints:
        return None
    talk.hint_number = len(talk.question.hints)
    return _hint(talk, talk.hint_number, talk.question.hints[-1], again=True)


def _source(source: interface.Source) -> interface.Event:
    anchor = source.passage_id.rpartition(".")[2]
    return interface.Event("source", data={"passage": {
        "id": source.passage_id, "lesson_id": source.lesson_id, "title": source.title,
        "href": f"/learn/lesson?id={quote(source.lesson_id)}#{anchor}",
    }})


def _loading(progress: float | None) -> words.Both:
    share = "…" if progress is None else f"{progress:.0%}"
    return {"zh": words.LOADING["zh"].format(progress=share), "en": words.LOADING["en"].format(progress=share)}


def _silence(standing: interface.Standing, language: Language) -> interface.Event:
    told = standing.reason[language]
    return interface.Event("note", told + "\n", courses_api.inline(told), {
        "why": standing.voice, "model": standing.model, "progress": standing.progress})


def _standing(
    voice: interface.Voice, reason: words.Both, model: str = "", progress: float | None = None
) -> interface.Standing:
    return interface.Standing(voice, reason, words.VISIBLE_TO, model, progress)
