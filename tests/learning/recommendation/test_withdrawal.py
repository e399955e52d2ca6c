"""Taking back, with every real part on both databases: predictions go at once, and the next training does without."""

from datetime import timedelta
from typing import Any

import pytest
from tests.identity.cast import Cast
from tests.identity.conftest import school

from shuyuan import compose
from shuyuan.kernel import clock, ids
from shuyuan.learning.people.interface import Profiles, Stated
from shuyuan.learning.people.tables import learner
from shuyuan.learning.recommendation import outlookrows, outlooks, store
from shuyuan.learning.records.interface import Response

__all__ = ["school"]
ALL: Any = frozenset({"suggestions", "outlook", "peers"})
KEPT = '{"heads": {"keeps_at_it": 0.8}, "because": {"keeps_at_it": []}, "facts": {}, "learners": 24}'


@pytest.fixture
def agreed(school: Cast) -> Profiles:
    """A pupil who agreed to everything, answered thirty questions a month ago, and of whom something is foretold."""
    school.platform.make(compose.JOBS["recommendation"])
    found: Profiles = school.platform.get("profiles")
    now = clock.now()

    def fill(uow: Any) -> None:
        mine = learner.update().where(learner.c.id == school.learner_id)
        uow.conn.execute(mine.values(age_band="adult"))
        found.write_down(
            uow,
            school_id=school.school_id,
            learner_id=school.learner_id,
            stated=Stated(goals=("exam",)),
            purposes=ALL,
            by=school.learner_id,
        )
        for number in range(30):
            school.platform.get("records").append(uow, _answer(school, number, now - timedelta(days=20, hours=number)))
        sealed = school.platform.get("vault").seal(uow, school.learner_id, outlooks.FIELD, KEPT)
        times = {"now": now, "expires_at": now + timedelta(days=28)}
        store.put_outlook(uow.conn, school_id=school.school_id, learner_id=school.learner_id, foretold=sealed, **times)

    school.database.write(fill)
    return found


def test_a_prediction_is_not_read_from_that_moment_and_deleted_by_the_event(school: Cast, agreed: Profiles) -> None:
    told, teacher = school.platform.get("outlooks"), school.who("teacher")
    assert told.of(teacher, school.learner_id) is not None
    agreed.agree(school.who("student"), school.learner_id, frozenset({"suggestions", "peers"}))
    assert told.of(teacher, school.learner_id) is None
    school.platform.get("outbox").drain()
    with school.database.read() as conn:
        assert store.foretold(conn, school.school_id) == set()


@pytest.mark.parametrize("how", ["untick", "forget", "erase"])
def test_who_takes_results_back_is_not_in_the_next_training_set(school: Cast, agreed: Profiles, how: str) -> None:
    assert set(_training_set(school, agreed)) == {school.learner_id}
    if how == "untick":
        agreed.agree(school.who("student"), school.learner_id, frozenset({"suggestions", "outlook"}))
    elif how == "forget":
        agreed.forget(school.who("student"))
    else:
        school.people.erase(school.who("admin"), school.learner_id)
    assert _training_set(school, agreed) == []
    school.platform.get("outbox").drain()
    with school.database.read() as conn:
        assert store.foretold(conn, school.school_id) == ({school.learner_id} if how == "untick" else set())


def _training_set(school: Cast, profiles: Profiles) -> list[str]:
    stated = profiles.agreed(school.school_id, "peers")
    return list(outlookrows.job(school.platform.get("records"), school.school_id, stated, clock.now()).person)


def _answer(school: Cast, number: int, at: Any) -> Response:
    whose = (ids.new_id(), school.school_id, school.learner_id, "attempt", f"year7.i{number}")
    return Response(*whose, ("year7.p",), 0, "7", True, None, 0, 30.0, 0.5, "v", f"k{number}", at, counted_at=at)
