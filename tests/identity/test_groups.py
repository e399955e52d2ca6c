"""Groups and exam mode."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.identity.cast import Cast

from shuyuan.identity import keys
from shuyuan.kernel import errors

LATER = datetime.now(UTC) + timedelta(days=2)  # however long the tests before took


def suspended(school: Cast, role: str) -> datetime | None:
    return school.identity.principal_of_session(school.signed[role].token).suspended_until  # type: ignore[index]


def test_exam_mode_closes_the_models_to_the_class_at_once_and_opens_them_again(school: Cast) -> None:
    assert suspended(school, "student") is None
    school.identity.set_suspension(school.who("teacher"), school.class_.id, LATER)
    assert suspended(school, "student") == LATER
    assert suspended(school, "teacher") is None, "the teacher goes on working"
    assert suspended(school, "developer") is None, "not of this class"
    assert school.identity.principal_of_session(school.signed["student"].token).priority == 0
    school.identity.set_suspension(school.who("admin"), school.class_.id, None)
    assert suspended(school, "student") is None


def test_exam_mode_reaches_keys_that_pupils_were_once_given(school: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(keys.GRANTABLE, "student", frozenset({"models"}))  # as it was in 0.1
    key = school.identity.create_key(school.who("student"), "phone")
    school.identity.principal_of_key(key.secret)
    school.identity.set_suspension(school.who("teacher"), school.class_.id, LATER)
    assert school.identity.principal_of_key(key.secret).suspended_until == LATER


@pytest.mark.parametrize("until", [datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(days=8)])
def test_exam_mode_ends_in_the_next_week(school: Cast, until: datetime) -> None:
    with pytest.raises(errors.BadInput):
        school.identity.set_suspension(school.who("teacher"), school.class_.id, until)


def test_only_the_classs_teachers_and_the_schools_administrators_set_exam_mode(school: Cast, other: Cast) -> None:
    for stranger in (other.who("teacher"), other.who("admin")):
        with pytest.raises(errors.NotFound):
            school.identity.set_suspension(stranger, school.class_.id, LATER)
    colleague = school.database.write(
        lambda uow: school.identity.create_account(
            uow, school_id=school.school_id, role="teacher", name="Colleague", login="colleague", secret=None
        )
    )
    with pytest.raises(errors.NotFound):
        school.identity.set_suspension(school.identity.sign_in_as(colleague).principal, school.class_.id, LATER)
    with pytest.raises(errors.Forbidden):
        school.identity.set_suspension(school.who("student"), school.class_.id, None)
    assert suspended(school, "student") is None


def test_another_schools_suspension_of_the_same_group_id_does_not_count(school: Cast, other: Cast) -> None:
    school.database.write(
        lambda uow: school.identity.suspend_models(
            uow, school_id=other.school_id, group_id=school.class_.id, until=LATER
        )
    )
    assert suspended(school, "student") is None


def test_a_group_takes_accounts_of_its_own_school_only(school: Cast, other: Cast) -> None:
    with pytest.raises(errors.NotFound):
        school.database.write(
            lambda uow: school.identity.add_to_group(
                uow,
                school_id=school.school_id,
                group_id=school.class_.id,
                account_ids=[other.who("teacher").account_id],
            )
        )


def test_joining_and_leaving_a_group_take_effect_at_once(school: Cast) -> None:
    token, account_id = school.signed["developer"].token, school.who("developer").account_id
    assert school.identity.principal_of_session(token).groups == frozenset()
    for _ in range(2):  # twice is once
        school.database.write(
            lambda uow: school.identity.add_to_group(
                uow, school_id=school.school_id, group_id=school.class_.id, account_ids=[account_id]
            )
        )
    assert school.identity.principal_of_session(token).groups == {school.class_.id}
    school.database.write(
        lambda uow: school.identity.remove_from_group(
            uow, school_id=school.school_id, group_id=school.class_.id, account_id=account_id
        )
    )
    assert school.identity.principal_of_session(token).groups == frozenset()
