"""What a school has set: kept by name, replaced, unseen by another school."""

import pytest
from tests.identity.cast import Cast

from shuyuan.kernel import errors


def put(school: Cast, name: str, **value: object) -> None:
    school.database.write(
        lambda uow: school.identity.set_setting(uow, school_id=school.school_id, name=name, value=value)
    )


def test_a_setting_is_kept_replaced_and_unseen_by_another_school(school: Cast, other: Cast) -> None:
    assert school.identity.setting(school.school_id, "capacity") is None
    put(school, "capacity", model="tiny", rate=15.5)
    put(school, "responsible", account_id="x")
    put(school, "capacity", model="tutor", rate=9)
    kept = school.identity.setting(school.school_id, "capacity")
    assert kept is not None
    assert dict(kept.value) == {"model": "tutor", "rate": 9}
    assert kept.updated_at.tzinfo is not None
    assert other.identity.setting(other.school_id, "capacity") is None


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_setting_without_a_proper_name_is_refused(school: Cast, name: str) -> None:
    with pytest.raises(errors.BadInput):
        put(school, name)
