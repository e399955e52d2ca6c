"""What items say as vectors: of words always, of meaning where a search model answers."""

import asyncio
import functools
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shuyuan.compose import Platform
from shuyuan.kernel import errors, jobs
from shuyuan.kernel.mainloop import MainLoop
from shuyuan.learning.courses import interface as courses_api
from shuyuan.learning.courses import wording
from shuyuan.learning.courses.interface import Content, built_in, read_folder
from shuyuan.maas.gateway.interface import MAX_CHARS
from shuyuan.science.text import wordvectors


class Search:
    """Stands for a search model: a vector a text, by the version that answers just now."""

    def __init__(self) -> None:
        self.version, self.read = "models:/embed/1", list[str]()
        self.trouble: Exception | None = None
        self.left: int | None = None

    def usage(self, principal: Any) -> Any:
        return [SimpleNamespace(scope="school", tokens_left=self.left, requests_left=None)]

    async def embed(self, principal: Any, model: str, texts: Sequence[str], **how: Any) -> Any:
        if self.trouble is not None:
            raise self.trouble
        self.read += texts
        vectors = np.asarray([[len(text), float(self.version[-1])] for text in texts], np.float32)
        return SimpleNamespace(receipt=SimpleNamespace(version=self.version), vectors=vectors)


@pytest.fixture
def main_loop() -> Iterator[MainLoop]:
    loop, made = asyncio.new_event_loop(), MainLoop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(_opened(made), loop).result()
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _opened(made: MainLoop) -> None:
    made.open()


@pytest.fixture
def school_id(platform: Platform) -> str:
    school_id: str = platform.get("identity").create_school("学校").id
    platform.get("courses").load(school_id, _content(), by="system")
    return school_id


@functools.cache
def _content() -> Content:
    return read_folder(min(path.parent for path in built_in().glob("*/course.yaml")))


def test_every_item_has_its_points_its_words_and_its_meaning(
    platform: Platform, school_id: str, main_loop: MainLoop
) -> None:
    search = Search()
    wordings = wording.Wordings(platform.get("courses"), search, main_loop)  # type: ignore[arg-type]
    told = wordings.of(school_id)
    ids, points, vectors = told.items
    assert told.by_meaning
    assert len(ids) > 20
    assert len(set(ids)) == len(ids)
    assert vectors.shape == (len(ids), wordvectors.WIDTH + 2)
    item = platform.get("courses").item(school_id, ids[0])
    assert tuple(points[0]) == item.points
    question = platform.get("courses").question(school_id, ids[0], 0, "zh")
    assert any(question.prompt in text and (item.difficulty or "") in text for text in search.read)
    assert np.linalg.norm(vectors[:, : wordvectors.WIDTH], axis=1) == pytest.approx(1.0)


def test_texts_are_read_once_and_anew_by_another_version_of_the_model(
    platform: Platform, school_id: str, main_loop: MainLoop
) -> None:
    search = Search()
    wordings = wording.Wordings(platform.get("courses"), search, main_loop)  # type: ignore[arg-type]
    texts = {"a": courses_api.says(platform.get("courses"), school_id, min(wordings._items(school_id))), "b": "unread"}
    assert wordings.known(school_id, texts) == {}
    first, read = wordings.of(school_id), len(search.read)
    assert {key: vector[1] for key, vector in wordings.known(school_id, texts).items()} == {"a": 1.0}
    assert wordings.known("another", texts) == {}
    assert len(search.read) == read, "what is known is told without asking"
    again = wordings.of(school_id)
    assert len(search.read) == read + 1, "one tells which version answers"
    assert (again.items.vectors == first.items.vectors).all()
    search.version = "models:/embed/2"
    told = wordings.of(school_id)
    assert set(told.items.vectors[:, -1]) == {2.0}  # never vectors of two versions side by side


