"""What items say as vectors: of words always, of meaning where a search model answers."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shuyuan.compose import Platform
from shuyuan.kernel import errors
from shuyuan.kernel.mainloop import MainLoop
from shuyuan.learning.courses import wording
from shuyuan.learning.courses.interface import built_in, read_folder
from shuyuan.science.text import wordvectors


class Search:
    """Stands for a search model: a vector a text, by the version that answers just now."""

    def __init__(self) -> None:
        self.version, self.read = "models:/embed/1", list[str]()
        self.trouble: Exception | None = None

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
    for folder in sorted(path.parent for path in built_in().glob("*/course.yaml"))[:1]:
        platform.get("courses").load(school_id, read_folder(folder), by="system")
    return school_id


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
    first, read = wordings.of(school_id), len(search.read)
    again = wordings.of(school_id)
    assert len(search.read) == read
    assert (again.items.vectors == first.items.vectors).all()
    wordings._known = wordings._known._replace(vectors=dict(list(wordings._known.vectors.items())[:-1]))
    search.version = "models:/embed/2"
    told = wordings.of(school_id)
    assert set(told.items.vectors[:, -1]) == {2.0}  # never vectors of two versions side by side


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
