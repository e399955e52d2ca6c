"""A school whose learners answered a lot: what the loop turns on."""

import copy
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shuyuan.compose import PARTS, Platform
from shuyuan.identity.interface import Principal
from shuyuan.kernel import db, ids
from shuyuan.learning.improvement.service import ImprovementService
from shuyuan.learning.records.interface import Response

NIGHT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)  # a Saturday, 22:00 in school time
POINTS = [f"c.p{i}" for i in range(4)]


class School:
    """A school with learners whose answers follow very uneven item difficulties."""

    def __init__(self, platform: Platform, learners: int = 24, answers: int = 110) -> None:
        self.platform = platform
        self.id = platform.get("identity").create_school("学校").id
        self.admin = self._adult("admin")
        self.teacher = self._adult("teacher")
        class_ = platform.get("people").create_class(self.admin, "1")
        self.learners = [self._learner(class_.id, number) for number in range(learners)]
        for number, learner in enumerate(self.learners):
            self.answer(learner, answers, random.Random(number))

    def _adult(self, role: Any) -> Principal:
        account_id = self.platform.get("db").write(
            lambda uow: self.platform.get("identity").create_account(
                uow, school_id=self.id, role=role, name=role, login=f"{role}{self.id}", secret=None
            )
        )
        return Principal(account_id, self.id, role)

    def _learner(self, class_id: str, number: int) -> str:
        agreed = frozenset({"learning"} if number == 0 else {"learning", "improvement"})
        learner: str = self.platform.get("db").write(
            lambda uow: self.platform.get("people").add_learner(
                uow, school_id=self.id, class_id=class_id, number=str(number), name="某", pin=None, consent=agreed
            )
        )
        return learner

    def answer(
        self,
        learner: str,
        count: int,
        rng: random.Random,
        *,
        ago: timedelta = timedelta(days=20),
        hardness: float = 2.2,
        first_item: int = 0,
    ) -> None:
        """hardness: every other item is so hard, the rest as easy.  first_item: of the sixteen that are asked."""
        rows = []
        for turn in range(count):
            place = rng.randrange(16)
            hard = hardness if place % 2 else -hardness
            rows.append(
                Response(
                    id=ids.new_id(),
                    school_id=self.id,
                    learner_id=learner,
                    attempt_id=ids.new_id(),
                    item_id=f"c.i{first_item + place}",
                    points=(POINTS[place // 4],),
                    seed=1,
                    answer="1",
                    correct=rng.random() < 1 / (1 + 2.718**hard),
                    misconception=None,
                    hints_used=0,
                    seconds=None,
                    p_before=None,
                    tracer_version=None,
                    client_key=ids.new_id(),
                    at=NIGHT - ago + timedelta(minutes=turn),
                )
            )

        def work(uow: db.UnitOfWork) -> None:
            for row in rows:
                step = self.platform.get("tracing").update(
                    uow,
                    school_id=self.id,
                    learner_id=learner,
                    item_id=row.item_id,
                    points=row.points,
                    correct=row.correct,
                    at=row.at,
                )
                told = replace(row, p_before=step.p_before, tracer_version=step.tracer_version)
                self.platform.get("records").append(uow, told)

        self.platform.get("db").write(work)

    def on(self, platform: Platform) -> "School":
        """The same school, where a copy of its database is open."""
        moved = copy.copy(self)
        moved.platform = platform
        return moved

    def loop(self, **given: Any) -> ImprovementService:
        return ImprovementService(**{name: self.platform.get(name) for name in PARTS["improvement"].needs} | given)
