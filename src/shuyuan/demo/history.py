"""Three weeks of answers, graded by the real grader and traced by the real tracer, dated backwards."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Literal

from shuyuan.demo import pupils, slips
from shuyuan.kernel import db, ids
from shuyuan.learning.courses.interface import Answer, Courses, Item
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Tracing

WEEKS, ANSWERS_A_DAY, LATE_ANSWERS = 3, 7, 2
SHOWN = 0.5  # how often a stuck pupil is asked what shows the mistake
CHINA = timezone(timedelta(hours=8))
Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Sitting:
    """What one pupil is asked at one go: (point, depth) each."""

    pupil: pupils.Pupil
    learner_id: str
    asked: Sequence[tuple[str, float]]
    at: datetime


@dataclass(frozen=True)
class Writer:
    """Stores simulated answers the way an answer is stored: response and mastery in one unit."""

    school_id: str
    database: db.Database
    courses: Courses
    records: Records
    tracing: Tracing

    def write(self, sittings: Iterable[Sitting], rng: random.Random) -> None:
        """An answer to an item of each asked point, a minute or so apart; all sittings in one unit."""
        answers = [response for sitting in sittings for response in self._answers(sitting, rng)]

        def work(uow: db.UnitOfWork) -> None:
            for response in answers:
                self._store(uow, response)

        self.database.write(work)

    def _answers(self, sitting: Sitting, rng: random.Random) -> Iterator[Response]:
        pupil, at = sitting.pupil, sitting.at
        attempt_id = ids.new_id()
        for point_id, depth in sitting.asked:
            item, seed = self._pick(pupil, point_id, rng), rng.randrange(1_000_000)
            item_id = item.id
            right = rng.random() < pupil.p_correct(item_id, item.points, depth)
            answer = self._written(pupil, item_id, seed, right, rng)
            verdict = self.courses.grade(self.school_id, item_id, seed, answer)
            at += timedelta(seconds=rng.uniform(25, 95))
            for point in item.points:
                pupil.practice[point] = pupil.practice.get(point, 0) + 1
            yield Response(
                id=ids.new_id(),
                school_id=self.school_id,
                learner_id=sitting.learner_id,
                attempt_id=attempt_id,
                item_id=item_id,
                points=item.points,
                seed=seed,
                answer=_as_text(answer),
                correct=verdict.correct,
                misconception=verdict.misconception,
                hints_used=0 if verdict.correct else rng.randrange(2),
                seconds=round(rng.uniform(20, 90), 1),
                p_before=None,
                tracer_version=None,
                client_key=ids.new_id(),
                at=at,
            )

    def _pick(self, pupil: pupils.Pupil, point_id: str, rng: random.Random) -> Item:
        """An item of the point. Pupils stuck on it meet their mistake every other time; otherwise they get items that
        do not touch what they are stuck on, or nothing else than that."""
        names = self.courses.items_of_point(self.school_id, point_id)
        items = [self.courses.item(self.school_id, name) for name in names]
        if pupil.is_stuck_on([point_id]):
            wanted = rng.random() < SHOWN
            fitting = [item for item in items if (_shows(item, pupil.mistake) if wanted else len(item.points) == 1)]
        else:
            fitting = [item for item in items if not pupil.is_stuck_on(item.points)]
        return rng.choice(fitting or items)

    def _written(self, pupil: pupils.Pupil, item_id: str, seed: int, right: bool, rng: random.Random) -> Answer:
        key = self.courses.question(self.school_id, item_id, seed, "zh").key.answer
        if right:
            return key
        mistake = pupil.favourite_mistake(self.courses.wrong_answers(self.school_id, item_id, seed), rng)
        if mistake:
            return mistake[0]
        points = self.courses.graph(self.school_id, item_id.partition(".")[0]).points
        return _miss(key, self._choice_ids(item_id, seed), [point.name.of("zh") for point in points], seed, rng)

    def _choice_ids(self, item_id: str, seed: int) -> list[str]:
        return [choice.id for choice in self.courses.question(self.school_id, item_id, seed, "zh").choices]

    def _store(self, uow: db.UnitOfWork, response: Response) -> None:
        step = self.tracing.update(
            uow,
            school_id=self.school_id,
            learner_id=response.learner_id,
            item_id=response.item_id,
            points=response.points,
            correct=response.correct,
            at=response.at,
            helped=response.hints_used > 0,
        )
        traced = {"p_before": step.p_before, "tracer_version": step.tracer_version}
        self.records.append(uow, Response(**{**vars(response), **traced}))


def school_days(now: datetime) -> list[datetime]:
    """The afternoons of the last three weeks' school days, oldest first, none of them today."""
    today = now.astimezone(CHINA).date()
    days = [today - timedelta(days=back) for back in range(7 * WEEKS, 0, -1)]
    return [datetime.combine(day, time(15, 10), CHINA) for day in days if day.weekday() < 5]


def plan(points: Sequence[str], day: int, days: int, rng: random.Random) -> list[tuple[str, float]]:
    """What a pupil is asked that day: mostly the class's current point, then a few earlier ones."""
    frontier = min(len(points) - 1, day * len(points) // days)
    current = [frontier] * 4
    earlier = [rng.randint(max(0, frontier - 4), frontier) for _ in range(ANSWERS_A_DAY - len(current))]
    return [(points[index], index / len(points)) for index in sorted(current + earlier)]


def _shows(item: Item, mistake: str) -> bool:
    """Whether one of the item's typical wrong answers is this mistake."""
    typical = item.choices if item.kind == "single" or item.kind == "multiple" else item.wrong
    return any((one.misconception or "").endswith(mistake) for one in typical)


def _miss(
    key: str | Sequence[str], choice_ids: Sequence[str], words: Sequence[str], seed: int, rng: random.Random
) -> Answer:
    """A wrong answer without a known misconception behind it. words: names of topics, for a word to be filled in."""
    if not isinstance(key, str):
        others = [choice for choice in choice_ids if choice not in key]
        return [rng.choice(others)] if others else []
    if choice_ids:
        return rng.choice([choice for choice in choice_ids if choice != key])
    try:
        return str(int(key) + rng.choice((-2, -1, 1, 2)))
    except ValueError:
        return slips.near(key, words, seed)


def _as_text(answer: Answer) -> str:
    return answer if isinstance(answer, str) else ",".join(answer)
