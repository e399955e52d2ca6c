"""Wrong answers of simulated pupils look like a pupil's: never the right one with something stuck to it."""

from contextlib import closing
from fractions import Fraction

import pytest

from shuyuan.demo import school, slips
from shuyuan.learning.courses import interface as courses
from shuyuan.learning.courses.grading import grader

WORDS = ("词元", "参数", "训练数据", "上下文窗口", "同类项")


@pytest.mark.parametrize("key", ["3/4", "2/2", "0/3", "-1/2", "0.5", "-3", "12"])
def test_a_number_becomes_another_number(key: str) -> None:
    for seed in range(20):
        assert Fraction(slips.near(key, WORDS, seed)) != Fraction(key)


@pytest.mark.parametrize(("key", "wrong"), [("2*n + 1", {"2*n - 1"}), ("7*x", {"8*x"}), ("-x + 1", {"-x - 1"})])
def test_a_formula_loses_a_sign_or_is_one_off(key: str, wrong: set[str]) -> None:
    assert {slips.near(key, WORDS, seed) for seed in range(20)} == wrong


def test_a_word_becomes_another_word_of_the_course() -> None:
    told = {slips.near("同类项", WORDS, seed) for seed in range(40)}
    assert told <= set(WORDS) - {"同类项"}
    assert len(told) > 1
    assert slips.near("同类项", WORDS, 7) == slips.near("同类项", WORDS, 7)


@pytest.mark.parametrize("slug", school.COURSES)
def test_every_item_of_the_demo_gets_a_wrong_answer_that_can_be_read(slug: str) -> None:
    content = courses.read_folder(courses.built_in() / slug)
    words = [point.name.of("zh") for point in content.course.points]
    with closing(grader.Grader()) as judge:
        for item in content.items:
            for seed in (1, 77):
                question = grader.question(item, seed, "zh")
                key = question.key.answer
                if question.choices or not isinstance(key, str):
                    continue
                verdict = judge.grade(item, seed, told := slips.near(key, words, seed))
                assert (verdict.correct, verdict.malformed) == (False, False), f"{item.id}: {told!r} for {key!r}"
