"""The demo school opens with what PRODUCT promises, whatever day it is made: 6 of 32 stuck, 4 with too little evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shuyuan import demo
from shuyuan.compose import Platform
from shuyuan.demo import pupils, school
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.settings import Settings
from shuyuan.learning.insight.interface import Insight
from shuyuan.learning.people.interface import Class, Learner

MADE_ON = {
    "monday before school": datetime(2026, 9, 6, 23, 30, tzinfo=UTC),
    "wednesday at noon": datetime(2026, 12, 2, 4, 0, tzinfo=UTC),
    "sunday of a new year": datetime(2028, 1, 2, 12, 0, tzinfo=UTC),
}
COURSE = school.COURSES[0]


@dataclass(frozen=True)
class Made:
    """A demo school made at some time, as its teacher sees it at that time."""

    platform: Platform
    told: school.Demo
    now: datetime

    def who(self, role: str) -> Principal:
        found = next(one for one in self.told.accounts if one["role"] == role)
        principal: Principal = self.platform.get("identity").sign_in_as(found["id"]).principal
        return principal

    @property
    def class_(self) -> Class:
        classes: list[Class] = self.platform.get("people").classes(self.who("teacher"))
        assert len(classes) == 1
        return classes[0]

    def learners(self) -> list[Learner]:
        found: list[Learner] = self.platform.get("people").learners(self.who("teacher"), self.class_.id)
        return found

    def insight(self) -> Insight:
        from shuyuan.compose import resolve

        people, courses, records = (self.platform.get(name) for name in ("people", "courses", "records"))
        tracing = resolve("shuyuan.learning.tracing.service:TracingService")(
            self.platform.get("db"), records, clock=lambda: self.now)
        made: Insight = resolve("shuyuan.learning.insight.service:InsightService")(
            people, courses, records, tracing, clock=lambda: self.now)
        return made


@pytest.fixture(scope="module", params=MADE_ON.values(), ids=MADE_ON.keys())
def made(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """A demo school made on some day."""
    platform = new_platform(tmp_path_factory.mktemp("demo"), sqlite_template)
    yield Made(platform, demo.ensure(platform, now=request.param), request.param)
    platform.close()


def test_six_are_stuck_on_removing_brackets_with_the_planted_mistake(made: Made) -> None:
    today = made.insight().today(made.who("teacher"), made.class_.id, COURSE)
    assert today.point_id == f"{COURSE}.{pupils.STUCK_POINT}"
    assert {int(need.learner.number) for need in today.stuck} == pupils.STUCK_NUMBERS
    assert today.shared_misconception == f"{COURSE}.{pupils.SHARED_MISTAKE}"
    for need in today.stuck:
        planted = pupils.OTHER_MISTAKE if int(need.learner.number) == pupils.OTHER_SLIP_NUMBER else pupils.SHARED_MISTAKE
        assert need.misconception == f"{COURSE}.{planted}", need.learner.number
        assert need.evidence
        assert not any(answer.correct for answer in need.evidence)


def test_four_have_too_little_evidence_and_the_others_are_ready(made: Made) -> None:
    today = made.insight().today(made.who("teacher"), made.class_.id, COURSE)
    assert {int(learner.number) for learner, _ in today.too_little_evidence} == pupils.LATE_NUMBERS
    assert (today.size, today.ready) == (32, 22)


def test_all_32_are_simulated_and_one_family_said_no_to_improvement(made: Made) -> None:
    learners = made.learners()
    assert [learner.number for learner in learners] == [f"{number:02d}" for number in range(1, 33)]
    assert len({learner.name for learner in learners}) == 32
    assert all(learner.simulated for learner in learners)
    without = [int(learner.number) for learner in learners if "improvement" not in learner.consent]
    assert without == [pupils.NO_CONSENT_NUMBER]
    assert all("learning" in learner.consent for learner in learners)


def test_the_history_covers_three_weeks_of_school_days_and_none_lies_ahead(made: Made) -> None:
    insight, first = made.insight(), made.learners()[0]
    times = [answer.at for answer in insight.responses(made.who("teacher"), first.id, limit=1000)]
    days = {at.astimezone(demo_zone()).date() for at in times}
    assert len(days) == 15
    assert all(day.weekday() < 5 for day in days)
    assert (made.now - min(times)).days <= 21
    assert max(times) < made.now


def test_the_second_call_reads_the_first_back(made: Made) -> None:
    assert demo.ensure(made.platform) == made.told
    assert len(made.platform.get("identity").schools()) == 1


def test_a_real_school_is_never_filled_with_simulated_pupils(tmp_path: Path, sqlite_template: Path) -> None:
    platform = new_platform(tmp_path, sqlite_template)
    try:
        platform.get("identity").create_school("向阳中学")
        with pytest.raises(errors.Conflict, match="向阳中学") as told:
            demo.ensure(platform)
        assert "leave out --demo" in told.value.fix
    finally:
        platform.close()


def test_the_lively_pupil_survives_what_an_administrator_does(tmp_path: Path, sqlite_template: Path) -> None:
    """Another class, a pupil with a number in letters, an erased pupil: the next start still works and answers go on."""
    platform = new_platform(tmp_path, sqlite_template)
    try:
        made = Made(platform, demo.ensure(platform, now=MADE_ON["wednesday at noon"]), MADE_ON["wednesday at noon"])
        admin, people = made.who("admin"), platform.get("people")
        people.create_class(admin, "AAA")
        platform.get("db").write(lambda uow: people.add_learner(
            uow, school_id=admin.school_id, class_id=made.class_.id, number="A-1", name="Ada"))
        kept = made.learners()[1]
        for learner in made.learners()[2:32]:
            people.erase(admin, learner.id)
        scheduler = Once()
        platform = Platform(platform.settings, scheduler=scheduler)
        before = len(made.insight().responses(made.who("teacher"), kept.id, limit=1000))
        demo.keep_alive(platform, made.told)
        scheduler.work()
        assert len(made.insight().responses(made.who("teacher"), kept.id, limit=1000)) == before + 1
    finally:
        platform.close()


class Once:
    """A scheduler that runs its one function when told to."""

    def every(self, _every_s: float, _name: str, work: object) -> None:
        assert callable(work)
        self.work = work


def new_platform(folder: Path, template: Path) -> Platform:
    """Every part on a fresh database in `folder`."""
    (folder / "shuyuan.db").write_bytes(template.read_bytes())
    return Platform(Settings(home=folder, starter="none", port=0))


def demo_zone() -> object:
    from shuyuan.demo import history

    return history.CHINA
