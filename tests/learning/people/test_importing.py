"""Importing class lists: dry run, good lines in and bad ones listed, again and again."""

import threading

import pytest
from tests.identity.cast import Cast
from tests.learning.people.test_sheet import xlsx

from shuyuan.kernel import errors
from shuyuan.learning.people.interface import RosterReport

LIST = "学号,姓名,年龄段\n1,pupil of north,\n2,张三,13\n,没有学号,\n2,李四,\n3,王五,16-17\n".encode("gb18030")


def run(school: Cast, content: bytes, *, dry_run: bool = False, whole_school: bool = False) -> RosterReport:
    class_id = None if whole_school else school.class_.id
    return school.people.import_roster(school.who("teacher"), class_id, "list.csv", content, dry_run=dry_run)


def test_a_dry_run_tells_everything_and_writes_nothing(school: Cast) -> None:
    report = run(school, LIST, dry_run=True)
    assert [(row.line, row.action) for row in report.rows] == [
        (2, "same"),
        (3, "create"),
        (4, "refuse"),
        (5, "refuse"),
        (6, "create"),
    ]
    assert (report.created, report.updated, report.refused, report.dry_run) == (2, 0, 2, True)
    assert not report.pins
    assert len(school.people.learners(school.who("teacher"), school.class_.id)) == 1


def test_good_lines_go_in_and_bad_ones_are_listed_with_their_reason(school: Cast) -> None:
    report = run(school, LIST)
    assert {row.line: row.problem for row in report.rows if row.problem} == {
        4: "the student number is missing: give every pupil a number",
        5: "the number '2' is twice in the list: keep one line",
    }
    learners = school.people.learners(school.who("teacher"), school.class_.id)
    assert {one.number: (one.name, one.age_band) for one in learners} == {
        "1": ("pupil of north", "unknown"),
        "2": ("张三", "13_15"),
        "3": ("王五", "16_17"),
    }


def test_the_join_slips_let_the_new_pupils_in(school: Cast) -> None:
    report = run(school, LIST)
    assert [(slip.class_code, slip.number, slip.name) for slip in report.slips] == [
        (school.class_.code, "2", "张三"),
        (school.class_.code, "3", "王五"),
    ]
    for slip in report.slips:
        assert report.pins[slip.number] == slip.pin
        assert school.identity.sign_in_pupil(slip.class_code, slip.number, slip.pin).principal.role == "student"


def test_a_pin_of_the_list_is_kept(school: Cast) -> None:
    run(school, b"number,name,pin\n2,A,445566\n")
    assert school.identity.sign_in_pupil(school.class_.code, "2", "445566")


def test_the_same_list_again_changes_nothing_and_a_corrected_one_updates(school: Cast) -> None:
    run(school, LIST)
    again = run(school, LIST)
    assert (again.created, again.updated, again.slips) == (0, 0, ())
    corrected = run(school, "number,name,age\n02,张珊,15\n3,王五,18\n".encode())
    assert (corrected.created, corrected.updated) == (0, 2)
    by_number = {one.number: one for one in school.people.learners(school.who("teacher"), school.class_.id)}
    assert (by_number["2"].name, by_number["3"].age_band) == ("张珊", "adult")
    assert school.identity.account(school.who("teacher"), by_number["2"].id).name == "张珊"


def test_an_xlsx_fills_several_classes_by_name(school: Cast) -> None:
    second = school.people.create_class(school.who("teacher"), "八年级")
    content = xlsx(("学号", "姓名", "班级"), (2, "A", "Class of north"), (2, "B", "八年级"), (3, "C", "九年级"))
    report = run(school, content, whole_school=True)
    assert (report.created, report.refused) == (2, 1)
    assert "unknown class '九年级'" in str(report.rows[2].problem)
    assert set(report.pins) == {f"{school.class_.code}:2", f"{second.code}:2"}


def test_a_teacher_cannot_fill_a_class_of_somebody_else(school: Cast) -> None:
    school.people.create_class(school.who("admin"), "八年级")
    report = run(school, "number,name,class\n1,A,八年级\n".encode(), whole_school=True)
    assert (report.created, report.refused) == (0, 1)


def test_an_import_is_one_unit_all_good_lines_or_none(school: Cast) -> None:
    real = school.platform.get("identity").create_account

    def fails_at_the_third(uow: object, **told: object) -> str:
        if told["name"] == "C":
            raise errors.Conflict("somebody took the number meanwhile")
        return str(real(uow, **told))

    school.platform.get("identity").create_account = fails_at_the_third
    with pytest.raises(errors.Conflict):
        run(school, b"number,name\n2,A\n3,B\n4,C\n")
    assert len(school.people.learners(school.who("teacher"), school.class_.id)) == 1


def test_two_imports_at_once_leave_every_pupil_once(school: Cast) -> None:
    content = ("number,name\n" + "\n".join(f"{n},P{n}" for n in range(2, 12))).encode()
    outcomes: list[str] = []

    def one() -> None:
        try:
            outcomes.append(f"{run(school, content).created}")
        except errors.Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "10" in outcomes
    assert len(school.people.learners(school.who("teacher"), school.class_.id)) == 11
