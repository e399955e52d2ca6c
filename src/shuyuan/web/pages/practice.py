"""Practice: the question, its verdict, hints, the tutor without script, and how it went.

Every answer is posted with a client key made when the form was made, so sending it twice counts once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.learning.assessment.interface import Answered, Attempt
from shuyuan.learning.courses.interface import Text
from shuyuan.web import needs as web_needs
from shuyuan.web import shell
from shuyuan.web.answers import Lines
from shuyuan.web.reading import Reader
from shuyuan.web.sitting import Sitting

SEE_OTHER = 303


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/practice/{attempt_id}…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/learn/practice/{attempt_id}")
    def practice(request: Request, reader: Reader, attempt_id: str, item: str = "") -> Response:
        attempt = needs.assessment.attempt(reader, attempt_id)
        if attempt.adaptive_id is not None and attempt.closed_at is None:
            item = needs.assessment.next_of_test(reader, attempt_id) or ""
            attempt = needs.assessment.attempt(reader, attempt_id)
        chosen = item or next((slot.item_id for slot in attempt.slots if slot.state == "open"), "")
        if attempt.closed_at is not None or not chosen:
            return RedirectResponse(f"/learn/practice/{attempt_id}/done", SEE_OTHER)
        return _shown(needs, request, reader, Sitting(needs, reader, attempt), chosen)

    @api.post("/learn/practice/{attempt_id}/answer")
    def answer(
        request: Request,
        reader: Reader,
        attempt_id: str,
        item_id: Annotated[str, Form()],
        client_key: Annotated[str, Form()],
        answer: Annotated[list[str], Form(default_factory=list)],
        seconds: Annotated[float | None, Form()] = None,
    ) -> Response:
        given = [one for one in answer if one.strip()]
        if not given:
            return _shown(
                needs, request, reader, Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id)), item_id
            )
        question = needs.assessment.question(reader, attempt_id, item_id)
        sent = given if question.kind == "multiple" else given[0]
        result = needs.assessment.answer(reader, attempt_id, item_id, sent, client_key=client_key, seconds=seconds)
        sitting = Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id))
        return _shown(needs, request, reader, sitting, item_id, result, given)

    @api.post("/learn/practice/{attempt_id}/hint")
    def hint(
        request: Request,
        reader: Reader,
        attempt_id: str,
        item_id: Annotated[str, Form()],
        shown: Annotated[int, Form()] = 0,
    ) -> Response:
        """Opens the next hint, unless the tutor has opened one since this page showed `shown` of them."""
        sitting = Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id))
        if sitting.slot(item_id).hints_used <= shown:
            needs.assessment.hint(reader, attempt_id, item_id)
            sitting = Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id))
        if not shell.is_part(request):
            return RedirectResponse(f"/learn/practice/{attempt_id}?item={quote(item_id)}#hints", SEE_OTHER)
        return needs.shell.part(request, "learn/hints.html", sitting.values(item_id), principal=reader, focus_last=True)

    @api.get("/learn/practice/{attempt_id}/hints")
    def hints(request: Request, reader: Reader, attempt_id: str, item: str) -> Response:
        """The ladder as it stands: what the page fetches after the tutor has opened a hint."""
        sitting = Sitting(needs, reader, needs.assessment.attempt(reader, attempt_id))
        return needs.shell.part(request, "learn/hints.html", sitting.values(item), principal=reader)

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
            request,
            "learn/done.html",
            _outcome(needs, reader, attempt),
            principal=reader,
            here="today",
            attempt=attempt,
            result=needs.assessment.result(reader, attempt_id) if attempt.adaptive_id and attempt.closed_at else None,
            names={point.id: point.name for point in needs.courses.course(reader.school_id, attempt.course_id).points},
        )

    return api


def _shown(
    needs: web_needs.Needs,
    request: Request,
    reader: Principal,
    sitting: Sitting,
    item_id: str,
    answered: Answered | None = None,
    given: Sequence[str] = (),
) -> Response:
    values = sitting.values(item_id, answered, given) | {
        "saved_at": datetime.now().astimezone() if answered and answered.saved else None
    }
    if shell.is_part(request):
        return needs.shell.part(request, "learn/question.html", values, principal=reader)
    return needs.shell.show(
        request, "learn/practice.html", values | sitting.talk(item_id), principal=reader, here="today"
    )


def _outcome(needs: web_needs.Needs, reader: Principal, attempt: Attempt) -> dict[str, object]:
    """Counts by what counts (first tries; in a test the last answers), each question, and each topic before → after."""
    lines = Lines(needs.courses, reader)
    course = needs.courses.course(reader.school_id, attempt.course_id)
    names = {point.id: point.name for point in course.points}
    questions = [lines.question(slot.item_id, slot.seed) for slot in attempt.slots]
    touched = list(dict.fromkeys(p for question in questions if question for p in question.points if p in names))
    states = _states(needs, reader, attempt)
    return {
        "asked": [(question, one, states[one]) for question, one in zip(questions, states, strict=True)],
        "right": sum(1 for state in states.values() if state == "right"),
        "wrong": sum(1 for state in states.values() if state in ("wrong", "later")),
        "total": len(attempt.slots),
        "is_test": attempt.kind == "test",
        "topics": _topics(needs, reader, attempt, {p: names[p] for p in touched}),
    }


def _states(needs: web_needs.Needs, reader: Principal, attempt: Attempt) -> dict[str, str]:
    """item id → right, wrong, open, or "later": right in the end, but not at the first try, which is what counts."""
    states = {slot.item_id: str(slot.state) for slot in attempt.slots}
    if attempt.kind == "test":
        return states
    firsts = {one.item_id: one.correct for one in needs.records.of_attempt(reader, attempt.id) if one.tries == 1}
    return {one: "later" if state == "right" and not firsts.get(one, True) else state for one, state in states.items()}


def _topics(
    needs: web_needs.Needs, reader: Principal, attempt: Attempt, names: Mapping[str, Text]
) -> list[dict[str, object]]:
    """Each topic of the round with what was understood before and after; before None where nothing counted."""
    around = needs.tracing.around(reader, attempt.learner_id, attempt.id, list(names))
    if not around:
        now = needs.tracing.of_learner(reader, attempt.learner_id, list(names))
        return [{"id": p, "name": name, "before": None, "after": now[p]} for p, name in names.items()]
    return [{"id": p, "name": name, "before": around[p][0], "after": around[p][1]} for p, name in names.items()]
