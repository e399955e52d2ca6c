"""The courses service on both databases: load once, keep ids, never mix schools, grade from memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.learning.courses import test_files, test_oatutor
from tests.statements import noted

from shuyuan.kernel import audit, crypto, db, errors
from shuyuan.learning.courses import files, importing, interface, shelf, tables
from shuyuan.learning.courses.grading import grader
from shuyuan.learning.courses.service import CoursesService

SCHOOL, OTHER = "s" * 26, "o" * 26
TEACHER = "t" * 26


@pytest.fixture
def courses(database: db.Database, vault: crypto.Vault) -> Iterator[CoursesService]:
    made = CoursesService(db=database, audit=audit.Audit(vault))
    yield made
    made.close()


def demo(judge: grader.Grader, *changes: tuple[str, str]) -> interface.Content:
    """The demo course of the file tests, with words replaced."""
    texts = dict(test_files.FILES)
    for old, new in changes:
        assert any(old in text for text in texts.values())
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    return files.load(texts, judge)


def test_a_loaded_course_is_listed_read_and_asked(courses: CoursesService, judge: grader.Grader) -> None:
    assert courses.courses(SCHOOL) == ()
    content = demo(judge)
    assert courses.load(SCHOOL, content, by=TEACHER)
    (summary,) = courses.courses(SCHOOL)
    assert (summary.id, summary.version, summary.lessons, summary.points, summary.items) == ("demo", 2, 1, 2, 2)
    assert courses.course(SCHOOL, "demo") == content.course
    assert courses.lesson(SCHOOL, "demo.l1") == content.course.lessons[0]
    assert [point.id for point in courses.graph(SCHOOL, "demo").points] == ["demo.early", "demo.late"]
    assert courses.items_of_point(SCHOOL, "demo.early") == ("demo.one",)
    assert courses.items_of_point(SCHOOL, "demo.none") == ()
    assert courses.item(SCHOOL, "demo.one") == content.items[0]
    assert courses.question(SCHOOL, "demo.one", 7, "en") == grader.question(content.items[0], 7, "en")


def test_grading_follows_the_seed_and_names_the_misconception(courses: CoursesService, judge: grader.Grader) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    for seed in range(5):
        key = courses.question(SCHOOL, "demo.one", seed, "zh").key.answer
        assert courses.grade(SCHOOL, "demo.one", seed, key).correct
        ((wrong, misconception),) = courses.wrong_answers(SCHOOL, "demo.one", seed)
        assert courses.grade(SCHOOL, "demo.one", seed, wrong).misconception == misconception == "demo.adds"


def test_grading_from_memory_asks_the_database_nothing(
    courses: CoursesService, judge: grader.Grader, database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "STALE_AFTER_S", 3600.0)
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    courses.grade(SCHOOL, "demo.one", 0, "1")
    with noted(database) as seen:
        courses.grade(SCHOOL, "demo.one", 0, "2")
        courses.grade(SCHOOL, "demo.two", 0, "a")
        courses.question(SCHOOL, "demo.two", 3, "en")
        courses.courses(SCHOOL)
    assert seen == []


def test_loading_the_same_content_again_changes_nothing(
    courses: CoursesService, judge: grader.Grader, database: db.Database
) -> None:
    assert courses.load(SCHOOL, demo(judge), by=TEACHER) is True
    assert courses.load(SCHOOL, demo(judge), by=TEACHER) is False
    with database.read() as conn:
        entries = conn.execute(select(audit.entry.c.action, audit.entry.c.object_id)).all()
    assert [tuple(entry) for entry in entries] == [("course.loaded", "demo")]


def test_a_new_version_replaces_items_and_retires_those_that_are_gone(
    courses: CoursesService, judge: grader.Grader
) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    newer = demo(judge, ("version: 2", "version: 3"), ("- id: two", "- id: three"), ("Twice {a}?", "Double {a}?"))
    assert courses.load(SCHOOL, newer, by=TEACHER)
    assert courses.question(SCHOOL, "demo.one", 0, "en").prompt.startswith("Double")
    assert courses.items_of_point(SCHOOL, "demo.late") == ("demo.three",)
    assert courses.grade(SCHOOL, "demo.two", 0, "a").correct, "old answers can still be shown and graded"
    (summary,) = courses.courses(SCHOOL)
    assert summary.items == 2


def test_an_older_version_is_a_conflict_naming_the_next_number(courses: CoursesService, judge: grader.Grader) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    with pytest.raises(errors.Conflict) as refused:
        courses.load(SCHOOL, demo(judge, ("version: 2", "version: 1")), by=TEACHER)
    assert "version: 3" in refused.value.fix


def test_another_schools_ids_are_not_found(courses: CoursesService, judge: grader.Grader) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    assert courses.courses(OTHER) == ()
    for ask in (
        lambda: courses.course(OTHER, "demo"),
        lambda: courses.lesson(OTHER, "demo.l1"),
        lambda: courses.graph(OTHER, "demo"),
        lambda: courses.items_of_point(OTHER, "demo.early"),
        lambda: courses.item(OTHER, "demo.one"),
        lambda: courses.question(OTHER, "demo.one", 0, "en"),
        lambda: courses.grade(OTHER, "demo.one", 0, "1"),
    ):
        with pytest.raises(errors.NotFound):
            ask()


def test_two_schools_keep_their_own_edition(courses: CoursesService, judge: grader.Grader) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    courses.load(OTHER, demo(judge, ("Twice {a}?", "Double {a}?")), by=TEACHER)
    assert courses.question(SCHOOL, "demo.one", 0, "en").prompt.startswith("Twice")
    assert courses.question(OTHER, "demo.one", 0, "en").prompt.startswith("Double")


@pytest.mark.parametrize("unknown", ["demo.nine", "nine.one", "", ".", "demo"])
def test_an_unknown_item_is_not_found_by_name(unknown: str, courses: CoursesService, judge: grader.Grader) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    with pytest.raises(errors.NotFound):
        courses.grade(SCHOOL, unknown, 0, "1")


def test_another_process_sees_the_new_edition_soon(
    courses: CoursesService,
    judge: grader.Grader,
    database: db.Database,
    vault: crypto.Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    courses.load(SCHOOL, demo(judge), by=TEACHER)
    assert courses.question(SCHOOL, "demo.one", 0, "en").prompt.startswith("Twice")
    elsewhere = CoursesService(db=database, audit=audit.Audit(vault))
    elsewhere.load(SCHOOL, demo(judge, ("Twice {a}?", "Double {a}?")), by=TEACHER)
    monkeypatch.setattr(shelf, "STALE_AFTER_S", 0.0)
    assert courses.question(SCHOOL, "demo.one", 0, "en").prompt.startswith("Double")
    elsewhere.close()


def test_the_order_of_params_survives_the_database(courses: CoursesService, judge: grader.Grader) -> None:
    """JSONB sorts keys; a param that must differ from an earlier one would then fail."""
    params = "params: {zz: {int: [3, 9]}, a: {int: [3, 9], not: [zz]}}"
    courses.load(SCHOOL, demo(judge, ("params: {a: {int: [3, 9]}}", params)), by=TEACHER)
    assert list(courses.item(SCHOOL, "demo.one").params) == ["zz", "a"]


def test_an_item_without_its_figure_is_kept_but_not_offered(courses: CoursesService, judge: grader.Grader) -> None:
    courses.load(SCHOOL, demo(judge, ("  kind: single", "  kind: single\n  needs_figure: true")), by=TEACHER)
    assert courses.items_of_point(SCHOOL, "demo.late") == ()
    assert courses.item(SCHOOL, "demo.two").needs_figure


def test_importing_a_folder_or_a_problem_set_reports_what_happened(courses: CoursesService, tmp_path: Path) -> None:
    for name, text in test_files.FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    assert list(importing.run(courses, SCHOOL, tmp_path, dry_run=True).lines()) == [
        "demo: would be imported",
        "2 questions",
    ]
    assert courses.courses(SCHOOL) == ()
    assert interface.import_from(courses, SCHOOL, tmp_path).loaded == {"demo": True}
    assert importing.run(courses, SCHOOL, tmp_path).loaded == {"demo": False}
    problems = tmp_path / "problems.jsonl"
    problems.write_text(f"{test_oatutor.line('$$4x+12$$', 1)}\n{test_oatutor.line('42a105c', 2)}\n", "utf-8")
    lines = list(importing.run(courses, SCHOOL, problems).lines())
    assert lines[0].startswith("left out a2: a2.1Demoa")
    assert lines[1:] == ["oatutor-elementary-algebra: imported", "1 of 2 problems (50.0 %), 1 left out", "1 questions"]


def test_importing_something_else_is_refused_by_name(courses: CoursesService, tmp_path: Path) -> None:
    with pytest.raises(errors.BadInput, match=r"notes\.txt"):
        importing.run(courses, SCHOOL, tmp_path / "notes.txt")


def test_no_row_lacks_its_school() -> None:
    for table in (tables.course, tables.item):
        assert "school_id" in table.primary_key.columns
