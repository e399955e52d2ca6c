"""One turn while it lasts, and the events made from what is known of it."""

from dataclasses import dataclass, field
from urllib.parse import quote

from shuyuan.identity.interface import Language, Principal
from shuyuan.learning.assessment.interface import Slot
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.tutor import interface, words
from shuyuan.maas.gateway.interface import Band
from shuyuan.science.text import policy


@dataclass
class Talk:
    """What a learner asked beside which question, and what they have been told so far."""

    id: str
    principal: Principal
    attempt_id: str
    question: courses_api.Question
    slot: Slot
    message: str
    language: Language
    began_s: float  # time.perf_counter() when the message came
    age_band: Band
    mistake: str = ""  # what the learner answered last, where that was wrong, and the common mistake behind it
    hint: interface.Event | None = None
    hint_number: int | None = None
    told: list[str] = field(default_factory=list)
    sources: tuple[interface.Source, ...] = ()
    replaced: int = 0
    model: str = ""
    outcome: interface.Outcome = "left"
    first_sentence_ms: int | None = None
    judged: policy.Judgement = field(default_factory=lambda: policy.Judgement({}))  # what the policy says of it

    @property
    def still_open(self) -> bool:
        """Until it is answered right, the answer is nobody's to tell."""
        return self.slot.state != "right"

    @property
    def needs_no_hint(self) -> bool:
        """Care, what the age band is kept from, and courtesies are answered without the ladder."""
        return self.judged.harm or bool(self.judged.blocked(self.age_band)) or words.is_courtesy(self.message)

    @property
    def hint_text(self) -> str:
        """The hint the learner has just been given."""
        return self.question.hints[self.hint_number - 1] if self.hint_number else ""


def hint(talk: Talk, number: int, *, again: bool = False) -> interface.Event:
    """A step of the ladder; `again` when the whole ladder is open and its last step is said once more."""
    talk.hint_number = number
    lead = words.HINT[talk.language].format(number=number)
    if again:
        lead = words.NO_MORE_HINTS[talk.language].format(of=talk.question.hint_count)
    markdown = lead + talk.hint_text
    return interface.Event(
        "hint",
        f"{markdown}\n",
        courses_api.inline(markdown),
        {"number": number, "of": talk.question.hint_count, "again": again},
    )


def source(source: interface.Source) -> interface.Event:
    """Which passage the model answers from."""
    anchor = source.passage_id.rpartition(".")[2]
    return interface.Event(
        "source",
        data={
            "passage": {
                "id": source.passage_id,
                "lesson_id": source.lesson_id,
                "title": source.title,
                "href": f"/learn/lesson?id={quote(source.lesson_id)}#{anchor}",
            }
        },
    )


def silence(standing: interface.Standing, language: Language) -> interface.Event:
    """Why no model answers, and how far it is when it is on its way."""
    told = standing.reason[language]
    return interface.Event(
        "note",
        told + "\n",
        courses_api.inline(told),
        {"why": standing.voice, "model": standing.model, "progress": standing.progress},
    )


def done(talk: Talk) -> interface.Event:
    """The last event."""
    return interface.Event(
        "done",
        data={
            "turn_id": talk.id,
            "outcome": talk.outcome,
            "replaced": talk.replaced,
            "model": talk.model,
            "language": talk.language,
            "visible_to": words.VISIBLE_TO[talk.language],
            "first_sentence_ms": talk.first_sentence_ms,
        },
    )
