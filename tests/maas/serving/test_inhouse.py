"""Models that wait for another machine: their places come back, they have one replica, whatever is asked."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.maas.serving.conftest import Shelf, gathered, run, until
from tests.maas.serving.test_engine import status

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.engine import LocalEngine
from shuyuan.maas.serving.fairness import Flow
from shuyuan.maas.serving.inhouse import InHouse

pytestmark = pytest.mark.timeout(120)
HELLO = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def far(shelf: Shelf, tmp_path: Path) -> Shelf:
    """The shelf with a model on a machine that refuses every connection."""
    path = tmp_path / "far.json"
    path.write_text(json.dumps({"upstreams": [{"url": "http://127.0.0.1:9/v1", "model": "far"}]}))
    shelf.put("far", path, "remote", memory_bytes=10)
    return shelf


def test_an_answer_cancelled_before_its_first_step_gives_its_place_back_once(far: Shelf) -> None:
    async def use() -> None:
        worker, told = InHouse(), list[Call]()
        await worker.start()
        model = far.files["far"]
        await worker.load(model, 1)
        worker.on_over[model.key] = told.append
        call = Call("chat", HELLO, Flow(), 1)
        worker.submit(model.key, call)
        worker.cancel(call)
        await until(lambda: bool(told))
        await worker.stop()
        assert (told, worker._answers) == ([call], {})

    asyncio.run(use())


def test_however_many_replicas_are_asked_for_there_is_one_and_every_call_is_over(far: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("far", replicas=2)
        assert status(engine, "far").replicas == 1
        outcomes = await gathered(*(anext(engine.submit("far", "chat", HELLO)) for _ in range(4)))
        assert all(isinstance(outcome, Exception) for outcome in outcomes)
        await until(lambda: status(engine, "far").in_flight == 0)
        await engine.unload("far")

    run(far, use)


def test_an_answer_that_ends_by_itself_is_over_once(far: Shelf) -> None:
    class Short:
        async def answer(self, task: str, payload: runners.Payload):  # type: ignore[no-untyped-def]
            yield runners.Chunk("all", finish_reason="stop", usage=runners.Usage(1))

    async def use() -> None:
        worker, told = InHouse(), list[Call]()
        worker._runners["short"] = Short()  # type: ignore[assignment]
        worker.on_over["short"] = told.append
        call = Call("chat", HELLO, Flow(), 1)
        worker.submit("short", call)
        assert (await call.next()).text == "all"
        await asyncio.gather(*worker._running)
        await asyncio.sleep(0)
        assert told == [call]

    asyncio.run(use())
