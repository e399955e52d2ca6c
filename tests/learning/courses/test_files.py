"""Course files: a sound course loads; a faulty one says file, place, problem and fix for every fault."""

from collections.abc import Callable, Mapping

import pytest

from shuyuan.learning.courses import checks, files, interface, passages
from shuyuan.learning.courses.grading import grader

COURSE = """
slug: demo
version: 2
title: {zh: 示例, en: Demo}
subject: mathematics
licence: Apache-2.0
misconceptions:
  - {slug: adds, name: {zh: 加, en: Adds}}
points:
  - {slug: late, name: {zh: 后, en: Late}, requires: [early]}
  - {slug: early, name: {zh: 前, en: Early}}
units:
  - slug: u1
    title: {zh: 一, en: One}
    lessons:
      - {slug: l1, title: {zh: 课, en: Lesson}, minutes: 10, points: [early, late], text: lessons/l1}
"""
LESSON = "# Title\n\n## First {#first}\n\nBody $x$.\n\n## Second {#second}\n\n```\n## not a heading\n```\n"
ITEMS = """
- id: one
  points: [early]
  kind: numeric
  prompt: {zh: "{a} 的两倍？", en: "Twice {a}?"}
  params: {a: {int: [3, 9]}}
  answer: "{2*a}"
  wrong: [{answer: "{a+2}", misconception: adds}]
  hints: [{zh: 两倍就是加两次, en: Add it twice}]
  passage: first
- id: two
  points: [late]
  kind: single
  prompt: Which?
  choices:
    - {id: a, text: 1, correct: true}
    - {id: b, text: 2, misconception: adds}
"""
FILES = {"course.yaml": COURSE, "items/a.yaml": ITEMS, "lessons/l1.zh.md": LESSON, "lessons/l1.en.md": LESSON}


def refused(given: Mapping[str, str], judge: grader.Grader) -> list[str]:
    with pytest.raises(interface.ContentRefused) as error:
        files.load(given, judge)
    return [str(fault) for fault in error.value.faults]


def changed(file: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[file]
    return {**FILES, file: FILES[file].replace(old, new)}


def test_a_sound_course_loads_with_full_ids(judge: grader.Grader) -> None:
    content = files.load(FILES, judge)
    course = content.course
    assert course.id == "demo"
    assert [point.requires for point in course.points] == [("demo.early",), ()]
    (lesson,) = course.lessons
    assert lesson.points == ("demo.early", "demo.late")
    assert [passage.id for passage in lesson.passages] == ["demo.first", "demo.second"]
    assert "## not a heading" in lesson.passages[1].text.en
    assert [item.id for item in content.items] == ["demo.one", "demo.two"]
    assert content.items[0].passage == "demo.first"


def test_content_survives_storage_as_json(judge: grader.Grader) -> None:
    content = files.load(FILES, judge)
    assert interface.Content.model_validate_json(content.model_dump_json(by_alias=True)) == content


def test_points_come_prerequisites_first(judge: grader.Grader) -> None:
    ordered = checks.in_order(files.load(FILES, judge).course.points)
    assert [point.id for point in ordered] == ["demo.early", "demo.late"]


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        ("course.yaml", "slug: demo", "slug: De mo", ["course.yaml", "De mo", "small letters"]),
        ("course.yaml", "licence: Apache-2.0", "", ["course.yaml: licence", "add licence"]),
        ("course.yaml", "version: 2", "version: two", ["course.yaml: version", "'two'"]),
        ("course.yaml", "subject:", "subjekt:", ["subjekt", "spelling"]),
        ("course.yaml", "title: {zh: 示例", "title: {zh: [", ["course.yaml: line", "not YAML"]),
        ("course.yaml", "requires: [early]", "requires: [never]", ["point demo.late", '"never" does not exist']),
        ("course.yaml", "{slug: early,", "{requires: [late], slug: early,", ["circle", "demo.late → demo.early"]),
        ("course.yaml", "{slug: early,", "{slug: late,", ['"demo.late" occurs 2 times']),
        ("lessons/l1.en.md", "{#second}", "{#2nd}", ["lessons/l1.*.md", "first, second", "first, 2nd"]),
        ("items/a.yaml", "- id: two", "- id: one", ['"demo.one" occurs 2 times']),
        ("items/a.yaml", "points: [late]", "points: [lost]", ["items/a.yaml: item demo.two, points", '"lost"']),
        ("items/a.yaml", "passage: first", "passage: third", ["item demo.one, passage", '"third"']),
        ("items/a.yaml", "misconception: adds}\n", "misconception: sums}\n", ["item demo.two, misc", '"sums"']),
        ("items/a.yaml", "kind: numeric", "kind: number", ["items/a.yaml: item one", "kind"]),
        ("items/a.yaml", "kind: numeric", "", ["items/a.yaml: item one", "kind"]),
        ("items/a.yaml", "correct: true", "", ["item demo.two, choices", "0 choices are correct", "exactly one"]),
        ("items/a.yaml", "text: 2,", "text: 1,", ['"1" occurs 2 times']),
        ("items/a.yaml", "Twice {a}?", "Twice {b}?", ["item demo.one, prompt", "{b} is no param", "names are a"]),
        ("items/a.yaml", "{2*a}", "{2*z}", ["item demo.one, params", '"z" has no value']),
        ("items/a.yaml", "{a+2}", "{a+a}", ["item demo.one, wrong", "is correct"]),
        ("items/a.yaml", "- id: two", "- id: two\n  colour: red", ["item two, colour", "spelling"]),
    ],
)
def test_a_fault_names_file_place_problem_and_fix(
    file: str, old: str, new: str, parts: list[str], judge: grader.Grader
) -> None:
    faults = refused(changed(file, old, new), judge)
    assert any(all(part in fault for part in parts) for fault in faults), faults


