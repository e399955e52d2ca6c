"""What the school's items say, for learner models that read how hard a new one is: as learners read it, without key."""

from collections.abc import Callable

from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Courses, Language

_LANGUAGE: Language = "zh"  # of items in both; others are told in their own


def reader(courses: Courses, school_id: str) -> Callable[[str], str]:
    """item id → its prompt and choices, and how hard its author called it; empty for an item that is gone."""

    def says(item_id: str) -> str:
        try:
            question = courses.question(school_id, item_id, 0, _LANGUAGE)
            expected = courses.item(school_id, item_id).difficulty or ""
        except errors.NotFound:
            return ""
        return " ".join((expected, question.prompt, *(choice.text for choice in question.choices))).strip()

    return says
