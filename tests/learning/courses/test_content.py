"""The courses in `content/`: sound at 200 seeds, in both languages."""

from pathlib import Path

import pytest

from shuyuan.learning.courses import files, interface, rendering
from shuyuan.learning.courses.grading import grader

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[3] / "content").glob("*/course.yaml"))
SEEDS = 200

pytestmark = pytest.mark.skipif(not FOLDERS, reason="no course in content/")


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def content(request: pytest.FixtureRequest, judge: grader.Grader) -> interface.Content:
    return files.load_folder(request.param, judge)


def seeds(item: interface.Item) -> range:
    return range(SEEDS if item.params else 1)


def test_every_key_is_correct_and_every_typical_mistake_is_recognised(
    content: interface.Content, judge: grader.Grader
) -> None:
    for item in content.items:
        for seed in seeds(item):
            assert judge.key_fault(item, seed) == "", (item.id, seed)
            for answer, misconception in grader.wrong_answers(item, seed):
                verdict = judge.grade(item, seed, answer)
                assert (verdict.correct, verdict.malformed) == (False, False), (item.id, seed, answer)
                assert verdict.misconception == misconception, (item.id, seed, answer)


def test_every_item_speaks_both_languages_and_leads_in_steps(content: interface.Content) -> None:
    for item in content.items:
        assert len(item.hints) in (2, 3), item.id
        for text in (item.prompt, item.explanation, *item.hints):
            assert text.zh, item.id
            assert text.en, item.id


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_text_renders_and_leaves_no_placeholder(content: interface.Content, language: interface.Language) -> None:
    for item in content.items:
        for seed in list(seeds(item))[:5]:
            question = grader.question(item, seed, language)
            texts = [question.prompt, question.explanation, *question.hints, *(c.text for c in question.choices)]
            for name in (*item.params, *item.derive):
                assert not [text for text in texts if f"{{{name}}}" in text], item.id
            assert not [text for text in texts if "\\frac" in rendering.html(text)], item.id


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_passage_renders_its_mathematics(content: interface.Content, language: interface.Language) -> None:
    for lesson in content.course.lessons:
        assert lesson.passages, lesson.id
        for passage in lesson.passages:
            assert "\\frac" not in rendering.html(passage.text.of(language)), passage.id


def test_every_point_is_taught_and_practised(content: interface.Content) -> None:
    taught = {point for lesson in content.course.lessons for point in lesson.points}
    practised = {point for item in content.items for point in item.points}
    assert {point.id for point in content.course.points} == taught
    assert {point.id for point in content.course.points} <= practised
