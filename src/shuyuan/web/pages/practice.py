"""Practice: start, the question, its verdict, hints, and how it went. Also the mistakes notebook (what must I redo?).

Every answer is posted with a client key made when the form was made, so sending it twice counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors, ids
from shuyuan.learning.assessment.interface import Answered, Attempt, AttemptKind, Slot
from shuyuan.learning.courses.interface import Question, Text
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.web import needs as web_needs
from shuyuan.web import shell
from shuyuan.web.answers import Lines
from shuyuan.web.reading import Reader

ROUND = 6  # questions of a practice one starts oneself
TURNS_LOOKED_AT = 20
SEE_OTHER = 303


@dataclass(frozen=True)
class Change:
    """A topic whose shown level moved by this answer."""

    name: Text
    before: Mastery
    after: Mastery


class Sitting:
    """One attempt as its page shows it."""

    def __init__(self, needs: web_needs.Needs, reader: Principal, attempt: Attempt) -> None:
        self.needs, self.reader, self.attempt = needs, reader, attempt
        self._course = needs.courses.course(reader.school_id, attempt.course_id)

    def values(self, item_id: str, answered: Answered | None = None, given: Sequence[str] = ()) -> dict[str, object]:
        """What learn/practice.html says for one question."""
        slot = self.slot(item_id)
        question = self.needs.assessment.question(self.reader, self.attempt.id, item_id)
        index = [one.item_id for one in self.attempt.slots].index(item_id)
        following = answered.next_item_id if answered else self._next_open(item_id)
        return {
            "attempt": self.attempt, "slot": slot, "question": question, "position": index + 1,
            "total": len(self.attempt.slots), "states": [one.state for one in self.attempt.slots],
            "title": self.title(), "answered": answered, "given": list(given), "client_key": ids.new_id(),
            "next_item_id": following, "slip": self._slip(answered), "moved": self._moved(answered),
            "hints": self._opened(question, slot), "is_test": self.attempt.kind == "test",
            "passage": self._passage(question),
        }

    def slot(self, item_id: str) -> Slot:
        """The slot of an item. NotFound when the attempt has no such item."""
        for slot in self.attempt.slots:
            if slot.item_id == item_id:
                return slot
        raise errors.NotFound(f"no question {item_id} in this attempt", fix="go back to Today and start again")

    def title(self) -> Text:
        """The topic, else the course."""
        points = {point.id: point.name for point in self._course.points}
        return points.get(self.attempt.title_point_id or "", self._course.title)

    def _next_open(self, item_id: str) -> str | None:
        order = [slot.item_id for slot in self.attempt.slots]
        at = order.index(item_id)
        turned = [*self.attempt.slots[at + 1:], *self.attempt.slots[:at]]
        return next((slot.item_id for slot in turned if slot.state == "open"), None)

    def _slip(self, answered: Answered | None) -> str:
        if answered is None or answered.verdict is None:
            return ""
        if answered.verdict.reason is not None and answered.verdict.malformed:
            return answered.verdict.reason.of(self.reader.language)
        return Lines(self.needs.courses, self.reader).slip(answered.item_id, answered.verdict.misconception)

    def _moved(self, answered: Answered | None) -> list[Change]:
        if answered is None:
            return []
        names = {point.id: point.name for point in self._course.points}
        return [
            Change(names[point], answered.before[point], after) for point, after in answered.after.items()
            if point in names and point in answered.before and answered.before[point].level != after.level
        ]

    def _opened(self, question: Question, slot: Slot) -> list[str]:
        return list(question.hints[: slot.hints_used])

    def _passage(self, question: Question) -> dict[str, object] | None:
        for lesson in self._course.lessons:
            for passage in lesson.passages:
                if question.passage is not None and passage.id.endswith(f".{question.passage.rpartition('.')[2]}"):
                    anchor = passage.id.rpartition(".")[2]
                    return {"title": passage.title, "href": f"/learn/lesson?id={quote(lesson.id)}#{anchor}"}
        return None

    def talk(self, item_id: str) -> dict[str, object]:
        """What the tutor's corner says: whether it may speak, who reads along, what was said here before."""
        if self.attempt.kind == "test":
            return {"standing": None, "turns": []}
        turns = self.needs.tutor.transcript(self.reader, self.attempt.learner_id, limit=TURNS_LOOKED_AT)
        here = [turn for turn in turns if turn.attempt_id == self.attempt.id and turn.item_id == item_id]
        return {"standing": self.needs.tutor.standing(self.reader), "turns": here[::-1]}


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/start`, `/learn/practise…`, `/learn/practice/{attempt_id}…`."""
    api = APIRouter(include_in_schema=False)
    _starts(api, needs)

    @api.get("/learn/practice/{attempt_id}")
    def practice(request: Request, reader: Reader, attempt_id: str, item: str = "") -> Response:
        attempt = needs.assessment.attempt(reader, attempt_id)
        chosen = item or next((slot.item_id for slot in attempt.slots if slot.state == "open"), "")
        if attempt.closed_at is not None or not chosen:
            return RedirectResponse(f"/learn/practice/{attempt_id}/done", SEE_OTHER)
        return _shown(needs, request, reader, Sitting(needs, reader, attempt), chosen)

    @api.post("/learn/practice/{attempt_id}/answer")
    def answer(
        request: Request, reader: Reader, attempt_id: str, item_id: Annotated[str, Form()],
        client_key: Annotated[str, Form()], answer: Annotated[list[str], Form()] = [],  # noqa: B006
        seconds: Annotated[float | None, Form()] = None,
    ) -> Response:
        given = [one for one in answer if one.strip()]
        if not given:
            return _shown(
                needs, request, reader, Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id)), item_id)
        question = needs.assessment.question(reader, attempt_id, item_id)
        sent = given if question.kind == "multiple" else given[0]
        result = needs.assessment.answer(
            reader, attempt_id, item_id, sent, client_key=client_key, seconds=seconds)
        sitting = Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id))
        return _shown(needs, request, reader, sitting, item_id, result, given)

    @api.post("/learn/practice/{attempt_id}/hint")
    def hint(request: Request, reader: Reader, attempt_id: str, item_id: Annotated[str, Form()]) -> Response:
        needs.assessment.hint(reader, attempt_id, item_id)
        if not shell.is_part(request):
            return RedirectResponse(f"/learn/practice/{attempt_id}?item={quote(item_id)}#hints", SEE_OTHER)
        sitting = Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id))
        return needs.shell.part(
            request, "learn/hints.html", sitting.values(item_id), principal=reader, focus_last=True)

    @api.post("/learn/practice/{attempt_id}/tutor")
    async def ask(
        reader: Reader, attempt_id: str, item_id: Annotated[str, Form()], message: Annotated[str, Form()]
    ) -> Response:
        """Without script: wait for the whole answer, then show it with the question. The one coroutine of the pages."""
        async for _ in await needs.tutor.ask(reader, attempt_id, item_id, message, language=reader.language):
            pass
        return RedirectResponse(f"/learn/practice/{attempt_id}?item={quote(item_id)}#tutor", SEE_OTHER)

    @api.post("/learn/practice/{attempt_id}/close")
    def close(reader: Reader, attempt_id: str) -> Response:
        if needs.assessment.attempt(reader, attempt_id).closed_at is None:
            needs.assessment.close_attempt(reader, attempt_id)
        return RedirectResponse(f"/learn/practice/{attempt_id}/done", SEE_OTHER)

    @api.get("/learn/practice/{attempt_id}/done")
    def done(request: Request, reader: Reader, attempt_id: str) -> Response:
        attempt = needs.assessment.attempt(reader, attempt_id)
        return needs.shell.show(
            request, "learn/done.html", _outcome(needs, reader, attempt), principal=reader, here="today",
            attempt=attempt,
        )

    return api


def _starts(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.post("/learn/start")
    def start(
        reader: Reader, kind: Annotated[str, Form()], course_id: Annotated[str, Form()],
        item_id: Annotated[list[str], Form()] = [], point_id: Annotated[str, Form()] = "",  # noqa: B006
        assignment_id: Annotated[str, Form()] = "",
    ) -> Response:
        if assignment_id:
            return _go(needs.assessment.start_assignment(reader, assignment_id))
        attempt_kind: AttemptKind = "practice" if kind == "practice" else "review"
        return _go(needs.assessment.start(
            reader, kind=attempt_kind, course_id=course_id, item_ids=item_id, point_id=point_id or None))

    @api.post("/learn/practise")
    def practise(reader: Reader, point_id: Annotated[str, Form()]) -> Response:
        course_id = point_id.partition(".")[0]
        items = needs.assessment.choose(
            reader, reader.account_id, course_id=course_id, point_id=point_id, count=ROUND)
        return _go(needs.assessment.start(
            reader, kind="practice", course_id=course_id, item_ids=items, point_id=point_id))

    @api.post("/learn/practise-lesson")
    def practise_lesson(reader: Reader, lesson_id: Annotated[str, Form()]) -> Response:
        course_id, points = lesson_id.partition(".")[0], needs.courses.lesson(reader.school_id, lesson_id).points
        each = max(1, ROUND // max(1, len(points)))
        chosen = [
            needs.assessment.choose(reader, reader.account_id, course_id=course_id, point_id=point, count=each)
            for point in points
        ]
        items = list(dict.fromkeys(item for some in chosen for item in some))
        return _go(needs.assessment.start(reader, kind="practice", course_id=course_id, item_ids=items))


def _go(attempt: Attempt) -> Response:
    return RedirectResponse(f"/learn/practice/{attempt.id}", SEE_OTHER)


def _shown(
    needs: web_needs.Needs, request: Request, reader: Principal, sitting: Sitting, item_id: str,
    answered: Answered | None = None, given: Sequence[str] = (),
) -> Response:
    values = sitting.values(item_id, answered, given) | {
        "saved_at": datetime.now().astimezone() if answered and answered.saved else None}
    if shell.is_part(request):
        return needs.shell.part(request, "learn/question.html", values, principal=reader)
    return needs.shell.show(
        request, "learn/practice.html", values | sitting.talk(item_id), principal=reader, here="today")


def _outcome(needs: web_needs.Needs, reader: Principal, attempt: Attempt) -> dict[str, object]:
    """Counts, each question with its state, and where the topics stand now."""
    lines = Lines(needs.courses, reader)
    course = needs.courses.course(reader.school_id, attempt.course_id)
    names = {point.id: point.name for point in course.points}
    asked = [(slot, lines.question(slot.item_id, slot.seed)) for slot in attempt.slots]
    touched = list(dict.fromkeys(p for _, question in asked if question for p in question.points if p in names))
    mastery = needs.tracing.of_learner(reader, attempt.learner_id, touched)
    answered = [slot for slot in attempt.slots if slot.state != "open"]
    return {
        "asked": asked, "right": sum(1 for slot in answered if slot.state == "right"),
        "wrong": sum(1 for slot in answered if slot.state == "wrong"), "total": len(attempt.slots),
        "topics": [{"id": p, "name": names[p], "mastery": mastery[p]} for p in touched],
    }
