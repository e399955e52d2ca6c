"""The grader child: bounded, restarted, shared by threads, clean of secrets."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import child, sandbox


def request(answer: str) -> dict[str, object]:
    return {"answer": answer, "key": "x+1", "wrong": [], "variables": ["x"], "form": "any"}


@pytest.fixture
def box() -> Iterator[sandbox.Sandbox]:
    made = sandbox.Sandbox()
    yield made
    made.close()


def stub(code: str, timeout_s: float = 0.3) -> sandbox.Sandbox:
    """A child that misbehaves as `code` says."""
    return sandbox.Sandbox(command=(sys.executable, "-S", "-c", code), timeout_s=timeout_s)


def test_the_child_starts_with_the_first_question_and_stays(box: sandbox.Sandbox) -> None:
    assert box.pid is None
    assert box.ask(request("1+x"))["outcome"] == "correct"
    first = box.pid
    assert box.ask(request("x"))["outcome"] == "wrong"
    assert box.pid == first


def test_a_killed_child_is_replaced_and_the_answer_still_graded(box: sandbox.Sandbox) -> None:
    box.ask(request("x"))
    assert box.pid is not None
    os.kill(box.pid, signal.SIGKILL)
    assert box.ask(request("1+x"))["outcome"] == "correct"


def test_many_threads_each_get_the_verdict_of_their_own_answer(box: sandbox.Sandbox) -> None:
    answers = [f"x+{n}" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda answer: box.ask(request(answer))["outcome"], answers))
    assert outcomes == ["correct" if n == 1 else "wrong" for n in range(200)]


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "raise SystemExit(1)",
        r"import sys; sys.stdout.buffer.write(b'\xff\xff\xff\xff'); sys.stdout.flush(); input()",
        r"import sys; sys.stdout.buffer.write(b'\0\0\0\2no'); sys.stdout.flush(); input()",
    ],
    ids=["hangs", "dies", "announces too much", "speaks nonsense"],
)
def test_a_child_that_fails_twice_is_reported_and_killed(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "START_TIMEOUT_S", 0.5)
    box = stub(code)
    with pytest.raises(interface.GraderUnavailable):
        box.ask(request("x"))
    assert box.pid is None
    assert box.restarts == 1


def test_the_child_inherits_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUYUAN_SECRET", "s3cret")
    code = (
        "import json, os, struct, sys; sys.stdin.buffer.read(4);"
        "m = json.dumps({'env': sorted(os.environ)}).encode();"
        "sys.stdout.buffer.write(struct.pack('>I', len(m)) + m); sys.stdout.flush(); input()"
    )
    box = stub(code)
    said: dict[str, object] = dict(box.ask(request("x")))
    box.close()
    assert "SHUYUAN_SECRET" not in str(said)


@pytest.mark.skipif(not child.LIMITED, reason="this system has no resource limits")
@pytest.mark.parametrize(
    ("burn", "ended_by"),
    [
        ("bytearray(2 * child.ADDRESS_SPACE_BYTES)", "MemoryError"),
        ("exec('while True: pass')", str(-signal.SIGXCPU)),
    ],
    ids=["memory", "time"],
)
def test_the_kernel_ends_a_child_that_takes_too_much(burn: str, ended_by: str) -> None:
    code = (
        "from shuyuan.learning.courses.grading import child\n"
        f"child.CPU_SECONDS_PER_REQUEST = 1\nchild._limit_once()\nchild._limit_cpu()\n{burn}"
    )
    environment = {"PYTHONPATH": str(sandbox._SOURCE_ROOT)}
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended_by in f"{done.returncode} {done.stderr}"


def test_a_child_found_dead_leaves_nothing_open(box: sandbox.Sandbox) -> None:
    """Left open, its pipes would be a ResourceWarning, which is an error here."""
    box.ask(request("x"))
    process = box._process
    assert process is not None
    process.kill()
    process.wait()
    assert box.ask(request("1+x"))["outcome"] == "correct"
    assert [stream.closed for stream in (process.stdin, process.stdout) if stream] == [True, True]
    assert box.restarts == 0


def test_a_closed_box_opens_again_for_the_next_question(box: sandbox.Sandbox) -> None:
    box.ask(request("x"))
    box.close()
    assert box.pid is None
    assert box.ask(request("x+1"))["outcome"] == "correct"