def test_vectors_of_one_school_are_never_given_to_another(
    platform: Platform, school_id: str, main_loop: MainLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search()
    wordings = wording.Wordings(platform.get("courses"), search, main_loop)  # type: ignore[arg-type]
    wordings.of(school_id)
    read = len(search.read)
    other: str = platform.get("identity").create_school("另一所").id
    platform.get("courses").load(other, _content(), by="system")
    wordings.of(other)
    assert len(search.read) == 2 * read, "a version of its own may have the name of the other school's"
    monkeypatch.setattr(wording, "KEPT_VECTORS", 1)
    wordings.of(other)
    assert list(wordings._known) == [other]


def test_what_was_read_when_time_is_up_is_not_read_again(
    platform: Platform, school_id: str, main_loop: MainLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search()
    wordings = wording.Wordings(platform.get("courses"), search, main_loop)  # type: ignore[arg-type]
    monkeypatch.setattr(wording, "AT_ONCE", 5)
    monkeypatch.setattr(wording, "ALTOGETHER_S", -1.0)
    assert not wordings.of(school_id).by_meaning
    monkeypatch.setattr(wording, "ALTOGETHER_S", 60.0)
    search.read.clear()
    answers = search.embed

    async def breaks(*asked: Any, **how: Any) -> Any:
        if len(search.read) >= 11:
            raise TimeoutError
        return await answers(*asked, **how)

    monkeypatch.setattr(search, "embed", breaks)
    assert not wordings.of(school_id).by_meaning
    monkeypatch.setattr(search, "embed", answers)
    assert wordings.of(school_id).by_meaning
    assert len(search.read) == len(set(search.read)) + 1, "the first is asked each time"


def test_lessons_come_first_where_the_allowance_of_a_school_is_small(
    platform: Platform, school_id: str, main_loop: MainLoop
) -> None:
    search = Search()
    search.left = 5_000
    wordings = wording.Wordings(platform.get("courses"), search, main_loop)  # type: ignore[arg-type]
    assert not wordings.of(school_id).by_meaning
    assert len(search.read) == 1
    search.left = 5_000_000
    assert wordings.of(school_id).by_meaning


def test_an_item_without_words_has_no_meaning_and_a_long_one_is_cut(
    platform: Platform, school_id: str, main_loop: MainLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search()
    told = iter(["", " ", "x" * 200_000])
    monkeypatch.setattr(wording, "says", lambda *of: next(told, "some words"))
    vectors = wording.Wordings(platform.get("courses"), search, main_loop).of(school_id).items.vectors  # type: ignore[arg-type]
    assert not vectors[:2].any()
    assert vectors[2, wordvectors.WIDTH] == wording.MOST_CHARS
    assert wording.MOST_CHARS * wording.AT_ONCE <= MAX_CHARS


def test_a_turn_does_not_go_on_with_words_alone_when_everything_stops(
    platform: Platform, school_id: str, main_loop: MainLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "is_stopping", lambda: True)
    with pytest.raises(errors.Unavailable):
        wording.Wordings(platform.get("courses"), Search(), main_loop).of(school_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("trouble", [errors.Unavailable("it is not here", fix="pull it"), TimeoutError()])
def test_words_do_where_no_search_model_answers(
    platform: Platform, school_id: str, main_loop: MainLoop, trouble: Exception
) -> None:
    search = Search()
    search.trouble = trouble
    told = wording.Wordings(platform.get("courses"), search, main_loop).of(school_id)  # type: ignore[arg-type]
    assert not told.by_meaning
    assert told.items.vectors.shape[1] == wordvectors.WIDTH
    without_server = platform.get("wordings").of(school_id)
    assert not without_server.by_meaning
    assert (without_server.items.vectors == told.items.vectors).all()


def test_a_school_without_courses_says_nothing(platform: Platform) -> None:
    school_id = platform.get("identity").create_school("学校").id
    assert platform.get("wordings").of(school_id).items.item_ids == []
