"""A school with a real course, two classes and a voice that says what the test wrote."""

import asyncio
import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shuyuan.compose import Platform
from shuyuan.identity.interface import Language, Principal
from shuyuan.kernel import db
from shuyuan.learning.assessment.interface import Attempt
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.people.interface import AgeBand
from shuyuan.learning.tutor import interface, voices
from shuyuan.learning.tutor.service import TutorService
from shuyuan.maas.gateway import interface as gateway_api

CONTENT = Path(__file__).parents[3] / "content"
COURSE = "year7-expressions"


@dataclass
class ScriptedVoice:
    """Says the pieces it was given; remembers what it was told and whether it was cut short."""

    pieces: Sequence[str] = ("Look at the sign ", "before the bracket. What does it do to each term?")
    ready: voices.Readiness = field(default_factory=lambda: voices.Readiness("ready"))
    failure: Exception | None = None
    hold: asyncio.Event | None = None
    model: str = "scripted"
    asked: list[list[gateway_api.Message]] = field(default_factory=list)
    bands: list[gateway_api.Band] = field(default_factory=list)
    cut_short: int = 0

    def readiness(self) -> voices.Readiness:
        return self.ready

    @asynccontextmanager
    async def speak(
        self, principal: Principal, messages: Sequence[gateway_api.Message], *, age_band: gateway_api.Band
    ) -> AsyncIterator[voices.Speech]:
        self.asked.append(list(messages))
        self.bands.append(age_band)
        done = False

        async def words() -> AsyncIterator[str]:
            nonlocal done
            for piece in self.pieces:
                yield piece
                if self.hold:
                    await self.hold.wait()
            done = True

        if self.failure:
            raise self.failure
        try:
            yield voices.Speech("models:/scripted/1", words())
        finally:
            self.cut_short += not done


class World:
    """One school and a stranger's, on real services."""

    def __init__(self, platform: Platform, voice: voices.Voice | None = None) -> None:
        self.platform, self.voice = platform, voice
        self.identity, self.people = platform.get("identity"), platform.get("people")
        self.courses, self.assessment = platform.get("courses"), platform.get("assessment")
        self.database: db.Database = platform.get("db")
        self.school_id, self.admin = self._school("Ours")
        self.content = _content()
        self.courses.load(self.school_id, self.content, by=self.admin.account_id)
        self.class_id, self.teacher = self._class("7B", "lin")
        self.learner_id, self.pupil = self.add_pupil("01")
        _other_school, self.stranger = self._school("Theirs")

    def tutor(self, voice: voices.Voice) -> TutorService:
        get = self.platform.get
        return TutorService(
            get("db"),
            get("vault"),
            get("audit"),
            get("people"),
            get("courses"),
            get("records"),
            get("assessment"),
            get("gateway"),
            self.platform.settings,
            get("identity"),
            voice=voice,
        )

    def start(self, item_id: str, kind: str = "practice") -> Attempt:
        attempt: Attempt = self.assessment.start(self.pupil, kind=kind, course_id=COURSE, item_ids=[item_id])
        return attempt

    def ask(
        self,
        voice: voices.Voice,
        item_id: str,
        message: str,
        *,
        attempt: Attempt | None = None,
        language: Language = "en",
    ) -> list[interface.Event]:
        """One whole turn."""
        tutor, attempt = self.tutor(voice), attempt or self.start(item_id)

        async def turn() -> list[interface.Event]:
            events = await tutor.ask(self.pupil, attempt.id, item_id, message, language=language)
            return [event async for event in events]

        return asyncio.run(turn())

    def question(self, attempt: Attempt, language: Language = "en") -> courses_api.Question:
        slot = attempt.slots[0]
        question: courses_api.Question = self.courses.question(self.school_id, slot.item_id, slot.seed, language)
        return question

    def item(self, kind: str) -> str:
        """An item of this kind with at least two hints."""
        return next(item.id for item in self.content.items if item.kind == kind and len(item.hints) >= 2)

    def add_pupil(self, number: str, age_band: AgeBand = "13_15") -> tuple[str, Principal]:
        learner_id: str = self.database.write(
            lambda uow: self.people.add_learner(
                uow,
                school_id=self.school_id,
                class_id=self.class_id,
                number=number,
                name=f"小{number}",
                pin=None,
                age_band=age_band,
                language="en",
            )
        )
        return learner_id, self.identity.sign_in_as(learner_id).principal

    def member(self, role: str, login: str) -> Principal:
        account = self.database.write(
            lambda uow: self.identity.create_account(
                uow, school_id=self.school_id, role=role, name=login, login=login, secret=None
            )
        )
        principal: Principal = self.identity.sign_in_as(account).principal
        return principal

    def _school(self, name: str) -> tuple[str, Principal]:
        school = self.identity.create_school(name)
        account = self.database.write(
            lambda uow: self.identity.create_account(
                uow, school_id=school.id, role="admin", name="Admin", login=f"admin-{name}", secret=None
            )
        )
        return school.id, self.identity.sign_in_as(account).principal

    def _class(self, name: str, teacher: str) -> tuple[str, Principal]:
        principal = self.member("teacher", teacher)
        class_ = self.people.create_class(principal, name, course_ids=[COURSE])
        return class_.id, self.identity.sign_in_as(principal.account_id).principal


@functools.cache
def _content() -> courses_api.Content:
    return courses_api.read_folder(CONTENT / COURSE)


def kinds(events: Sequence[interface.Event]) -> list[str]:
    return [event.kind for event in events]


def text_of(events: Sequence[interface.Event], *which: str) -> str:
    return "".join(event.text for event in events if not which or event.kind in which)
