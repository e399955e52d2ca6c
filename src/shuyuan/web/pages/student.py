"""Today (what next?) and Me (what is known about me, and who saw it?)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, errors
from shuyuan.learning.assessment.interface import AdaptiveTest, Attempt
from shuyuan.learning.courses.interface import Text
from shuyuan.learning.people.interface import Learner
from shuyuan.learning.recommendation.interface import Activity
from shuyuan.learning.records.interface import Response as Answer
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

ACTIVITIES_SHOWN = 6
ANSWERS_LOOKED_AT = 60  # newest answers that "what moved" looks at
SEEN_SHOWN = 20
RESULTS_FOR = timedelta(days=30)  # a test that is done stays on Today


@dataclass(frozen=True)
class Sitting:
    """A practice that was begun and not finished."""

    attempt_id: str
    title: Text | Mapping[str, str]
    done: int
    total: int


@dataclass(frozen=True)
class PathStep:
    """One step of the small path beside the next activity: done, here, later."""

    kind: str
    name: Text
    mastery: Mastery | None


@dataclass(frozen=True)
class Moved:
    """The topic of the newest answers, and where it stands now."""

    name: Text
    mastery: Mastery
    at: datetime
    n: int
    right: int


@dataclass(frozen=True)
class Redo:
    """Mistakes of one course that are due."""

    course: Text
    n: int


class Today:
    """Gathers the student's Today; teachers see the same page read-only."""

    def __init__(self, needs: web_needs.Needs) -> None:
        self.needs = needs

    def values(self, reader: Principal, learner: Learner, *, watched: bool) -> dict[str, object]:
        """Everything today.html says."""
        activities = self.needs.recommendation.next(reader, learner.id, limit=ACTIVITIES_SHOWN)
        first = activities[0] if activities else None
        sitting = self._sitting(reader, learner.id)
        tests = self._tests(reader, learner.id)
        states = {state for _, state in tests}
        return {
            "name": learner.name,
            "learner_id": learner.id,
            "watched": watched,
            "first": first,
            "topic": self._topic(reader, first),
            "also": [one for one in activities[1:] if one.kind != "mistakes"],
            "redo": self._redo(reader, learner.id, None if sitting else first),
            "sitting": sitting,
            "tests": tests,
            "pending": next((one for one in ("open", "new") if one in states), None),
            "path": self._path(reader, learner.id, first),
            "moved": self._moved(reader, learner.id),
        }

    def _tests(self, reader: Principal, learner_id: str) -> list[tuple[AdaptiveTest, str]]:
        """Adaptive tests to begin, to go on with, or just done: with "new", "open" or "done"."""
        found = []
        for test in self.needs.assessment.tests_for(reader, learner_id):
            attempt_id = test.attempts.get(learner_id)
            if attempt_id is None:
                if test.due_at is None or test.due_at > clock.now():
                    found.append((test, "new"))
            elif self.needs.assessment.attempt(reader, attempt_id).closed_at is None:
                found.append((test, "open"))
            elif clock.now() - test.created_at < RESULTS_FOR:
                found.append((test, "done"))
        return found

    def _redo(self, reader: Principal, learner_id: str, first: Activity | None) -> list[Redo]:
        """One row per course with mistakes to redo, except the course whose mistakes are the next activity."""
        shown = first.course_id if first is not None and first.kind == "mistakes" else None
        due = [one for one in self.needs.recommendation.mistakes(reader, learner_id) if one.due]
        counted = Counter(one.item_id.partition(".")[0] for one in due)
        titles = {one.id: one.title for one in self.needs.courses.courses(reader.school_id)}
        return [Redo(titles[one], n) for one, n in counted.items() if one in titles and one != shown]

    def _topic(self, reader: Principal, first: Activity | None) -> Text | Mapping[str, str]:
        if first is None:
            return {}
        named = self._name(reader, first.course_id, first.point_id) if first.kind == "practice" else None
        return named or first.title

    def _sitting(self, reader: Principal, learner_id: str) -> Sitting | None:
        attempt = self.needs.assessment.open_attempt(reader, learner_id)
        done = sum(1 for slot in attempt.slots if slot.state != "open") if attempt else 0
        if attempt is None or not 0 < done < len(attempt.slots):
            return None
        return Sitting(attempt.id, self._attempt_title(reader, attempt), done, len(attempt.slots))

    def _attempt_title(self, reader: Principal, attempt: Attempt) -> Text:
        return (
            self._name(reader, attempt.course_id, attempt.title_point_id)
            or self.needs.courses.course(reader.school_id, attempt.course_id).title
        )

    def _name(self, reader: Principal, course_id: str, point_id: str | None) -> Text | None:
        if point_id is None:
            return None
        points = self.needs.courses.graph(reader.school_id, course_id).points
        return next((point.name for point in points if point.id == point_id), None)

    def _path(self, reader: Principal, learner_id: str, first: Activity | None) -> list[PathStep]:
        """What one can do already → here → what it opens up."""
        if first is None or first.point_id is None:
            return []
        by_id = {p.id: p for p in self.needs.courses.graph(reader.school_id, first.course_id).points}
        here = by_id.get(first.point_id)
        if here is None:
            return []
        mastery = self.needs.tracing.of_learner(reader, learner_id, [here.id, *here.requires])
        known = sorted((mastery[p] for p in here.requires if p in by_id), key=lambda one: -one.p)
        steps = [PathStep("done", by_id[known[0].point_id].name, known[0])] if known else []
        steps.append(PathStep("here", here.name, mastery[here.id]))
        if first.leads_to in by_id:
            steps.append(PathStep("later", by_id[str(first.leads_to)].name, None))
        return steps

    def _moved(self, reader: Principal, learner_id: str) -> Moved | None:
        newest = self.needs.records.of_learner(reader, learner_id, limit=ANSWERS_LOOKED_AT)
        if not newest or not newest[0].points:
            return None
        point_id = newest[0].points[0]
        same = _same_day(newest, point_id)
        name = self._point_name(reader, point_id)
        if name is None:
            return None
        mastery = self.needs.tracing.of_learner(reader, learner_id, [point_id])[point_id]
        return Moved(name, mastery, newest[0].at, len(same), sum(1 for one in same if one.correct))

    def _point_name(self, reader: Principal, point_id: str) -> Text | None:
        try:
            return self._name(reader, point_id.partition(".")[0], point_id)
        except errors.NotFound:
            return None


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/today`, `/learn/me`."""
    api = APIRouter(include_in_schema=False)
    today_of = Today(needs)

    @api.get("/learn/today")
    def today(request: Request, reader: Reader) -> Response:
        learner = needs.people.learner(reader, reader.account_id)
        values = today_of.values(reader, learner, watched=False)
        return needs.shell.show(request, "learn/today.html", values, principal=reader, here="today")

    @api.get("/learn/me")
    def me(request: Request, reader: Reader) -> Response:
        learner = needs.people.learner(reader, reader.account_id)
        return needs.shell.show(
            request,
            "learn/me.html",
            principal=reader,
            here="me",
            learner=learner,
            answers=needs.records.count_of(reader, learner.id),
            seen=_seen(needs, reader, learner.id),
        )

    return api


def _same_day(newest: Sequence[Answer], point_id: str) -> list[Answer]:
    day = newest[0].at.date()
    return [one for one in newest if point_id in one.points and one.at.date() == day]


def _seen(needs: web_needs.Needs, reader: Principal, learner_id: str) -> list[tuple[datetime, str]]:
    """Who opened the pages, by name where the reader may know it, newest first, one line per person and day."""
    lines: dict[tuple[str, str], tuple[datetime, str]] = {}
    for at, account_id in needs.people.seen(reader, learner_id):
        lines.setdefault((account_id, at.date().isoformat()), (at, account_id))
    names: dict[str, str] = {}
    for _, account_id in lines.values():
        if account_id not in names:
            names[account_id] = _account_name(needs, reader, account_id)
    return [(at, names[account_id]) for at, account_id in list(lines.values())[:SEEN_SHOWN]]


def _account_name(needs: web_needs.Needs, reader: Principal, account_id: str) -> str:
    try:
        return needs.identity.account(reader, account_id).name
    except (errors.NotFound, errors.Forbidden):
        return "–"
