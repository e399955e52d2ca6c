"""Classes, learners, consent, erasure; who sees whom."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.identity.cast import Cast
from tests.identity.test_accounts import raw_bytes

from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import crypto, errors
from shuyuan.learning.people import codes, store
from shuyuan.learning.people import learners as people_learners
from shuyuan.learning.people.interface import Purpose

STAFF: tuple[Role, ...] = ("admin", "teacher")


def add(school: Cast, number: str, name: str = "Anna", consent: frozenset[Purpose] = frozenset()) -> str:
    return school.database.write(
        lambda uow: school.people.add_learner(
            uow,
            school_id=school.school_id,
            class_id=school.class_.id,
            number=number,
            name=name,
            pin=None,
            consent=consent,
        )
    )


def test_a_teacher_creates_a_class_and_sees_it_with_the_principal_in_hand(school: Cast) -> None:
    teacher = school.who("teacher")
    made = school.people.create_class(teacher, " 八年级  1 班 ", course_ids=["a", "b", "a"])
    assert (made.name, made.course_ids, made.size) == ("八年级 1 班", ("a", "b"), 0)
    assert made in school.people.classes(teacher)
    assert made.id in school.identity.principal_of_session(school.signed["teacher"].token).groups


def test_class_codes_are_six_signs_nobody_reads_two_ways() -> None:
    seen = {codes.new_code() for _ in range(200)}
    assert len(seen) == 200
    assert all(len(code) == 6 and set(code) <= set(codes.ALPHABET) for code in seen)
    assert not set(codes.ALPHABET) & set("01ILO")


def test_a_class_name_is_taken_once_in_a_school(school: Cast, other: Cast) -> None:
    with pytest.raises(errors.Conflict):
        school.people.create_class(school.who("admin"), "Class of north")
    assert other.people.create_class(other.who("admin"), "Class of north")
    with pytest.raises(errors.BadInput):
        school.people.create_class(school.who("admin"), "  ")


@pytest.mark.parametrize("role", ["student", "guardian", "developer"])
def test_pupils_guardians_and_developers_change_nothing(school: Cast, role: Role) -> None:
    who, people = school.who(role), school.people
    attempts: list[Callable[[], object]] = [
        lambda: people.create_class(who, "Mine"),
        lambda: people.set_tutor(who, school.class_.id, True),
        lambda: people.set_courses(who, school.class_.id, ["x"]),
        lambda: people.reset_pin(who, school.learner_id),
        lambda: people.set_consent(who, school.learner_id, frozenset({"research"})),
        lambda: people.erase(who, school.learner_id),
        lambda: people.join_teacher(who, school.class_.id, who.account_id),
        lambda: people.leave_teacher(who, school.class_.id, school.who("teacher").account_id),
        lambda: people.import_roster(who, school.class_.id, "l.csv", b"number,name\n2,A\n", dry_run=True),
    ]
    for attempt in attempts:
        with pytest.raises(errors.Forbidden):
            attempt()


def test_who_sees_which_class_and_learner(school: Cast, other: Cast) -> None:
    people, second = school.people, add(school, "2")
    for role, classes, learners in (
        ("admin", 1, {school.learner_id, second}),
        ("teacher", 1, {school.learner_id, second}),
        ("student", 1, {school.learner_id}),
        ("guardian", 0, None),
        ("developer", 0, None),
    ):
        who = school.who(role)  # type: ignore[arg-type]
        assert len(people.classes(who)) == classes, role
        if learners is None:
            with pytest.raises(errors.NotFound):
                people.learners(who, school.class_.id)
            with pytest.raises(errors.NotFound):
                people.learner(who, school.learner_id)
        else:
            assert {one.id for one in people.learners(who, school.class_.id)} == learners, role
    with pytest.raises(errors.NotFound):
        people.learner(school.who("student"), second)


def test_a_teacher_of_another_class_of_the_school_sees_nobody(school: Cast) -> None:
    stranger = school.database.write(
        lambda uow: school.identity.create_account(
            uow, school_id=school.school_id, role="teacher", name="Stranger", login="stranger", secret=None
        )
    )
    who = school.identity.sign_in_as(stranger).principal
    assert school.people.classes(who) == []
    attempts: list[Callable[[], object]] = [
        lambda: school.people.class_(who, school.class_.id),
        lambda: school.people.learner(who, school.learner_id),
        lambda: school.people.reset_pin(who, school.learner_id),
        lambda: school.people.seen(who, school.learner_id),
        lambda: school.people.record_view(who, school.learner_id),
        lambda: school.people.set_consent(who, school.learner_id, frozenset()),
        lambda: school.people.import_roster(who, school.class_.id, "l.csv", b"number,name\n2,A\n", dry_run=False),
    ]
    for attempt in attempts:
        with pytest.raises(errors.NotFound):
            attempt()


def test_another_schools_ids_are_not_there(school: Cast, other: Cast) -> None:
    people, class_id, learner_id = other.people, school.class_.id, school.learner_id
    attempts: list[Callable[[Principal], object]] = [
        lambda who: people.class_(who, class_id),
        lambda who: people.learner(who, learner_id),
        lambda who: people.learners(who, class_id),
        lambda who: people.set_courses(who, class_id, ["x"]),
        lambda who: people.set_tutor(who, class_id, True),
        lambda who: people.reset_pin(who, learner_id),
        lambda who: people.set_consent(who, learner_id, frozenset()),
        lambda who: people.seen(who, learner_id),
        lambda who: people.import_roster(who, class_id, "l.csv", b"number,name\n2,A\n", dry_run=False),
    ]
    for role in STAFF:
        for attempt in attempts:
            with pytest.raises(errors.NotFound):
                attempt(other.who(role))


def test_another_schools_administrator_reaches_neither_classes_nor_teachers(school: Cast, other: Cast) -> None:
    admin = other.who("admin")
    attempts: list[Callable[[], object]] = [
        lambda: other.people.erase(admin, school.learner_id),
        lambda: other.people.join_teacher(admin, school.class_.id, other.who("teacher").account_id),
        lambda: other.people.join_teacher(admin, other.class_.id, school.who("teacher").account_id),
        lambda: other.people.leave_teacher(admin, school.class_.id, school.who("teacher").account_id),
    ]
    for attempt in attempts:
        with pytest.raises(errors.NotFound):
            attempt()
    with pytest.raises(errors.NotFound):
        other.database.write(
            lambda uow: other.people.add_learner(
                uow, school_id=other.school_id, class_id=school.class_.id, number="9", name="X", pin=None
            )
        )


def test_a_teacher_who_leaves_sees_the_class_no_more_at_once(school: Cast) -> None:
    teacher = school.who("teacher")
    school.people.leave_teacher(school.who("admin"), school.class_.id, teacher.account_id)
    assert school.people.classes(teacher) == []
    assert school.identity.principal_of_session(school.signed["teacher"].token).groups == frozenset()
    with pytest.raises(errors.NotFound):
        school.people.leave_teacher(school.who("admin"), school.class_.id, teacher.account_id)


def test_only_active_teachers_join_a_class(school: Cast) -> None:
    with pytest.raises(errors.Conflict):
        school.people.join_teacher(school.who("admin"), school.class_.id, school.who("developer").account_id)


def test_a_number_is_taken_once_in_a_class_with_or_without_zeros(school: Cast) -> None:
    with pytest.raises(errors.Conflict):
        add(school, "001")
    with pytest.raises(errors.BadInput):
        add(school, "a:b")


def test_learners_are_listed_by_number(school: Cast) -> None:
    for number in ("10", "2", "11"):
        add(school, number)
    listed = school.people.learners(school.who("teacher"), school.class_.id)
    assert [one.number for one in listed] == ["1", "2", "10", "11"]
    assert school.people.class_(school.who("teacher"), school.class_.id).size == 4


def test_the_tutor_is_on_when_everyone_is_known_to_be_old_enough_or_a_teacher_says_so(school: Cast) -> None:
    teacher, people = school.who("teacher"), school.people

    def on(class_id: str) -> bool:
        return people.class_(teacher, class_id).tutor_on

    assert not on(school.class_.id), "an age is unknown"
    older = people.create_class(teacher, "older")
    assert not on(older.id), "nobody is there"
    for number, band in enumerate(("13_15", "adult"), 1):
        school.database.write(
            lambda uow, number=number, band=band: people.add_learner(  # type: ignore[misc]
                uow,
                school_id=school.school_id,
                class_id=older.id,
                number=str(number),
                name="A",
                pin=None,
                age_band=band,
            )
        )
    assert on(older.id)
    school.database.write(
        lambda uow: people.add_learner(
            uow, school_id=school.school_id, class_id=older.id, number="3", name="A", pin=None, age_band="under_13"
        )
    )
    assert not on(older.id)
    people.set_tutor(teacher, older.id, True)
    assert on(older.id)
    people.set_tutor(teacher, older.id, False)
    assert not on(older.id)


def test_courses_are_set_in_order(school: Cast) -> None:
    school.people.set_courses(school.who("teacher"), school.class_.id, ["b", "a"])
    assert school.people.class_(school.who("student"), school.class_.id).course_ids == ("b", "a")
    with pytest.raises(errors.BadInput):
        school.people.set_courses(school.who("teacher"), school.class_.id, ["x" * 65])


def test_a_new_pin_replaces_the_old_one_and_ends_the_pupils_session(school: Cast) -> None:
    token, code = school.signed["student"].token, school.class_.code
    school.identity.principal_of_session(token)
    pin = school.people.reset_pin(school.who("teacher"), school.learner_id)
    assert len(pin) == 6
    assert pin.isdigit()
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(token)
    assert school.identity.sign_in_pupil(code, "1", pin)


def test_consent_is_kept_by_purpose_and_found_for_background_work(school: Cast, other: Cast) -> None:
    agreed = add(school, "2", consent=frozenset({"learning", "improvement"}))
    assert school.people.consented(school.school_id, "improvement") == {agreed}
    assert school.people.consented(school.school_id, "learning") == {agreed, school.learner_id}
    assert school.people.consented(other.school_id, "improvement") == frozenset()
    school.people.set_consent(school.who("teacher"), agreed, frozenset({"learning"}))
    assert school.people.consented(school.school_id, "improvement") == frozenset()
    assert school.people.learner(school.who("admin"), agreed).consent == {"learning"}
    with pytest.raises(errors.BadInput):
        school.people.set_consent(school.who("teacher"), agreed, frozenset({"marketing"}))  # type: ignore[arg-type]


def test_a_pupil_sees_who_opened_their_pages(school: Cast) -> None:
    people, teacher, pupil = school.people, school.who("teacher"), school.who("student")
    people.record_view(teacher, school.learner_id)
    people.record_view(school.who("admin"), school.learner_id)
    people.record_view(pupil, school.learner_id)
    seen = people.seen(pupil, school.learner_id)
    assert [who for _, who in seen] == [school.who("admin").account_id, teacher.account_id]
    assert school.identity.account(pupil, teacher.account_id).name == "teacher of north"


def test_views_of_several_are_noted_once_each_or_not_at_all(school: Cast, other: Cast) -> None:
    people, teacher, pupil = school.people, school.who("teacher"), school.who("student")
    second = add(school, "2")
    people.record_views(teacher, [school.learner_id, second, second])
    people.record_views(pupil, [school.learner_id])
    people.record_views(teacher, [])
    assert [len(people.seen(teacher, one)) for one in (school.learner_id, second)] == [1, 1]
    with pytest.raises(errors.NotFound):
        people.record_views(teacher, [second, other.learner_id])
    assert len(people.seen(teacher, second)) == 1


def test_a_list_opened_again_on_the_same_day_is_not_noted_again(school: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    people, teacher = school.people, school.who("teacher")
    for reader in (teacher, teacher, school.who("admin")):
        people.record_views(reader, [school.learner_id])
    assert len(people.seen(teacher, school.learner_id)) == 2
    monkeypatch.setattr(people_learners, "LISTED_ONCE_IN", timedelta(0))
    people.record_views(teacher, [school.learner_id])
    assert len(people.seen(teacher, school.learner_id)) == 3, "on another day it is"
    people.record_view(teacher, school.learner_id)
    people.record_view(teacher, school.learner_id)
    assert len(people.seen(teacher, school.learner_id)) == 5, "each opening of a learner's own pages is"


def test_names_and_numbers_are_unreadable_in_the_raw_tables(school: Cast) -> None:
    learner_id = add(school, "No20230917", name="诸葛小明")
    assert school.people.learner(school.who("teacher"), learner_id).name == "诸葛小明"
    raw = raw_bytes(school)
    for personal in ("诸葛小明", "No20230917", "no20230917"):
        assert personal.encode() not in raw


def test_erasure_makes_a_learner_unreadable_for_ever(school: Cast) -> None:
    people, admin = school.people, school.who("admin")
    learner_id = add(school, "2", name="诸葛小明", consent=frozenset({"improvement"}))
    token = school.identity.sign_in_as(learner_id).token
    with school.database.read() as conn:
        before = store.learner_(conn, admin, learner_id)
    people.erase(admin, learner_id)
    with pytest.raises(errors.NotFound):
        people.learner(admin, learner_id)
    with pytest.raises(errors.Unauthenticated):
        school.identity.principal_of_session(token)
    assert learner_id not in {one.id for one in people.learners(admin, school.class_.id)}
    assert people.consented(school.school_id, "improvement") == frozenset()
    assert {a.id: a.name for a in school.identity.accounts(admin)}[learner_id] == crypto.ERASED
    fresh = crypto.Vault((school.platform.settings.home / "keys" / "master.key").read_bytes())
    with school.database.read() as conn:
        assert before is not None
        assert fresh.open(conn, learner_id, "people_learner.name", before.name) == crypto.ERASED
    assert add(school, "2", name="Next"), "the number is free again"
    with pytest.raises(errors.NotFound):
        people.erase(admin, learner_id)


def test_only_administrators_erase(school: Cast) -> None:
    with pytest.raises(errors.Forbidden):
        school.people.erase(school.who("teacher"), school.learner_id)
