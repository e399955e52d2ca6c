"""Profiles: stated by the learner alone, sealed, used only for what was agreed, gone when taken back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.identity.cast import Cast
from tests.identity.test_accounts import raw_bytes

from shuyuan.kernel import clock, errors
from shuyuan.learning.people.interface import PROFILE_WITHDRAWN, AgeBand, Profiles, Stated
from shuyuan.learning.people.tables import learner

SAID = Stated(interests=("music", "computing"), goals=("exam",), pace="short", own_words="robots for 2026-11-27")
ALL: Any = frozenset({"suggestions", "outlook", "peers"})


def profiles(school: Cast, band: AgeBand = "13_15") -> Profiles:
    school.database.write(
        lambda uow: uow.conn.execute(learner.update().where(learner.c.id == school.learner_id).values(age_band=band))
    )
    found: Profiles = school.platform.get("profiles")
    return found


def test_what_a_pupil_states_comes_back_and_lies_sealed(school: Cast) -> None:
    pupil, them = school.who("student"), profiles(school)
    assert them.of(pupil, pupil.account_id).stated == Stated()
    them.state(pupil, SAID)
    assert them.of(pupil, pupil.account_id).stated == SAID
    assert them.of(school.who("teacher"), pupil.account_id).stated == SAID
    assert b"robots" not in raw_bytes(school)


def test_nobody_else_states_it_and_strangers_do_not_see_it(school: Cast, other: Cast) -> None:
    them = profiles(school)
    with pytest.raises(errors.Forbidden):
        them.state(school.who("teacher"), SAID)
    with pytest.raises(errors.NotFound):
        them.of(other.who("admin"), school.learner_id)
    with pytest.raises(errors.NotFound):
        them.of(school.who("teacher"), "nobody")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"interests": ("football",)}, "interests: unknown 'football'"),
        ({"goals": ("fame",)}, "goals: unknown 'fame'"),
        ({"education": "nursery"}, "education"),
        ({"own_words": "x" * 301}, "own_words has 301"),
        ({"own_words": "call me: 138 1234 5678"}, "telephone"),
        ({"own_words": "yu@example.org"}, "e-mail"),
        ({"disputed": ("x" * 41,)}, "disputed"),
    ],
)
def test_what_is_no_choice_is_refused_by_name(school: Cast, wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.BadInput, match=named):
        profiles(school).state(school.who("student"), replace(SAID, **wrong))


def test_each_purpose_is_given_and_taken_back_alone_and_taking_back_is_told(school: Cast) -> None:
    pupil, them = school.who("student"), profiles(school)
    told: list[Any] = []
    school.platform.get("outbox").subscribe(PROFILE_WITHDRAWN, told.append)
    them.state(pupil, SAID)
    assert them.agreed(school.school_id, "peers") == {}
    them.agree(pupil, pupil.account_id, ALL)
    assert them.agreed(school.school_id, "peers") == {pupil.account_id: SAID}
    them.agree(pupil, pupil.account_id, frozenset({"outlook"}))
    assert them.agreed(school.school_id, "peers") == {}
    assert them.agreed(school.school_id, "outlook").keys() == {pupil.account_id}
    for purpose, who in (("outlook", {pupil.account_id}), ("peers", set())):
        assert school.database.write(lambda uow, asked=purpose: them.still_agreed(uow, school.school_id, asked)) == who  # type: ignore[misc]
    school.platform.get("outbox").drain()
    assert [(one.subject_id, one.payload["purposes"]) for one in told] == [(pupil.account_id, ["peers", "suggestions"])]


def test_below_the_age_line_a_pupil_takes_back_and_the_office_notes_the_familys_paper(school: Cast) -> None:
    pupil, office, them = school.who("student"), school.who("admin"), profiles(school, "under_13")
    signed = clock.now().date()
    assert not them.of(pupil, pupil.account_id).may_agree
    with pytest.raises(errors.Forbidden, match="family"):
        them.agree(pupil, pupil.account_id, ALL)
    with pytest.raises(errors.Forbidden, match="only the learner says yes"):
        them.agree(school.who("teacher"), pupil.account_id, ALL, paper_dated=signed)
    with pytest.raises(errors.BadInput, match="no paper"):
        them.agree(office, pupil.account_id, ALL)
    with pytest.raises(errors.BadInput, match="a day to come"):
        them.agree(office, pupil.account_id, ALL, paper_dated=signed + timedelta(days=2))
    them.agree(office, pupil.account_id, ALL, paper_dated=signed)
    them.agree(pupil, pupil.account_id, frozenset({"outlook"}))
    assert them.of(pupil, pupil.account_id).agreed == {"outlook"}
    told = them.decided(pupil, pupil.account_id)
    assert [(one.by, one.paper_dated) for one in told.given.values()] == [(office.account_id, signed)]
    assert (told.last.by if told.last else None) == pupil.account_id
    with pytest.raises(errors.BadInput, match="unknown purposes"):
        them.agree(office, pupil.account_id, frozenset({"everything"}))  # type: ignore[arg-type]  # on purpose


def test_nobody_overturns_a_pupils_no_and_the_pupil_sees_who_took_a_yes_back(school: Cast) -> None:
    pupil, teacher, them = school.who("student"), school.who("teacher"), profiles(school)
    them.agree(pupil, pupil.account_id, frozenset({"peers", "outlook"}))
    them.agree(pupil, pupil.account_id, frozenset({"peers"}))
    for other in (teacher, school.who("admin")):
        with pytest.raises(errors.Forbidden, match="only the learner says yes to outlook"):
            them.agree(other, pupil.account_id, frozenset({"peers", "outlook"}), paper_dated=clock.now().date())
    them.agree(teacher, pupil.account_id, frozenset())
    them.agree(school.who("admin"), pupil.account_id, frozenset())  # nothing changes: nobody decided
    told = them.decided(pupil, pupil.account_id)
    assert (dict(told.given), told.last.by if told.last else None) == ({}, teacher.account_id)


def test_forgetting_and_erasing_leave_nothing_to_use(school: Cast) -> None:
    pupil, them = school.who("student"), profiles(school)
    them.state(pupil, SAID)
    them.agree(pupil, pupil.account_id, ALL)
    them.forget(pupil)
    assert (them.of(pupil, pupil.account_id).stated, them.of(pupil, pupil.account_id).agreed) == (Stated(), frozenset())
    them.state(pupil, SAID)
    them.agree(pupil, pupil.account_id, ALL)
    school.people.erase(school.who("admin"), pupil.account_id)
    assert them.agreed(school.school_id, "outlook") == {}
