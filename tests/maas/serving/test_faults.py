"""What must hold when things go wrong, with real workers: kills in mid-batch, overload, slow readers, replicas."""

import asyncio
import os
import signal
from typing import Any

import numpy as np
import pytest
from tests.maas.serving.conftest import Shelf, gathered, run, until
from tests.maas.serving.test_engine import ONES, status, story

from shuyuan.maas.serving import interface
from shuyuan.maas.serving.engine import LocalEngine

pytestmark = pytest.mark.timeout(300)
TEXTS = [f"{n} " + "words about rivers and stones " * (n % 5) for n in range(40)]


def stop(engine: LocalEngine, model: str) -> int:
    """Hold its worker still, as if it were deep in a long pass."""
    pid = status(engine, model).worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_a_worker_killed_in_mid_batch_costs_nobody_an_answer(encoder: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        expected = (await engine.embed("minilm", TEXTS)).vectors
        pid = stop(engine, "minilm")
        asking = asyncio.create_task(gathered(*(engine.embed("minilm", [text]) for text in TEXTS)))
        await until(lambda: status(engine, "minilm").in_flight == len(TEXTS))
        os.kill(pid, signal.SIGKILL)
        found = [answer.vectors[0] for answer in await asking if isinstance(answer, interface.Embeddings)]
        np.testing.assert_allclose(np.array(found), expected, atol=1e-4)
        assert status(engine, "minilm").restarts == 1

    run(encoder, use)


def test_cancelled_and_late_requests_cost_no_pass(encoder: Shelf) -> None:
    async def use(engine: LocalEngine) -> tuple[int, int]:
        await engine.embed("minilm", ["warm"])
        pid = stop(engine, "minilm")
        late = [asyncio.create_task(engine.embed("minilm", TEXTS, deadline_s=3)) for _ in range(2)]
        leaving = [asyncio.create_task(engine.embed("minilm", TEXTS)) for _ in range(4)]
        await until(lambda: status(engine, "minilm").queued + status(engine, "minilm").in_flight == 6)
        for task in leaving:
            task.cancel()
        assert all(isinstance(outcome, interface.DeadlineExceeded) for outcome in await gathered(*late))
        await gathered(*leaving)
        before = status(engine, "minilm").requests
        os.kill(pid, signal.SIGCONT)
        await engine.embed("minilm", ["after"])
        await until(lambda: status(engine, "minilm").in_flight == 0)
        return before, status(engine, "minilm").requests

    before, after = run(encoder, use)
    assert after == before + 1  # the last request alone was answered; test_batcher counts the passes


def test_five_times_the_load_is_refused_at_once_and_the_rest_is_answered(encoder: Shelf) -> None:
    async def use(engine: LocalEngine) -> list[Any]:
        await engine.warm("minilm")
        outcomes = await gathered(*(engine.embed("minilm", ["a short text"]) for _ in range(1600)))
        assert status(engine, "minilm").restarts == 0
        await engine.embed("minilm", ["still there"])
        return outcomes

    outcomes = run(encoder, use)
    refused = [outcome for outcome in outcomes if isinstance(outcome, interface.Overloaded)]
    answered = [outcome for outcome in outcomes if isinstance(outcome, interface.Embeddings)]
    assert len(answered) >= 256
    assert len(answered) + len(refused) == 1600
    assert all(one.retry_after_s >= 1 for one in refused)


def test_a_reader_who_is_slow_does_not_hold_up_others(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        slow = story(engine, max_tokens=40)
        await anext(slow)
        for _ in range(2):
            assert [chunk async for chunk in story(engine, max_tokens=8)][-1].finish_reason == "length"
        assert "y" in await engine.predict("linear", ONES)
        rest = [chunk async for chunk in slow]
        assert rest[-1].finish_reason == "length"

    run(tiny, use)


def test_exam_traffic_goes_before_what_already_waits(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> list[str]:
        order: list[str] = []
        await engine.warm("tiny")
        slots = status(engine, "tiny").slots
        holders = [story(engine, max_tokens=60) for _ in range(slots)]
        for holder in holders:
            await anext(holder)

        async def ask(name: str, asker: interface.Asker) -> None:
            payload = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
            async for _ in engine.submit("tiny", "chat", payload, asker=asker):
                if name not in order:
                    order.append(name)

        many = [ask("many", interface.Asker(group="g", person="many")) for _ in range(8)]
        asking = [asyncio.create_task(one) for one in many]
        await until(lambda: status(engine, "tiny").queued == 8)
        asking.append(asyncio.create_task(ask("exam", interface.Asker(group="e", person="x", priority=0))))
        await until(lambda: status(engine, "tiny").queued == 9)
        head = next(iter(engine._lanes.values()))._line.head()
        assert head is not None
        assert head.flow.exam
        for holder in holders:
            await holder.aclose()
        await gathered(*asking)
        return order

    assert "exam" in run(tiny, use)


def test_replicas_share_the_work_and_one_may_die(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear", replicas=2)
        assert status(engine, "linear").replicas == 2
        lane = next(iter(engine._lanes.values()))
        pids = {replica.worker.pid for replica in lane._replicas}
        assert len(pids) == 2
        os.kill(min(pids), signal.SIGKILL)
        answers = await gathered(*(engine.predict("linear", ONES) for _ in range(40)))
        assert all(isinstance(answer, dict) for answer in answers)
        await until(lambda: status(engine, "linear").replicas == 2)
        await engine.warm("linear", replicas=1)
        assert status(engine, "linear").replicas == 1
        assert "y" in await engine.predict("linear", ONES)

    run(shelf, use)


def test_predictions_that_declare_it_share_passes_and_keep_their_rows(shelf: Shelf) -> None:
    shelf.put("batched", shelf.files["linear"].path, "onnx", spec={"batch": True})

    async def use(engine: LocalEngine) -> None:
        rows = [{"x": np.full((1 + n % 3, 3), n, np.float32)} for n in range(50)]
        answers = await asyncio.gather(*(engine.predict("batched", one) for one in rows))
        for one, answer in zip(rows, answers, strict=True):
            np.testing.assert_array_equal(answer["y"], one["x"] * 2)

    run(shelf, use)


def test_a_name_is_looked_up_once_a_second_however_many_ask(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> int:
        await engine.warm("linear")
        before = shelf.asked
        for _ in range(20):
            await engine.predict("linear", ONES)
        return shelf.asked - before

    assert run(shelf, use) <= 2
