"""The page for writers of courses: its example loads, and it names what can be written."""

import re
from pathlib import Path

from shuyuan.learning.courses import checks, files, interface

PAGE = (Path(__file__).parents[2] / "docs" / "course-format.md").read_text("utf-8")
_WRITTEN = {"id": "slug", "between": "int", "differs_from": "not", "options": "choice"}  # as a file says it


def example() -> dict[str, str]:
    """Path → text of the course at the end of the page."""
    return dict(re.findall(r"^`([\w./]+)`\n```\w+\n(.*?)^```$", PAGE.partition("## A whole course")[2], re.M | re.S))


def test_the_example_loads_and_has_every_kind_of_item() -> None:
    content = files.load(example())
    assert {item.kind for item in content.items} == set(interface.Kind.__args__)  # type: ignore[attr-defined]
    assert [len(lesson.passages) for lesson in content.course.lessons] == [1]
    assert {item.id.partition(".")[0] for item in content.items} == {content.course.id}


def test_every_field_and_bound_that_can_be_written_is_named() -> None:
    items = (getattr(interface, f"{kind.title()}Item") for kind in interface.Kind.__args__)  # type: ignore[attr-defined]
    parts = (interface.Point, interface.Misconception, interface.Lesson, interface.Unit, interface.Attribution)
    models = (interface.Course, *parts, interface.Choice, interface.Wrong, interface.IntParam, *items)
    fields = {_WRITTEN.get(name, name) for model in models for name in model.model_fields} - {"passages"}
    assert not {name for name in fields if not re.search(rf"\b{name}\b", PAGE)}
    assert f"at {checks.SEEDS} draws" in PAGE
    assert f"{files.MAX_FILES} files of {files.MAX_FILE_BYTES // 1_000_000} MB" in PAGE
