"""What other modules may know of the tutor: its events, the transcript, why it is silent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.identity.interface import Language, Principal
from shuyuan.kernel import errors

Kind = Literal["hint", "source", "queue", "note", "sentence", "replaced", "done"]
Voice = Literal["on", "off", "loading", "unavailable"]
Outcome = Literal["answered", "hints", "refused", "courtesy", "care", "withheld", "left", "failed"]
Place = Literal["tutor", "api"]  # where somebody showed signs of harm

MAX_MESSAGE_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing the learner is told. `text` is plain, `html` the same, sanitised.

    hint: number, of, again.  source: passage {id, lesson_id, title, href}.  queue: ahead, state, progress.
    note: why no model answers.  sentence: draft words of a model, or ours (draft False).  replaced: a hint
    in place of a sentence that would have given the answer away.  done: turn_id, visible_to, replaced, model.
    """

    kind: Kind
    text: str = ""
    html: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A passage the model was given to answer from."""

    lesson_id: str
    passage_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what was answered, as its learner and their teachers may read it."""

    id: str
    learner_id: str
    attempt_id: str
    item_id: str
    language: Language
    message: str
    answer: str
    sources: tuple[Source, ...]
    hint_number: int | None
    replaced: int
    model: str
    outcome: Outcome
    asked_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a model may and can answer this learner now, and who reads along."""

    voice: Voice
    reason: Mapping[Language, str]
    visible_to: Mapping[Language, str]
    model: str = ""
    progress: float | None = None


@dataclass(frozen=True, slots=True)
class Concern:
    """A message showed signs of harm: whose, where, when, and who saw to it. Never the words.

    name: of the pupil, or of the holder of the API key; empty once they are erased.  has_chat: it can be opened.
    """

    id: str
    account_id: str
    name: str
    class_name: str
    place: Place
    has_chat: bool
    at: datetime
    seen_at: datetime | None
    seen_by: str


class Tutor(Protocol):
    """Ask beside a question; read what was said."""

    async def ask(
        self, principal: Principal, attempt_id: str, item_id: str, message: str, *, language: Language | None = None
    ) -> AsyncIterator[Event]:
        """The answer as it comes; the first event, a hint, is ready when this returns.

        language None: that of the message, else the learner's. Raises TutorOff in a test or an exam, NotFound
        for somebody else's attempt, BadInput for an empty or too long message.
        """
        ...

    def standing(self, principal: Principal) -> Standing: ...
    def transcript(
        self, principal: Principal, learner_id: str, *, limit: int = 50, before: str | None = None
    ) -> Sequence[Turn]:
        """Newest first: the learner, teachers of their class, administrators. A reading by others is audited."""
        ...

    def concerns(self, principal: Principal) -> Sequence[Concern]:
        """Signs of harm, unseen ones first: of the school for administrators and the person it named, of their own
        pupils for teachers. Forbidden to others."""
        ...

    def concern_chat(self, principal: Principal, concern_id: str) -> tuple[Concern, Sequence[Turn]]:
        """The chat it stands in, newest first; the reading is audited. Empty where there is none."""
        ...

    def see_concern(self, principal: Principal, concern_id: str) -> None:
        """Mark as seen; audited, once."""
        ...


class TutorOff(errors.Forbidden):
    """A test or an exam: nothing here answers, hints neither."""

    code = "tutor_off"
