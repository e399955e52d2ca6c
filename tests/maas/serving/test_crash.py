"""kill -9 of a worker, or of the server: what was promised is kept, and nothing is left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.maas.serving.conftest import Shelf, run, until
from tests.maas.serving.test_engine import ONES, status, story

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface
from shuyuan.maas.serving.engine import LocalEngine

pytestmark = pytest.mark.timeout(300)


def kill(engine: LocalEngine, model: str) -> int:
    pid = status(engine, model).worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_stream_cut_by_a_crash_says_worker_lost_while_others_are_answered(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        chunks = story(engine, max_tokens=400)
        await anext(chunks)
        dead = kill(engine, "tiny")
        with pytest.raises(interface.WorkerLost) as told:
            async for _ in chunks:
                pass
        assert (told.value.error_code, told.value.status) == ("worker_lost", 503)
        assert "y" in await engine.predict("linear", ONES)
        await until(lambda: status(engine, "tiny").state == "ready")
        now = status(engine, "tiny")
        assert now.worker_pid != dead
        assert now.restarts == 1
        assert now.in_flight == 0
        assert [chunk async for chunk in story(engine)][-1].finish_reason == "length"

    run(tiny, use)


def test_a_request_that_had_said_nothing_yet_is_retried_unseen(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> runners.Chunk:
        await engine.warm("tiny")
        pid = status(engine, "tiny").worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # it takes the request and cannot begin to answer
        answer = asyncio.create_task(_last(engine))
        await until(lambda: status(engine, "tiny").in_flight == 1)
        os.kill(pid, signal.SIGKILL)
        return await answer

    assert run(tiny, use).finish_reason == "length"


def test_requests_waiting_in_line_survive_the_crash(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> list[object]:
        await engine.warm("tiny")
        slots = status(engine, "tiny").slots
        holders = [story(engine, max_tokens=400) for _ in range(slots)]
        for holder in holders:
            await anext(holder)
        waiting = [asyncio.create_task(_last(engine)) for _ in range(3)]
        await until(lambda: status(engine, "tiny").queued == 3)
        kill(engine, "tiny")
        for holder in holders:
            with pytest.raises(interface.WorkerLost):
                async for _ in holder:
                    pass
        return [(await task).finish_reason for task in waiting]

    assert run(tiny, use) == ["length"] * 3


def test_a_worker_that_keeps_dying_is_restarted_ever_more_slowly(shelf: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("linear")
        lane = next(iter(engine._lanes.values()))
        pauses: list[float] = []
        for _ in range(3):
            await until(lambda: status(engine, "linear").state == "ready")
            kill(engine, "linear")
            await until(lambda: status(engine, "linear").state != "ready")
            pauses.append(lane._attempts._not_before - asyncio.get_running_loop().time())
        assert pauses[0] <= 0 < pauses[1] < pauses[2]
        assert (await engine.predict("linear", ONES))["y"].tolist() == [[2, 2, 2]]
        assert lane._attempts.failures == 0

    run(shelf, use)


def test_a_request_that_kills_its_worker_every_time_is_given_up(tiny: Shelf) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.warm("tiny")

        async def killer() -> None:
            while True:
                if (now := status(engine, "tiny")).in_flight and now.worker_pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(now.worker_pid, signal.SIGKILL)
                await asyncio.sleep(0)

        killing = asyncio.create_task(killer())
        try:
            with pytest.raises((interface.WorkerLost, interface.LoadFailed)):
                await _last(engine)
        finally:
            killing.cancel()
        await until(lambda: status(engine, "tiny").state == "ready")
        assert (await _last(engine)).finish_reason == "length"

    run(tiny, use)


def test_a_killed_server_leaves_no_worker_behind(tiny: Shelf) -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(tiny.files["tiny"].path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with server:
        assert server.stdout is not None
        worker = int(next(line for line in server.stdout if line.startswith("worker ")).split()[1])
        os.kill(server.pid, signal.SIGKILL)
    for _ in range(3000):
        if not _alive(worker):
            return
        time.sleep(0.01)
    raise AssertionError(f"worker {worker} outlived its server")


async def _last(engine: LocalEngine) -> runners.Chunk:
    return [chunk async for chunk in story(engine)][-1]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


_SERVER = """
import asyncio, sys
from pathlib import Path
from shuyuan.maas.serving.engine import LocalEngine
from tests.maas.serving.conftest import Shelf
from tests.maas.serving.test_engine import status, story

async def main():
    shelf = Shelf()
    shelf.put("tiny", Path(sys.argv[1]), "llama")
    engine = LocalEngine(shelf)
    async for _ in story(engine, max_tokens=400):
        print("worker", status(engine, "tiny").worker_pid, flush=True)

asyncio.run(main())
"""
