"""Real models behind a real engine; the loop lives for the whole test."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from tests.maas import onnx_file, starter_files

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.catalogue import puller
from shuyuan.maas.serving.engine import LocalEngine

T = TypeVar("T")
Use = Callable[[LocalEngine], Coroutine[Any, Any, T]]


class Shelf:
    """A locator over given files; `pulling` and `missing` names are not there yet."""

    def __init__(self) -> None:
        self.files: dict[str, catalogue.Loadable] = {}
        self.progress: dict[str, catalogue.PullProgress] = {}
        self.asked = 0

    def put(
        self,
        name: str,
        path: Path,
        runner: catalogue.RunnerKind,
        version: str = "1",
        *,
        school_id: str = catalogue.SHARED,
        memory_bytes: int = 1,
        spec: Mapping[str, object] = {},
    ) -> None:
        own = school_id != catalogue.SHARED
        self.files[f"{school_id}/{name}" if own else name] = catalogue.Loadable(
            name=name,
            school_id=school_id,
            spec=spec,
            version=f"models:/{name}/{version}",
            path=path,
            runner=runner,
            tasks=("predict",),
            context_tokens=512,
            memory_bytes=memory_bytes,
        )

    def take(self, here: puller.Puller, name: str) -> None:
        self.files[name] = here.locate(name).model_copy(update={"context_tokens": 512})

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        self.asked += 1
        if found := self.files.get(f"{school_id}/{model}") or self.files.get(model):
            return found
        if model in self.progress:
            raise catalogue.NotPulled(f"{model} is not here", fix=f"pull {model}")
        raise catalogue.UnknownModel(f"there is no model named {model!r}", fix="use a known one")

    def pull_progress(self, model: str) -> catalogue.PullProgress | None:
        return self.progress.get(model)

    def known(self, school_id: str = catalogue.SHARED) -> list[str]:
        return [*(name for name in self.files if "/" not in name), *self.progress]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Holds `linear`, a small graph; tests add more."""
    made = Shelf()
    path = tmp_path / "linear.onnx"
    path.write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32) * 2))
    made.put("linear", path, "onnx")
    return made


@pytest.fixture
def tiny(shelf: Shelf) -> Shelf:
    """The shelf with the real chat model too."""
    shelf.take(starter_files.require("tiny"), "tiny")
    return shelf


@pytest.fixture
def encoder(shelf: Shelf) -> Shelf:
    """The shelf with the real sentence encoder too."""
    shelf.take(starter_files.require("minilm"), "minilm")
    return shelf


def run(shelf: Shelf, use: Use[T], **options: int) -> T:
    """Run `use(engine)` in a fresh loop, and close the engine whatever happens."""

    async def whole() -> T:
        engine = LocalEngine(shelf, **options)
        try:
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(whole())


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that must happen; fails after 60 s."""
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.01)


async def gathered(*work: Awaitable[T]) -> list[T | BaseException]:
    """Every outcome, errors included."""
    return await asyncio.gather(*work, return_exceptions=True)
