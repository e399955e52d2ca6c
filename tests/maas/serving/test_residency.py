"""A budget of bytes: who is loaded, who must leave, who never fits, and that nobody busy is freed."""

import asyncio
import contextlib

import numpy as np
import pytest
from tests.maas import onnx_file
from tests.maas.serving.conftest import Shelf, run, until
from tests.maas.serving.test_engine import ONES, status, story

from shuyuan.maas.serving import interface
from shuyuan.maas.serving.engine import LocalEngine
from shuyuan.maas.serving.residency import Budget, Unwanted

pytestmark = pytest.mark.timeout(300)


class Guest:
    """A model as the budget sees it."""

    def __init__(self, budget: Budget, name: str, used_at: float, *, idle: bool = True, pinned: bool = False) -> None:
        self.budget, self.name, self.used_at, self.idle, self.pinned = budget, name, used_at, idle, pinned

    async def unload(self) -> None:
        assert self.idle
        self.budget.release(self)


def wanted() -> bool:
    return True


def test_the_least_recently_used_idle_model_leaves_and_no_more_than_needed() -> None:
    async def use() -> list[str]:
        budget = Budget(100)
        for name, used_at, idle, pinned in [("old", 1, 1, 1), ("busy", 2, 0, 0), ("idle", 3, 1, 0), ("new", 4, 1, 0)]:
            await budget.admit(Guest(budget, name, used_at, idle=bool(idle), pinned=bool(pinned)), 25, wanted)
        await budget.admit(Guest(budget, "comer", 5), 20, wanted)
        return [guest.name for guest in budget.residents()]

    assert asyncio.run(use()) == ["old", "busy", "new", "comer"]


def test_nobody_leaves_when_that_would_not_make_room_and_a_busy_one_is_waited_for() -> None:
    async def use() -> None:
        budget = Budget(100)
        busy, idle = Guest(budget, "busy", 1, idle=False), Guest(budget, "idle", 2)
        await budget.admit(busy, 70, wanted)
        await budget.admit(idle, 20, wanted)
        coming = asyncio.create_task(budget.admit(Guest(budget, "comer", 3), 90, wanted))
        await asyncio.sleep(0)
        assert budget.taken_by(idle) == 20
        busy.idle = True
        budget.changed()
        await coming
        assert budget.used_bytes == 90

    asyncio.run(use())


def test_waiting_for_room_ends_when_nobody_wants_it_any_more() -> None:
    async def use() -> None:
        budget = Budget(100)
        await budget.admit(Guest(budget, "busy", 1, idle=False), 70, wanted)
        with pytest.raises(Unwanted):
            await budget.admit(Guest(budget, "comer", 3), 90, lambda: False)

    asyncio.run(use())


def test_what_can_never_fit_is_told_with_its_figures() -> None:
    async def use() -> None:
        budget = Budget(100 << 20)
        await budget.admit(Guest(budget, "pinned", 1, pinned=True), 60 << 20, wanted)
        with pytest.raises(interface.NeverFits, match=r"'huge' takes 200 MiB.*100 MiB") as told:
            await budget.admit(Guest(budget, "huge", 2), 200 << 20, wanted)
        assert (told.value.status, told.value.error_code) == (409, "model_too_large")
        assert "smaller" in told.value.fix
        with pytest.raises(interface.NeverFits, match="pinned models take 60 MiB") as told:
            await budget.admit(Guest(budget, "half", 2), 50 << 20, wanted)
        assert told.value.fix == "unpin a model"

    asyncio.run(use())


def test_without_a_setting_the_budget_is_a_part_of_what_is_free() -> None:
    assert 1 << 26 < Budget().budget_bytes < 1 << 46


def test_a_model_that_never_fits_is_refused_at_once_and_others_answer(shelf: Shelf) -> None:
    shelf.put("huge", shelf.files["linear"].path, "onnx", memory_bytes=1 << 40)

    async def use(engine: LocalEngine) -> None:
        with pytest.raises(interface.NeverFits, match="'huge'"):
            await engine.predict("huge", ONES)
        assert status(engine, "huge").state == "failed"
        assert "y" in await engine.predict("linear", ONES)

    run(shelf, use)


