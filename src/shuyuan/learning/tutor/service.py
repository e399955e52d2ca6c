"""The verbs of the tutor: ask, standing, transcript, and who sees signs of harm."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from shuyuan.identity.interface import Identity, Language, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, crypto, errors, ids
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment.interface import Assessment
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tutor import bands, interface, store, turn, voices, words
from shuyuan.learning.tutor import care as tutor_care
from shuyuan.learning.tutor import talk as talks
from shuyuan.maas.gateway import interface as gateway_api

_MOST_TURNS, _MISTAKE_CHARS = 200, 120


class TutorService:
    """Implements `interface.Tutor`."""

    def __init__(
        self,
        db: kernel_db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        people: People,
        courses: courses_api.Courses,
        records: Records,
        assessment: Assessment,
        gateway: gateway_api.Gateway,
        settings: kernel_settings.Settings,
        identity: Identity,
        *,
        voice: voices.Voice | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._audit, self._now, self._identity = db, audit, now, identity
        self._people, self._courses, self._records, self._assessment = people, courses, records, assessment
        self._voice = voice or voices.voice_of(settings, gateway)
        self._transcript = store.Transcript(vault)
        self.care = tutor_care.Care(db, audit, people, identity, self._transcript, now)
        self._turns = turn.Turns(db, self._transcript, courses, gateway, self._voice, self._readiness, self._next_hint)
        self._ending: set[asyncio.Task[None]] = set()

    async def ask(
        self, principal: Principal, attempt_id: str, item_id: str, message: str, *, language: Language | None = None
    ) -> AsyncIterator[interface.Event]:
        """See `interface.Tutor.ask`."""
        began_s = time.perf_counter()
        talk = await asyncio.to_thread(self._begin, principal, attempt_id, item_id, message, language, began_s)
        return self._run(talk)

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
            self._db.write(
                lambda uow: self._audit.record(
                    uow,
                    school_id=principal.school_id,
                    actor_id=principal.account_id,
                    action="transcript.read",
                    object_id=learner.id,
                )
            )
        with self._db.read() as conn:
            return self._transcript.of_learner(
                conn, principal.school_id, learner.id, limit=max(1, min(limit, _MOST_TURNS)), before=before
            )

    def concerns(self, principal: Principal) -> Sequence[interface.Concern]:
        """Signs of harm that the caller answers for, unseen ones first."""
        return self.care.concerns(principal)

    def concern_chat(self, principal: Principal, concern_id: str) -> tuple[interface.Concern, Sequence[interface.Turn]]:
        """The chat a sign of harm stands in; the reading is audited."""
        return self.care.chat(principal, concern_id)

    def see_concern(self, principal: Principal, concern_id: str) -> None:
        """Mark as seen; audited."""
        self.care.see(principal, concern_id)

    async def drain(self) -> None:
        """Wait until every turn under way is stored."""
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def _run(self, talk: talks.Talk) -> AsyncIterator[interface.Event]:
        try:
            async for event in self._turns.events(talk):
                yield event
        finally:  # also when the learner has left: the write goes on by itself
            ending = asyncio.get_running_loop().create_task(self._turns.end(talk))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)

    def _begin(
        self,
        principal: Principal,
        attempt_id: str,
        item_id: str,
        message: str,
        language: Language | None,
        began_s: float,
    ) -> talks.Talk:
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
        mistake = self._last_mistake(principal, attempt_id, question) if slot.state == "wrong" else ""
        learner = self._people.learner(principal, principal.account_id)
        band = bands.band_of(learner.age_band, self._identity.school(principal.school_id).age_line)
        talk = talks.Talk(
            ids.new_id(),
            principal,
            attempt_id,
            question,
            slot,
            said,
            spoken,
            began_s,
            band,
            mistake,
            judged=bands.judged(said, band),
        )
        self._db.write(lambda uow: self._keep(uow, talk, learner.class_id))
        if talk.still_open and not talk.needs_no_hint:
            talk.hint = self._next_hint(talk) or _last_hint(talk)
        return talk

    def _keep(self, uow: kernel_db.UnitOfWork, talk: talks.Talk, class_id: str) -> None:
        """The question, and in the same unit word of it to whoever must know."""
        self._transcript.begin(
            uow,
            turn_id=talk.id,
            school_id=talk.principal.school_id,
            learner_id=talk.principal.account_id,
            attempt_id=talk.attempt_id,
            item_id=talk.question.item_id,
            language=talk.language,
            message=talk.message,
        )
        if talk.judged.harm:
            self.care.note_turn(uow, talk.principal, talk.id, class_id)

    def _last_mistake(self, principal: Principal, attempt_id: str, question: courses_api.Question) -> str:
        """What the learner answered last, in words, with the common mistake behind it where it is known."""
        given = [one for one in self._records.of_attempt(principal, attempt_id) if one.item_id == question.item_id]
        last = max(given, key=lambda one: one.at, default=None)
        if last is None or last.correct:
            return ""
        chosen = {choice.id: choice.text for choice in question.choices}
        said = "; ".join(chosen.get(part, part) for part in last.answer.split(",")) if chosen else last.answer
        known = self._courses.course(principal.school_id, question.course_id).misconceptions
        named = next((m.name.of(question.language) for m in known if m.id == last.misconception), "")
        return f"{said[:_MISTAKE_CHARS]} ({named})" if named else said[:_MISTAKE_CHARS]

    def _next_hint(self, talk: talks.Talk) -> interface.Event | None:
        try:
            number, _texts = self._assessment.hint(talk.principal, talk.attempt_id, talk.question.item_id)
        except errors.NotFound:
            return None
        return talks.hint(talk, number)

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
            return _standing("loading", words.loading(ready.progress), self._voice.model, ready.progress)
        if ready.state == "unavailable":
            return _standing("unavailable", words.UNAVAILABLE, self._voice.model)
        return ready


def _checked(message: str) -> str:
    said = message.strip()
    if not 0 < len(said) <= interface.MAX_MESSAGE_CHARS:
        raise errors.BadInput(
            f"the message has {len(said)} characters",
            fix=f"write 1 to {interface.MAX_MESSAGE_CHARS}",
            code="bad_message",
        )
    return said


def _last_hint(talk: talks.Talk) -> interface.Event | None:
    return talks.hint(talk, len(talk.question.hints), again=True) if talk.question.hints else None


def _standing(
    voice: interface.Voice, reason: words.Both, model: str = "", progress: float | None = None
) -> interface.Standing:
    return interface.Standing(voice, reason, words.VISIBLE_TO, model, progress)