def test_a_hint_that_states_the_answer_is_refused(judge: grader.Grader) -> None:
    given = changed("items/a.yaml", "en: Add it twice", "en: 'So it is {d}'")
    given["items/a.yaml"] = given["items/a.yaml"].replace('answer: "{2*a}"', "derive: {d: 2*a}\n  answer: '{d}'")
    (fault,) = refused(given, judge)
    assert "hint 1 (en) states the answer" in fault


def test_a_key_that_the_grammar_cannot_read_is_refused(judge: grader.Grader) -> None:
    expression = "\n- {id: three, points: [late], kind: expression, prompt: '?', answer: 'x +', variables: [x]}\n"
    (fault,) = refused({**FILES, "items/b.yaml": expression}, judge)
    assert "items/b.yaml: item demo.three, answer" in fault


def test_a_key_that_lacks_its_own_form_is_refused(judge: grader.Grader) -> None:
    expression = "\n- {id: three, points: [late], kind: expression, prompt: '?', answer: '2(x+1)', form: expanded}\n"
    (fault,) = refused({**FILES, "items/b.yaml": expression}, judge)
    assert "multiply out" in fault


def test_all_faults_are_listed_at_once(judge: grader.Grader) -> None:
    given = changed("items/a.yaml", "points: [late]", "points: [lost]")
    given["items/a.yaml"] = given["items/a.yaml"].replace("passage: first", "passage: third")
    assert len(refused(given, judge)) == 2


def test_an_empty_folder_says_what_is_missing(judge: grader.Grader) -> None:
    (fault,) = refused({}, judge)
    assert "course.yaml" in fault


@pytest.mark.parametrize(
    "text", ["- 1\n", "x: 1", "", "!!python/object/apply:os.system ['id']", "&a [*a]", "- &a {id: *a}"]
)
def test_no_item_file_breaks_the_reader(text: str, judge: grader.Grader) -> None:
    given = {**FILES, "items/a.yaml": text}
    load: Callable[[], object] = lambda: files.load(given, judge)  # noqa: E731
    if text == "":
        assert load()
        return
    with pytest.raises(interface.ContentRefused):
        load()


def test_a_small_file_cannot_swell(judge: grader.Grader) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (fault,) = refused({**FILES, "course.yaml": bomb}, judge)[:1]
    assert "line 2" in fault
    assert "alias" in fault


def test_a_key_written_twice_is_refused(judge: grader.Grader) -> None:
    faults = refused(changed("items/a.yaml", "  kind: single", "  kind: single\n  kind: multiple"), judge)
    assert '"kind" occurs twice' in faults[0]


def test_a_lesson_without_headings_is_one_passage() -> None:
    (passage,), problem = passages.read("demo", "正文", "Body")
    assert problem == ""
    assert (passage.id, passage.text.zh) == ("demo.intro", "正文")
