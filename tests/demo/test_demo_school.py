"""Whatever day it is made, the demo opens as promised: 6 of 32 are stuck, 4 have too little evidence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.journeys import world

from shuyuan import demo
from shuyuan.compose import Platform
from shuyuan.demo import history, profiles, pupils, school
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, errors
from shuyuan.kernel.settings import Settings
from shuyuan.learning.insight.interface import Insight
from shuyuan.learning.insight.service import InsightService
from shuyuan.learning.people.interface import Class, Learner
from shuyuan.learning.tracing.service import TracingService

MADE_ON = {
    "monday before school": datetime(2026, 9, 6, 23, 30, tzinfo=UTC),
    "sunday of a new year": datetime(2028, 1, 2, 12, 0, tzinfo=UTC),
    "today, by the command": None,
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
        people, courses, records = (self.platform.get(name) for name in ("people", "courses", "records"))
        tracing = TracingService(self.platform.get("db"), records, clock=lambda: self.now)
        return InsightService(people, courses, records, tracing, clock=lambda: self.now)


@pytest.fixture(scope="module", params=sorted(MADE_ON))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A demo school made on some day."""
    folder, now = tmp_path_factory.mktemp("demo"), MADE_ON[request.param]
    if now is None:
        platform = opened(request.getfixturevalue("first_start").copy(folder))
    else:
        platform = new_platform(folder, request.getfixturevalue("sqlite_template"))
    yield Made(platform, demo.ensure(platform, now=now), now or clock.now())
    platform.close()


def test_six_are_stuck_on_removing_brackets_with_the_planted_mistake(made: Made) -> None:
    today = made.insight().today(made.who("teacher"), made.class_.id, COURSE)
    assert today.point_id == f"{COURSE}.{pupils.STUCK_POINT}"
    assert {int(need.learner.number) for need in today.stuck} == pupils.STUCK_NUMBERS
    assert today.shared_misconception == f"{COURSE}.{pupils.SHARED_MISTAKE}"
    for need in today.stuck:
        other = int(need.learner.number) == pupils.OTHER_SLIP_NUMBER
        planted = pupils.OTHER_MISTAKE if other else pupils.SHARED_MISTAKE
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


def test_most_have_a_profile_and_agreed_to_its_uses_and_six_say_nothing(made: Made) -> None:
    them, who = made.platform.get("profiles"), made.who("teacher")
    known = {int(one.number): them.of(who, one.id) for one in made.learners()}
    silent = {number for number, one in known.items() if one.changed_at is None and not one.agreed}
    assert silent == profiles.SILENT_NUMBERS
    assert {number for number, one in known.items() if one.changed_at and not one.stated.goals} == (
        profiles.NO_GOAL_NUMBERS
    )
    assert {"suggestions", "outlook", "peers"} == known[1].agreed
    assert set(made.platform.get("course_gains")(made.told.school_id)) == set(school.COURSES)


def test_the_history_covers_three_weeks_of_school_days_and_none_lies_ahead(made: Made) -> None:
    insight, first = made.insight(), made.learners()[0]
    times = [answer.at for answer in insight.responses(made.who("teacher"), first.id, limit=1000)]
    days = {at.astimezone(history.CHINA).date() for at in times}
    assert len(days) == 15
    assert all(day.weekday() < 5 for day in days)
    assert (made.now - min(times)).days <= 21
    assert max(times) < made.now


def test_the_loop_has_a_version_that_passed_its_check(made: Made) -> None:
    versions = made.platform.get("improvement").versions(made.who("admin"))
    assert versions[0].state in ("champion", "canary"), versions
    assert all(one.passed for one in versions[0].conditions)


def test_replaying_the_history_gives_the_mastery_it_left(made: Made) -> None:
    tracing, courses = made.platform.get("tracing"), made.platform.get("courses")
    points = [point.id for slug in school.COURSES for point in courses.graph(made.told.school_id, slug).points]
    who, learners = made.who("teacher"), [learner.id for learner in made.learners()]
    left = tracing.of_learners(who, learners, points)
    assert sum(mastery.n for told in left.values() for mastery in told.values()) > 3000
    assert tracing.rebuild(made.told.school_id) > 3000
    replayed = tracing.of_learners(who, learners, points)
    for learner in learners:
        for point in points:
            was, now = left[learner][point], replayed[learner][point]
            assert (now.n, now.wins, now.level) == (was.n, was.wins, was.level)
            assert (now.p, now.uncertainty) == pytest.approx((was.p, was.uncertainty), abs=1e-6)


def test_a_day_of_the_whole_class_is_one_unit_of_work(tmp_path: Path, sqlite_template: Path) -> None:
    platform = new_platform(tmp_path, sqlite_template)
    database, commits = platform.get("db"), list[object]()
    event.listen(database.engine, "commit", commits.append)
    try:
        demo.ensure(platform, now=MADE_ON["monday before school"])
    finally:
        platform.close()
    assert len(commits) < 15 + 60, "15 days, and the school itself"


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


def test_a_simulated_pupil_goes_on_answering_whatever_an_administrator_did(
    first_start: world.FirstStart, tmp_path: Path
) -> None:
    """Another class, a pupil with letters for a number, erased pupils: the next start works and answers go on."""
    scheduler = ByHand()
    platform = opened(first_start.copy(tmp_path), scheduler=scheduler)
    try:
        made = Made(platform, demo.ensure(platform), clock.now())
        admin, people, class_id = made.who("admin"), platform.get("people"), made.class_.id
        people.create_class(admin, "AAA")
        platform.get("db").write(
            lambda uow: people.add_learner(
                uow, school_id=admin.school_id, class_id=class_id, number="A-1", name="Ada", pin=None
            )
        )
        learners = made.learners()
        for learner in learners[2:32]:
            people.erase(admin, learner.id)
        before = len(made.insight().responses(made.who("teacher"), learners[1].id, limit=1000))
        demo.keep_alive(platform, made.told)
        scheduler.work()
        assert len(made.insight().responses(made.who("teacher"), learners[1].id, limit=1000)) == before + 1
    finally:
        platform.close()


class ByHand:
    """A scheduler that runs its one function when told to."""

    work: Callable[[], None]

    def every(self, _every_s: float, _name: str, work: Callable[[], None]) -> None:
        self.work = work


def new_platform(folder: Path, template: Path) -> Platform:
    """Every part on a fresh database in `folder`."""
    (folder / "shuyuan.db").write_bytes(template.read_bytes())
    return opened(folder)


def opened(home: Path, **given: object) -> Platform:
    """Every part on the home as it is."""
    return Platform(Settings(home=home, starter="none", port=0), **given)
