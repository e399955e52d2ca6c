"""Personal papers: each learner's own questions, with key, to be printed. The code on a sheet finds it again."""

import secrets
from collections.abc import Sequence

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import ids
from shuyuan.learning.assessment import assigned
from shuyuan.learning.assessment.assigning import Assigning
from shuyuan.learning.assessment.choosing import Choice
from shuyuan.learning.assessment.interface import Paper
from shuyuan.learning.assessment.sittings import fresh_seeds
from shuyuan.learning.courses.interface import Courses, Text

CODE_CHARACTERS = 10
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like something else in print


class Papers:
    """Makes and remembers papers."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        courses: Courses,
        assigning: Assigning,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._audit, self._courses = db, audit, courses
        self._assigning, self._clock = assigning, clock

    def papers(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int = 8,
    ) -> list[Paper]:
        choices = self._assigning.choices(principal, class_id, learner_ids, course_id, point_id, count)
        seeds = fresh_seeds(sum(len(choice.items) for choice in choices.values()))
        title = _title(self._point(principal.school_id, course_id, point_id))
        made = [self._paper(principal, who, choice, seeds, title) for who, choice in choices.items()]
        self._db.write(lambda uow: self._remember(uow, principal, class_id, course_id, point_id, made))
        return made

    def _point(self, school_id: str, course_id: str, point_id: str) -> Text:
        points = self._courses.graph(school_id, course_id).points
        return next(point.name for point in points if point.id == point_id)

    def _paper(
        self, principal: Principal, learner_id: str, choice: Choice, seeds: list[int], title: dict[str, str]
    ) -> Paper:
        """Takes its seeds from the pile, so no two learners share one."""
        questions = tuple(
            self._courses.question(principal.school_id, item.item_id, seeds.pop(), principal.language)
            for item in choice.items
        )
        return Paper(learner_id, title, questions, "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARACTERS)))

    def _remember(
        self,
        uow: kernel_db.UnitOfWork,
        principal: Principal,
        class_id: str,
        course_id: str,
        point_id: str,
        made: Sequence[Paper],
    ) -> None:
        common = {
            "school_id": principal.school_id,
            "class_id": class_id,
            "teacher_id": principal.account_id,
            "course_id": course_id,
            "point_id": point_id,
            "created_at": self._clock(),
        }
        assigned.insert_papers(
            uow.conn,
            [
                {
                    **common,
                    "id": ids.new_id(),
                    "learner_id": paper.learner_id,
                    "code": paper.code,
                    "questions": [[one.item_id, one.seed] for one in paper.questions],
                }
                for paper in made
            ],
        )
        self._audit.record(
            uow,
            school_id=principal.school_id,
            actor_id=principal.account_id,
            action="papers.made",
            object_id=class_id,
            learners=len(made),
            point_id=point_id,
        )


def _title(point: Text) -> dict[str, str]:
    return {"zh": f"个性化练习卷 · {point.of('zh')}", "en": f"Personal paper · {point.of('en')}"}
