"""Another number of replicas, another version: what is refused changes nothing, and nobody waits for ever."""

import asyncio

import numpy as np
import pytest
from tests.maas import onnx_file
from tests.maas.serving.conftest import Shelf, run, until
from tests.maas.serving.test_engine import ONES, status, story

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface, upkeep
from shuyuan.maas.serving import worker as workers
from shuyuan.maas.serving.engine import LocalEngine
from shuyuan.maas.serving.lane import Lane
from shuyuan.maas.serving.placement import Workers
from shuyuan.maas.serving.worker import Loaded, Worker

pytestmark = pytest.mark.timeout(300)


def lane_of(engine: LocalEngine) -> Lane:
    (lane,) = engine._lanes.values()
    return lane


def test_more_replicas_than_can_ever_fit_are_refused_and_the_present_one_goes_on(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        pid = status(engine, "linear").worker_pid
        engine._budget.budget_bytes = engine.residency().used_bytes * 2
        with pytest.raises(interface.NeverFits):
            await engine.warm("linear", replicas=16)
        await engine.warm("linear")
        assert "y" in await engine.predict("linear", ONES)
        assert (status(engine, "linear").worker_pid, status(engine, "linear").replicas) == (pid, 1)

    run(shelf, use)


def test_replicas_that_turn_out_too_large_give_way_to_the_old_number(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        lane = lane_of(engine)
        engine._budget.budget_bytes = engine.residency().used_bytes * 3 // 2
        lane.measured_bytes = 1  # the guess was low
        with pytest.raises(interface.NeverFits):
            await engine.warm("linear", replicas=2)
        await until(lambda: status(engine, "linear").state == "ready")
        assert status(engine, "linear").replicas == 1
        assert "y" in await engine.predict("linear", ONES)

    run(shelf, use)


def test_a_replica_that_fails_half_way_leaves_a_model_that_answers(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, load = [0], Worker.load

    async def third_fails(self: Worker, model: catalogue.Loadable, threads: int) -> Loaded:
        loads[0] += 1
        if loads[0] == 3:
            raise OSError("no more processes")
        return await load(self, model, threads)

    monkeypatch.setattr(Worker, "load", third_fails)

    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        with pytest.raises(interface.LoadFailed):
            await engine.warm("linear", replicas=2)
        assert "y" in await engine.predict("linear", ONES, deadline_s=60)
        assert status(engine, "linear").replicas == 1

    run(shelf, use)


def test_a_model_that_does_not_stop_answering_keeps_its_replicas_and_says_so(
    tiny: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_DRAIN_LIMIT_S", 0.05)

    async def use(engine: LocalEngine) -> None:
        stream = story(engine, max_tokens=400)
        await anext(stream)
        pid = status(engine, "tiny").worker_pid
        with pytest.raises(errors.Conflict, match="still answering"):
            await engine.warm("tiny", replicas=2)
        await stream.aclose()
        assert [chunk async for chunk in story(engine)][-1].finish_reason == "length"
        assert (status(engine, "tiny").worker_pid, status(engine, "tiny").replicas) == (pid, 1)

    run(tiny, use)


def test_the_number_changes_under_load_that_comes_while_the_model_is_being_loaded(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        over = asyncio.Event()

        async def ask() -> int:
            answered = 0
            while not over.is_set():
                assert "y" in await engine.predict("linear", ONES)
                answered += 1
            return answered

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        await until(lambda: status(engine, "linear").state == "loading")
        async with asyncio.timeout(60):
            await engine.warm("linear", replicas=2)
            await engine.warm("linear", replicas=1)
        over.set()
        assert all(answered > 0 for answered in await asyncio.gather(*asking))
        assert status(engine, "linear").replicas == 1
        assert engine.residency().used_bytes > 0, "its budget entry is not lost"

    run(shelf, use)


def test_whoever_asks_for_a_model_is_not_kept_waiting_for_ever(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(self: Worker, model: catalogue.Loadable, threads: int) -> Loaded:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Worker, "load", stuck)
    monkeypatch.setattr(upkeep, "_READY_LIMIT_S", 0.05)

    async def use(engine: LocalEngine) -> None:
        with pytest.raises(interface.DeadlineExceeded, match="not loaded within"):
            await engine.warm("linear", replicas=2)

    run(shelf, use)


def test_a_worker_stuck_in_a_load_is_ended_and_the_next_one_serves(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, stuck = Worker._ask, [True]

    async def asked(self: Worker, op: str, key: str, **details: object) -> dict[str, object]:
        if stuck[0]:
            await asyncio.Event().wait()
        return await ask(self, op, key, **details)

    monkeypatch.setattr(Worker, "_ask", asked)
    monkeypatch.setattr(upkeep, "_LOAD_LIMIT_S", 0.1)

    async def use(engine: LocalEngine) -> None:
        async with asyncio.timeout(60):
            await engine._workers.place(shelf.files["linear"].model_copy(update={"version": "another"}))
            with pytest.raises(interface.LoadFailed):
                await engine.warm("linear")
            stuck[0] = False
            monkeypatch.setattr(upkeep, "_LOAD_LIMIT_S", 300.0)
            assert "y" in await engine.predict("linear", ONES)

    run(shelf, use)


def test_a_worker_that_does_not_unload_is_ended_and_its_other_models_hear_of_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_UNLOAD_LIMIT_S", 0.1)

    async def use() -> None:
        worker, dead = Worker(), list[str]()
        await worker.start()
        worker.on_death["other"] = lambda: dead.append("other")
        worker._said["unloaded", "stuck"] = asyncio.get_running_loop().create_future()  # asked, never answered
        async with asyncio.timeout(60):
            await worker.unload("stuck")
        assert (dead, worker.alive) == (["other"], False)

    asyncio.run(use())


def test_pin_keep_alive_and_replicas_follow_an_alias_to_the_new_version(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear", replicas=2)
        await engine.pin("linear")
        await engine.keep_alive("linear", 600)
        newer = shelf.files["linear"].path.with_name("newer.onnx")
        newer.write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32) * 5))
        used_bytes = engine.residency().used_bytes
        shelf.put("linear", newer, "onnx", version="2", memory_bytes=used_bytes // 3)
        engine.forget()
        engine._budget.budget_bytes = used_bytes * 3 // 2  # the old one, were it still pinned, would be in the way
        assert (await engine.predict("linear", ONES))["y"].tolist() == [[5, 5, 5]]
        now = status(engine, "linear")
        assert (now.version, now.pinned, now.keep_alive_s, now.replicas) == ("models:/linear/2", True, 600, 2)

    run(shelf, use)


def test_nothing_is_loaded_while_the_old_replicas_are_still_being_freed(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, placed = asyncio.Event(), list[str]()
    place, release = Workers.place, Workers.release

    async def placing(self: Workers, model: catalogue.Loadable, *, alone: bool = False) -> Worker:
        placed.append(model.name)
        return await place(self, model, alone=alone)

    async def releasing(self: Workers, model: catalogue.Loadable, worker: Worker) -> None:
        await gate.wait()
        await release(self, model, worker)

    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        monkeypatch.setattr(Workers, "place", placing)
        monkeypatch.setattr(Workers, "release", releasing)
        resizing = asyncio.create_task(engine.warm("linear", replicas=2))
        await until(lambda: not lane_of(engine)._replicas)
        asking = asyncio.create_task(engine.predict("linear", ONES))
        await until(lambda: status(engine, "linear").queued == 1)
        for _ in range(50):
            await asyncio.sleep(0)
        assert placed == []
        gate.set()
        await resizing
        assert "y" in await asking
        assert status(engine, "linear").replicas == 2
        assert engine.residency().used_bytes > 0

    run(shelf, use)
