"""A server killed in the middle of a batch: the next one goes on, no finished line twice, none lost."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.maas.gateway.mediascript import MediaEngine, platform_on
from tests.maas.gateway.scripted import new_caller

from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.batch import batchwork, jobstore, jsonl

LINES = 90
ROOT = Path(__file__).parents[3]


def questions() -> bytes:
    lines = [
        {
            "custom_id": f"q{n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "tiny", "messages": [{"role": "user", "content": f"question {n}."}], "max_tokens": 5},
        }
        for n in range(1, LINES + 1)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@contextmanager
def server(home: Path, url: str, told: Path) -> Iterator["subprocess.Popen[bytes]"]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    words = [sys.executable, "-m", "tests.maas.gateway.batch_child", str(home), url, str(told)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT)
    try:
        yield child
    finally:
        assert child.stdin is not None
        child.stdin.close()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def test_a_killed_server_s_batch_is_finished_by_the_next(database_url: str, tmp_path: Path) -> None:
    home, told = tmp_path / "home", tmp_path / "told"
    platform = platform_on(Settings(home=home, database_url=database_url, starter="none", port=0), MediaEngine())
    try:
        owner = new_caller(platform.get("identity"), platform.get("db")).principal
        jobs, database = platform.get("batches"), platform.get("db")
        source = jobs.files.create(owner, "questions.jsonl", "batch", io.BytesIO(questions()))
        batch = jobs.create(owner, source.id, "/v1/chat/completions")
        with server(home, database_url, told) as first:
            until(lambda: stopped(first, lambda: jobs.get(owner, batch.id).completed), first)
            first.send_signal(signal.SIGKILL)
            first.wait()
        with database.read() as conn:
            finished = jobstore.answered(conn, batch.id, 1, LINES)
        assert 4 <= len(finished) % jsonl.CHUNK_LINES <= 31
        assert jobs.get(owner, batch.id).status == "in_progress"
        with server(home, database_url, told) as second:
            until(lambda: jobs.get(owner, batch.id).status == "completed", second)
            done = jobs.get(owner, batch.id)
            content = b"".join(jobs.files.content(owner, done.output_file_id or ""))
        asked = Counter(int(n) for n in re.findall(r"question (\d+)\.", told.read_text()))
        answers = [json.loads(line)["custom_id"] for line in content.splitlines()]
        assert answers == [f"q{n}" for n in range(1, LINES + 1)]
        assert (done.completed, done.failed) == (LINES, 0)
        assert all(asked[n] == 1 for n in finished)
        assert sum(asked.values()) - LINES <= batchwork.AT_ONCE_OF_A_BATCH
        calls = Counter(call.status for call in platform.get("gateway").calls(owner, limit=500))
        assert calls["reserved"] == 0
        assert LINES <= calls["settled"] <= LINES + batchwork.AT_ONCE_OF_A_BATCH
    finally:
        platform.close()


def stopped(server: "subprocess.Popen[bytes]", completed: Callable[[], int]) -> bool:
    """Whether it stands still in the middle of a chunk: finished lines beside unfinished ones, however slow we look."""

    def halfway() -> bool:
        return 4 <= completed() % jsonl.CHUNK_LINES <= 24

    if not halfway():
        return False
    server.send_signal(signal.SIGSTOP)
    if halfway():
        return True
    server.send_signal(signal.SIGCONT)
    return False


def until(true: Callable[[], bool], child: "subprocess.Popen[bytes]") -> None:
    for _ in range(900):
        if true():
            return
        assert child.poll() is None, "the server ended by itself"
        time.sleep(0.05)
    raise AssertionError("it did not happen")
