"""The engine with real workers: streams, queues, deadlines, cancellation, and honest words when it cannot."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from tests.maas import onnx_file, starter_files
from tests.maas.serving.conftest import Shelf, gathered, run, until

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.engine import LocalEngine

pytestmark = pytest.mark.timeout(300)
ONES = {"x": np.ones((1, 3), np.float32)}


def story(engine: LocalEngine, *, max_tokens: int = 16, **more: object) -> AsyncGenerator[runners.Chunk, None]:
    """A chat that is still talking at `max_tokens` (the most likely word each time: a drawn one may end early)."""
    messages = [{"role": "user", "content": "Tell me a story."}]
    payload = {"messages": messages, "max_tokens": max_tokens, "temperature": 0, **more}
    return engine.submit("tiny", "chat", payload)


def status(engine: LocalEngine, model: str) -> interface.ModelStatus:
    return next(found for found in engine.status() if found.model == model)


def test_a_chat_streams_from_the_first_call_on(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> list[runners.Chunk]:
        assert status(engine, "tiny").state == "pulled"
        chunks = [chunk async for chunk in story(engine)]
        now = status(engine, "tiny")
        assert (now.state, now.in_flight, now.queued, now.requests) == ("ready", 0, 0, 1)
        assert now.rss_bytes > 50 << 20
        assert now.load_s > 0
        assert now.slots > 1
        return chunks

    chunks = run(tiny, use)
    assert len(chunks) > 5
    assert chunks[-1].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 16


def test_texts_become_vectors(shelf: Shelf) -> None:
    shelf.take(starter_files.require("embed"), "embed")

    async def use(engine: LocalEngine) -> interface.Embeddings:
        return await engine.embed("embed", ["书"] * 70, kind="query")

    found = run(shelf, use)
    assert found.vectors.shape == (70, 384)
    assert found.prompt_tokens > 70
    np.testing.assert_allclose(found.vectors, found.vectors[:1].repeat(70, axis=0), atol=1e-4)


def test_small_models_share_one_worker_and_a_chat_model_has_its_own(tiny: Shelf) -> None:
    tiny.put("second", tiny.files["linear"].path, "onnx")

    async def use(engine: LocalEngine) -> None:
        await asyncio.gather(engine.warm("tiny"), engine.warm("linear"), engine.warm("second"))
        pids = [status(engine, name).worker_pid for name in ("linear", "second", "tiny")]
        assert pids[0] == pids[1] != pids[2]
        outputs = await engine.predict("second", ONES)
        assert outputs["y"].tolist() == [[2, 2, 2]]

    run(tiny, use)


def test_more_streams_than_slots_wait_their_turn_and_all_finish(tiny: Shelf) -> None:
    async def one(engine: LocalEngine) -> str | None:
        return [chunk async for chunk in story(engine, max_tokens=8)][-1].finish_reason

    async def use(engine: LocalEngine) -> list[str | None]:
        return await asyncio.gather(*(one(engine) for _ in range(10)))

    assert run(tiny, use) == ["length"] * 10


def test_over_the_bound_callers_hear_when_to_come_back(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> list[object]:
        return list(await gathered(*(engine.predict("linear", ONES) for _ in range(6))))

    outcomes = run(shelf, use, max_queue=2)
    refused = [outcome for outcome in outcomes if isinstance(outcome, interface.Overloaded)]
    assert len(refused) == 4
    assert all(one.retry_after_s >= 1 for one in refused)
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 2


def test_a_full_line_says_whether_any_other_model_is_at_work(tiny: Shelf) -> None:
    key = tiny.files["linear"].key

    async def use(engine: LocalEngine) -> list[bool]:
        engine.check_room(key)  # nobody waits yet
        waiting = list[asyncio.Task[object]]()
        waiting += [asyncio.create_task(engine.predict("linear", ONES)) for _ in range(2)]
        told = list[bool]()
        await until(lambda: status(engine, "linear").queued == 2)  # the model is being loaded
        for _ in range(2):
            with pytest.raises(interface.Overloaded) as refused:
                engine.check_room(key)
            told.append(refused.value.alone)
            if len(told) == 1:
                waiting.append(asyncio.create_task(_read(story(engine, max_tokens=4))))
                await until(lambda: status(engine, "tiny").queued == 1)
        await asyncio.gather(*waiting)
        return told

    assert run(tiny, use, max_queue=2) == [True, False]


async def _read(story: AsyncGenerator[runners.Chunk, None]) -> list[runners.Chunk]:
    return [chunk async for chunk in story]


def test_a_deadline_ends_a_long_answer_and_frees_its_slot(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")
        payload = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 400}
        with pytest.raises(interface.DeadlineExceeded, match=r"0\.3 s"):
            async for _ in engine.submit("tiny", "chat", payload, deadline_s=0.3):
                pass
        await until(lambda: status(engine, "tiny").in_flight == 0)
        assert [chunk async for chunk in story(engine)][-1].finish_reason == "length"

    run(tiny, use)


def test_a_reader_who_leaves_stops_the_work_in_the_worker(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        for _ in range(6):  # more often than there are slots: each must come back
            async with contextlib.aclosing(story(engine, max_tokens=400)) as chunks:
                await anext(chunks)
                call = the_call(engine)
            assert await _end_of(call) == "cancelled"
            assert call.stage == "over"
        await until(lambda: status(engine, "tiny").in_flight == 0)

    run(tiny, use)


def test_a_cancelled_task_frees_the_worker(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")

        async def read() -> None:
            async for _ in story(engine, max_tokens=400):
                pass

        task = asyncio.create_task(read())
        await until(lambda: status(engine, "tiny").in_flight == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: status(engine, "tiny").in_flight == 0)
        assert status(engine, "tiny").requests == 0

    run(tiny, use)


def test_a_refused_request_is_told_as_the_runner_said_it(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        with pytest.raises(runners.ContextTooLong):
            await anext(engine.submit("tiny", "chat", {"messages": [{"role": "user", "content": "river " * 3000}]}))
        with pytest.raises(runners.UnsupportedTask):
            await anext(engine.submit("tiny", "paint", {}))
        with pytest.raises(runners.BadPayload):
            await engine.predict("linear", {"x": np.ones((1, 9), np.float32)})
        assert [chunk async for chunk in story(engine)][-1].finish_reason == "length"

    run(tiny, use)


def test_an_unknown_model_is_named(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await anext(engine.submit("nothing", "chat", {}))

    with pytest.raises(catalogue.UnknownModel, match="'nothing'"):
        run(shelf, use)


def test_a_model_being_pulled_says_how_far_it_is(shelf: Shelf) -> None:
    shelf.progress["tutor"] = catalogue.PullProgress(name="tutor", stage="fetching", bytes_done=40, bytes_total=100)

    async def use(engine: LocalEngine) -> None:
        now = status(engine, "tutor")
        assert (now.state, now.progress) == ("pulling", 0.4)
        with pytest.raises(interface.Loading, match="40 %") as told:
            await anext(engine.submit("tutor", "chat", {}))
        assert told.value.retry_after_s > 0
        shelf.progress["tutor"] = shelf.progress["tutor"].model_copy(update={"stage": "failed", "error": "no network"})
        assert (status(engine, "tutor").state, status(engine, "tutor").reason) == ("failed", "no network")
        with pytest.raises(catalogue.NotPulled):
            await anext(engine.submit("tutor", "chat", {}))

    run(shelf, use)


def test_callers_wait_while_a_model_is_read_into_memory(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        first = asyncio.create_task(anext(story(engine)))
        await until(lambda: status(engine, "tiny").state == "loading")
        assert status(engine, "tiny").queued == 1
        assert (await first).finish_reason is None

    run(tiny, use)


def test_a_model_that_cannot_be_loaded_says_why_and_others_answer(shelf: Shelf) -> None:
    broken = shelf.files["linear"].path.with_name("broken.onnx")
    broken.write_bytes(b"no graph")
    shelf.put("broken", broken, "onnx")

    async def use(engine: LocalEngine) -> None:
        with pytest.raises(interface.LoadFailed, match="could not be loaded"):
            await engine.predict("broken", ONES)
        assert status(engine, "broken").state == "failed"
        assert "y" in await engine.predict("linear", ONES)

    run(shelf, use)


def test_an_alias_that_moves_serves_the_new_version_and_frees_the_old(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        assert (await engine.predict("linear", ONES))["y"].tolist() == [[2, 2, 2]]
        older = shelf.files["models:/linear/1"] = shelf.files["linear"]
        newer = older.path.with_name("newer.onnx")
        newer.write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32) * 5))
        shelf.put("linear", newer, "onnx", version="2")
        engine.forget()
        assert (await engine.predict("linear", ONES))["y"].tolist() == [[5, 5, 5]]
        assert status(engine, "linear").version == "models:/linear/2"
        await until(lambda: not engine._retiring)
        booked = interface.Asker(version=older.version)  # located before the alias moved
        assert (await engine.predict("linear", ONES, asker=booked))["y"].tolist() == [[2, 2, 2]]
        assert (await engine.predict("linear", ONES))["y"].tolist() == [[5, 5, 5]]

    run(shelf, use)


def test_an_idle_model_is_unloaded_and_comes_back(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")
        before = status(engine, "tiny").worker_pid
        assert before is not None
        await engine.unload("tiny")
        assert status(engine, "tiny").state == "pulled"
        assert not _runs(before)
        assert [chunk async for chunk in story(engine)][-1].finish_reason == "length"
        async with contextlib.aclosing(story(engine, max_tokens=400)) as chunks:
            await anext(chunks)
            with pytest.raises(errors.Conflict):
                await engine.unload("tiny")

    run(tiny, use)


def test_closing_stops_every_worker_and_later_calls_are_refused(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await asyncio.gather(engine.warm("tiny"), engine.warm("linear"))
        pids = [status(engine, name).worker_pid for name in ("tiny", "linear")]
        running = asyncio.create_task(gathered(anext(story(engine, max_tokens=400))))
        await asyncio.sleep(0)
        await engine.close()
        assert not any(_runs(pid) for pid in pids if pid)
        await running
        with pytest.raises(interface.Closed):
            await engine.predict("linear", ONES)

    run(tiny, use)


def test_the_server_side_imports_no_model_library() -> None:
    heavy = {"onnxruntime", "xllamacpp", "tokenizers", "torch", "transformers"}
    code = f"import sys, shuyuan.maas.serving.service; print(sorted({heavy!r} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def the_call(engine: LocalEngine) -> Call:
    ((call,),) = [replica.calls for lane in engine._lanes.values() for replica in lane._replicas]
    return call


async def _end_of(call: Call) -> str | None:
    while not (chunk := await call.next()).finish_reason:
        pass
    return chunk.finish_reason


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