def test_a_model_that_turns_out_too_large_is_freed_again(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        with pytest.raises(interface.NeverFits):
            await engine.predict("linear", ONES)
        assert engine.residency().used_bytes == 0
        with pytest.raises(interface.NeverFits):
            await engine.predict("linear", ONES)

    run(shelf, use, memory_bytes=1 << 20)  # a Python process alone takes more


def test_a_second_model_makes_the_idle_one_leave_and_the_first_comes_back_when_called(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")
        took = engine.residency().used_bytes
        assert 100 << 20 < took < 2 << 30
        engine._budget.budget_bytes = took + (10 << 20)
        assert "y" in await engine.predict("linear", ONES)  # its guess fits, what it really takes does not
        assert [found.model for found in engine.residency().models] == ["linear"]
        assert status(engine, "tiny").state == "pulled"
        assert [chunk async for chunk in story(engine)][-1].finish_reason == "length"
        assert [found.model for found in engine.residency().models] == ["tiny"]

    run(tiny, use)


def test_a_busy_model_is_never_freed_and_the_newcomer_gets_its_turn_afterwards(tiny: Shelf) -> None:
    tiny.put("other", tiny.files["linear"].path, "onnx", memory_bytes=100 << 20)

    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")
        pid = status(engine, "tiny").worker_pid
        engine._budget.budget_bytes = engine.residency().used_bytes + (50 << 20)
        async with contextlib.aclosing(story(engine, max_tokens=60)) as chunks:
            await anext(chunks)
            coming = asyncio.create_task(engine.predict("other", ONES))
            await until(lambda: status(engine, "other").state == "loading")
            rest = [chunk async for chunk in chunks]
            assert rest[-1].finish_reason == "length"
            assert status(engine, "tiny").worker_pid == pid
        assert (await coming)["y"].tolist() == [[2, 2, 2]]
        assert status(engine, "tiny").state == "pulled"

    run(tiny, use)


def test_waiting_for_room_ends_with_the_deadline(tiny: Shelf) -> None:
    tiny.put("other", tiny.files["linear"].path, "onnx", memory_bytes=100 << 20)

    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")
        engine._budget.budget_bytes = engine.residency().used_bytes + (50 << 20)
        async with contextlib.aclosing(story(engine, max_tokens=400)) as chunks:
            await anext(chunks)
            with pytest.raises(interface.DeadlineExceeded):
                await engine.predict("other", ONES, deadline_s=0.2)
            await until(lambda: status(engine, "other").state != "loading")
            await anext(chunks)
        assert "y" in await engine.predict("other", ONES)

    run(tiny, use)


def test_a_pinned_model_stays_and_can_be_let_go(shelf: Shelf) -> None:
    shelf.put("second", shelf.files["linear"].path, "onnx", memory_bytes=50 << 20)

    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        await engine.pin("linear")
        assert status(engine, "linear").pinned
        engine._budget.budget_bytes = engine.residency().used_bytes + (40 << 20)
        with pytest.raises(interface.NeverFits, match="pinned"):
            await engine.warm("second")
        await engine.pin("linear", False)
        await engine.warm("second")
        assert [found.model for found in engine.residency().models] == ["second"]

    run(shelf, use)


def test_keep_alive_zero_frees_a_model_right_after_its_answer(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.keep_alive("linear", 0)
        for _ in range(2):
            assert "y" in await engine.predict("linear", ONES)
            await until(lambda: status(engine, "linear").state == "pulled")
            assert engine.residency().models == []
        await engine.keep_alive("linear", None)
        await engine.warm("linear")
        await asyncio.sleep(0)
        assert status(engine, "linear").state == "ready"

    run(shelf, use)


def test_the_status_tells_memory_use_and_replicas(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        before = status(engine, "linear")
        assert (before.last_used, before.replicas, before.memory_bytes) == (None, 0, 1)
        await engine.predict("linear", ONES)
        now = status(engine, "linear")
        assert now.last_used is not None
        assert (now.replicas, now.pinned, now.keep_alive_s) == (1, False, None)
        assert now.memory_bytes > 10 << 20
        assert engine.residency().used_bytes == now.memory_bytes

    run(shelf, use)


def test_a_thousand_registered_models_cost_no_process_and_next_to_no_memory(shelf: Shelf) -> None:
    for number in range(1000):
        shelf.put(f"m{number}", shelf.files["linear"].path, "onnx")

    async def use(engine: LocalEngine) -> None:
        assert len(engine.status()) == 1001
        assert engine.residency().used_bytes == 0
        assert engine._lanes == {}

    run(shelf, use)


def test_two_schools_with_the_same_name_get_each_their_own_version(shelf: Shelf) -> None:
    for school, factor in (("a", 3), ("b", 7)):
        path = shelf.files["linear"].path.with_name(f"{school}.onnx")
        path.write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32) * factor))
        shelf.put("linear", path, "onnx", school_id=school)

    async def use(engine: LocalEngine) -> None:
        for school, factor in (("a", 3), ("b", 7), ("c", 2), ("shared", 2), ("a", 3)):
            asker = interface.Asker(school_id=school)
            assert (await engine.predict("linear", ONES, asker=asker))["y"].tolist() == [[factor] * 3]
        assert not engine._retiring
        found = {(one.school_id, one.model): one.state for one in engine.status()}
        assert found == {("shared", "linear"): "ready", ("a", "linear"): "ready", ("b", "linear"): "ready"}
        await engine.unload("linear", school_id="a")
        assert {one.school_id for one in engine.residency().models} == {"shared", "b"}

    run(shelf, use)


def test_what_a_model_takes_while_it_answers_counts_too(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        lane = next(iter(engine._lanes.values()))
        at_rest = engine.residency().used_bytes
        lane._replicas[0].worker.rss_bytes = at_rest + (50 << 20)
        lane._note_growth()
        assert engine.residency().used_bytes == at_rest + (50 << 20)
        lane._replicas[0].worker.rss_bytes = 1
        lane._note_growth()
        assert engine.residency().used_bytes == at_rest + (50 << 20)  # it may need it again
        lane._replicas[0].worker.hosts.add("another")
        lane._replicas[0].worker.rss_bytes = at_rest + (90 << 20)
        lane._note_growth()
        assert engine.residency().used_bytes == at_rest + (50 << 20)  # whose growth it is, nobody knows
        lane._replicas[0].worker.hosts.remove("another")
        await engine.unload("linear")
        assert engine.residency().used_bytes == 0

    run(shelf, use)
