"""What learning in each course brought, pooled over learners who agreed that their results count for others.

A course is told of only while at least `gains.PEERS` learners stand behind its number; below that no row is kept, so
nothing can leak. Each learner weighs the same however much they practised, and no row of any of them is stored.
"""

from statistics import fmean

from shuyuan.kernel import db as kernel_db
from shuyuan.learning.people.interface import Profiles
from shuyuan.learning.recommendation import coursestore, gains
from shuyuan.learning.recommendation.due import Due
from shuyuan.learning.records.interface import Records, Response


class CourseGains:
    """Makes the table anew from all answers, and hands it to whoever ranks."""

    def __init__(self, db: kernel_db.Database, profiles: Profiles, records: Records) -> None:
        self._db, self._profiles, self._records = db, profiles, records
        self._due = Due(profiles, records)

    def __call__(self, school_id: str) -> dict[str, float]:
        """course id → mean gain of its learners per minute; courses with too few learners are not in it."""
        with self._db.read() as conn:
            return coursestore.of_school(conn, school_id, gains.PEERS)

    def renew_if_due(self, school_id: str) -> bool:
        """For background work: see `due`."""
        return self._due.turn(school_id, self.renew, lambda: bool(self(school_id)))

    def renew(self, school_id: str) -> int:
        """Pool again from those who agree now; how many courses are told of."""
        asked = frozenset(self._profiles.agreed(school_id, "peers"))
        answers: dict[tuple[str, str], list[Response]] = {}
        for one in self._records.history(school_id, asked):
            answers.setdefault((one.item_id.partition(".")[0], one.learner_id), []).append(one)
        by_course: dict[str, dict[str, list[float]]] = {}
        for (course_id, learner_id), mine in answers.items():
            if found := [one.gain for one in gains.tries(mine)]:
                by_course.setdefault(course_id, {})[learner_id] = found
        told = {course_id: of for course_id, of in by_course.items() if len(of) >= gains.PEERS}
        behind = {learner_id for of in told.values() for learner_id in of}
        rows = [
            {
                "course_id": course_id,
                "gain": fmean(fmean(found) for found in of.values()),
                "tried": sum(map(len, of.values())),
                "learners": len(of),
            }
            for course_id, of in told.items()
        ]

        def keep(uow: kernel_db.UnitOfWork) -> int:
            still = behind <= self._profiles.still_agreed(uow, school_id, "peers")
            coursestore.put(uow, school_id, rows if still else [])
            return len(rows) if still else 0

        return self._db.write(keep)
