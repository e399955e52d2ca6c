"""One attempt as its page shows it: the question, where it stands, the verdict in words, what the tutor said here."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors, ids
from shuyuan.learning.assessment.interface import Answered, Attempt, Slot
from shuyuan.learning.courses.interface import Question, Text
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Lines

TURNS_LOOKED_AT = 20


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
            "attempt": self.attempt,
            "slot": slot,
            "question": question,
            "position": index + 1,
            "total": len(self.attempt.slots),
            "most": self._most(),
            "states": ["given" if self.attempt.adaptive_id and one.tries else one.state for one in self.attempt.slots],
            "title": self.title(),
            "answered": answered,
            "given": list(given),
            "client_key": ids.new_id(),
            "next_item_id": following,
            "slip": self._slip(answered),
            "moved": self._moved(answered),
            "hints": self._opened(question, slot),
            "is_test": self.attempt.kind == "test",
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

    def _most(self) -> int | None:
        """How many questions an adaptive test asks at most; None in every other sitting."""
        test_id = self.attempt.adaptive_id
        return None if test_id is None else self.needs.assessment.test(self.reader, test_id).most

    def _next_open(self, item_id: str) -> str | None:
        if self.attempt.adaptive_id is not None:
            return None  # chosen by the answer to this one
        order = [slot.item_id for slot in self.attempt.slots]
        at = order.index(item_id)
        turned = [*self.attempt.slots[at + 1 :], *self.attempt.slots[:at]]
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
            Change(names[point], answered.before[point], after)
            for point, after in answered.after.items()
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
