"""What a name stands for is remembered for a second, and forgotten at once when somebody says so."""

import asyncio
import threading
from pathlib import Path

import numpy as np
from tests.maas import onnx_file
from tests.maas.serving.conftest import Shelf, run

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface
from shuyuan.maas.serving.engine import LocalEngine
from shuyuan.maas.serving.lookup import Lookup

ONES = {"x": np.ones((1, 3), np.float32)}


class Slow(Shelf):
    """Looks first, and answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.looked, self.go = threading.Semaphore(0), threading.Event()

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        found = super().locate(model, school_id)
        self.looked.release()
        assert self.go.wait(60)
        return found


def test_a_second_call_does_not_ask_and_one_after_forget_does(shelf: Shelf) -> None:
    async def use() -> None:
        lookup = Lookup(shelf)
        for _ in range(3):
            await lookup.find("linear", "a")
        assert shelf.asked == 1
        lookup.forget()
        await lookup.find("linear", "a")
        assert shelf.asked == 2

    asyncio.run(use())


def test_those_who_ask_at_once_share_one_look(tmp_path: Path) -> None:
    shelf = Slow()
    shelf.put("linear", tmp_path, "onnx")

    async def use() -> None:
        lookup = Lookup(shelf)
        asking = [asyncio.create_task(lookup.find("linear", "a")) for _ in range(5)]
        await asyncio.to_thread(shelf.looked.acquire)
        shelf.go.set()
        assert {found.version for found in await asyncio.gather(*asking)} == {"models:/linear/1"}
        assert shelf.asked == 1

    asyncio.run(use())


def test_an_answer_from_before_a_change_is_not_remembered_wherever_the_change_comes_from(tmp_path: Path) -> None:
    shelf = Slow()
    shelf.put("linear", tmp_path, "onnx")

    async def use() -> None:
        lookup = Lookup(shelf)
        before = asyncio.create_task(lookup.find("linear", "a"))
        await asyncio.to_thread(shelf.looked.acquire)
        shelf.put("linear", tmp_path, "onnx", version="2")
        await asyncio.to_thread(lookup.forget)
        after = asyncio.create_task(lookup.find("linear", "a"))
        await asyncio.to_thread(shelf.looked.acquire)
        shelf.go.set()
        assert (await before).version == "models:/linear/1"
        assert (await after).version == "models:/linear/2"
        assert lookup.recent("linear", "a") == await after

    asyncio.run(use())


def test_a_version_that_goes_is_gone_for_every_school_that_had_found_it(shelf: Shelf) -> None:
    newer = shelf.files["linear"].path.with_name("newer.onnx")
    newer.write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32) * 5))

    async def use(engine: LocalEngine) -> None:
        a, b = interface.Asker("a"), interface.Asker("b")
        for asker in (a, b):
            assert (await engine.predict("linear", ONES, asker=asker))["y"].tolist() == [[2, 2, 2]]
        shelf.put("linear", newer, "onnx", version="2")
        del engine._lookup._memory.found["a", "linear"]  # its second is over, that of the other is not
        for asker in (a, b):
            assert (await engine.predict("linear", ONES, asker=asker))["y"].tolist() == [[5, 5, 5]]

    run(shelf, use)
