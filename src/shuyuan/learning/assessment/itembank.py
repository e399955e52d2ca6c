"""The numbers of a school's questions: fitted at night, read by teachers in words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment import analysing, bankstore, calibrating, favouring
from shuyuan.learning.assessment.interface import Calibrated, CourseAnalysis, ItemAnalysis
from shuyuan.learning.courses.interface import Courses, Item
from shuyuan.learning.people.interface import Learner, People
from shuyuan.learning.records.interface import Records, Response

DUE_AT = 100  # new answers of the school
REST = timedelta(hours=20)  # between two calibrations
ANSWERS_LOOKED_AT = 20_000
BELIEVED = {"easy": -1.0, "medium": 0.0, "hard": 1.0, None: 0.0}  # difficulty, in deviations of ability


class ItemBankService:
    """The `ItemBank` of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        identity: Identity,
        people: People,
        courses: Courses,
        records: Records,
        settings: kernel_settings.Settings,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._db, self._audit, self._identity, self._clock = db, audit, identity, clock
        self._people, self._courses, self._records = people, courses, records
        self._school_time = ZoneInfo(settings.timezone)

    def calibrate_if_due(self, school_id: str) -> list[Calibrated]:
        now, courses = self._clock(), [one.id for one in self._courses.courses(school_id)]
        if not courses:
            return []
        with self._db.read() as conn:
            last, seen = bankstore.calibrations(conn, school_id), bankstore.seen(conn, school_id)
        answers = self._records.count(school_id)
        late = any(one not in last or now - last[one].at >= REST + kernel_clock.OVERDUE for one in courses)
        overdue = late and answers <= kernel_clock.MOST_BY_DAY
        until = self._identity.exam_until(school_id)
        if not kernel_clock.may_change(now, self._school_time, until, overdue=overdue):
            return []
        fresh = answers - min(seen.get(one, 0) for one in courses)
        if fresh < DUE_AT or any(now - one.at < REST for one in last.values()):
            return []
        return self.calibrate(school_id)

    def calibrate(self, school_id: str) -> list[Calibrated]:
        """The first meeting of each learner who agreed with each question: a later one may be remembered."""
        seen = self._records.count(school_id)
        agreed = self._people.consented(school_id, "improvement")
        marks: dict[tuple[str, str], bool] = {}
        for one in self._records.history(school_id, agreed):
            marks.setdefault((one.learner_id, one.item_id), one.correct)
        courses = [one.id for one in self._courses.courses(school_id)]
        return [self._calibrate(school_id, course_id, seen, marks) for course_id in courses]

    def last(self, principal: Principal) -> datetime | None:
        principal.require("teacher", "admin")
        with self._db.read() as conn:
            found = bankstore.calibrations(conn, principal.school_id)
        return max((one.at for one in found.values()), default=None)

    def analysis(self, principal: Principal, course_id: str, *, point_id: str | None = None) -> CourseAnalysis:
        principal.require("teacher", "admin")
        items = self._items(principal.school_id, course_id, point_id)
        learners = self._learners(principal)
        answers = self._answers(principal, learners, course_id)
        with self._db.read() as conn:
            numbers = bankstore.numbers(conn, principal.school_id, course_id)
            last = bankstore.calibrations(conn, principal.school_id).get(course_id)
        strong = analysing.strengths(answers)
        of_item: dict[str, list[Response]] = {item.id: [] for item in items}
        for one in answers:
            of_item.get(one.item_id, []).append(one)
        rests = calibrating.rests({(one.learner_id, one.item_id): one.correct for one in answers})
        groups, favours, compared = favouring.favours(learners, answers, list(of_item))
        found = [
            analysing.analysis(
                item,
                numbers.get(item.id),
                of_item[item.id],
                strong,
                favours.get(item.id, ()),
                rests.get(item.id, (None, 0)),
            )
            for item in items
        ]
        return CourseAnalysis(last, tuple(sorted(found, key=_flagged_first)), groups, compared)

    def _calibrate(
        self, school_id: str, course_id: str, seen: int, marks: Mapping[tuple[str, str], bool]
    ) -> Calibrated:
        priors = {item.id: prior(item) for item in self._items(school_id, course_id, None)}
        here = {key: right for key, right in marks.items() if key[1] in priors}
        found = calibrating.calibrate(here, priors)
        fitted = sum(one.fitted for one in found.values())
        learners = len({who for who, _ in here})
        made = Calibrated(course_id, self._clock(), learners, len(here), len(found), fitted)
        self._db.write(partial(self._keep, school_id, made, seen, found))
        return made

    def _keep(
        self,
        school_id: str,
        made: Calibrated,
        seen: int,
        found: Mapping[str, calibrating.Number],
        uow: kernel_db.UnitOfWork,
    ) -> None:
        bankstore.replace_numbers(uow, school_id, made, seen, found)
        self._audit.record(
            uow,
            school_id=school_id,
            actor_id=kernel_audit.SYSTEM,
            action="questions.calibrated",
            object_id=made.course_id,
            items=made.items,
            fitted=made.fitted,
            answers=made.answers,
        )

    def _items(self, school_id: str, course_id: str, point_id: str | None) -> list[Item]:
        points = [one.id for one in self._courses.graph(school_id, course_id).points]
        if point_id is not None and point_id not in points:
            raise errors.NotFound(f"course {course_id} has no point {point_id[:80]}", fix="use a point of this course")
        wanted = points if point_id is None else [point_id]
        names = dict.fromkeys(item for point in wanted for item in self._courses.items_of_point(school_id, point))
        return [self._courses.item(school_id, name) for name in names]

    def _learners(self, principal: Principal) -> list[Learner]:
        classes = self._people.classes(principal)
        return [one for each in classes for one in self._people.learners(principal, each.id)]

    def _answers(self, principal: Principal, learners: Sequence[Learner], course_id: str) -> list[Response]:
        """First tries that count, newest first, each learner's first meeting with a question only."""
        ids = [one.id for one in learners]
        found = self._records.of_learners(principal, ids, limit=ANSWERS_LOOKED_AT)
        first: dict[tuple[str, str], Response] = {}
        for one in found:
            if one.counts and one.item_id.startswith(f"{course_id}."):
                first[one.learner_id, one.item_id] = one
        return list(first.values())


def prior(item: Item) -> calibrating.Prior:
    """What is believed of a question before any answer: its author's word, and blind luck."""
    return calibrating.Prior(BELIEVED[item.difficulty], min(0.5, analysing.by_chance(item)))


def numbers_of(items: Iterable[Item], known: Mapping[str, calibrating.Number]) -> dict[str, calibrating.Number]:
    """The numbers of these questions: those of the last calibration, else the author's word."""
    return {item.id: known.get(item.id) or calibrating.believed(prior(item)) for item in items}


def _flagged_first(one: ItemAnalysis) -> tuple[bool, int, int]:
    return (not one.flags, -len(one.flags), -one.answers)
