"""Children are bounded, told from others, followed to their end, and end with the server they work for."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shuyuan.kernel import children, memory
from shuyuan.kernel.children import limits

WAITS = "import sys, json, os; sys.stdin.readline(); "  # until its starter has bounded it


def room(code: str, **more: object) -> children.Supervisor:
    """A room whose child runs this code; the folder is its first argument."""
    return children.Supervisor("none", (sys.executable, "-c", code), **more)  # type: ignore[arg-type]  # its fields


def until(holds: Callable[[], bool], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_child_stands_behind_the_server_and_takes_a_bounded_share(tmp_path: Path) -> None:
    told = room(
        WAITS + "import resource as r; from pathlib import Path; place = Path(sys.argv[1])\n"
        "said = {'nice': os.nice(0), 'oom': Path('/proc/self/oom_score_adj').read_text().strip()}\n"
        "said |= {n: r.getrlimit(getattr(r, 'RLIMIT_' + n))[1] for n in ('NOFILE', 'CORE', 'DATA')}\n"
        "(place / 'result.json').write_text(json.dumps(said))"
    ).run(tmp_path, given=b"go\n")
    assert (told["nice"], told["oom"], told["CORE"]) == (os.nice(0) + 10, "500", 0)
    assert told["NOFILE"] == 1024
    bound = resource.RLIM_INFINITY if limits._CARD.exists() else int(0.75 * memory.machine_bytes())
    assert told["DATA"] == bound


def test_more_memory_than_its_share_fails_in_the_child_which_can_say_so(tmp_path: Path) -> None:
    bounded = room(
        WAITS + "from shuyuan.kernel import children; from pathlib import Path\n"
        "try: bytearray(1 << 30)\n"
        "except MemoryError as wrong:\n"
        "    (Path(sys.argv[1]) / 'error.json').write_text(json.dumps(children.trouble(wrong))); sys.exit(64)",
        limits=children.Limits(memory_bytes=200 << 20),
        refused=lambda said: ValueError(said["code"]),
    )
    with pytest.raises(ValueError, match="out_of_memory"):
        bounded.run(tmp_path, given=b"go\n")


def test_one_that_dies_is_tried_again_and_given_up_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="code 9: no room left"):
        room("import sys; print('no room left'); sys.exit(9)", attempts=2).run(tmp_path)
    assert (tmp_path / "child.log").read_text() == "no room left\n" * 2


def test_a_refusal_is_heard_also_where_its_file_found_no_room(tmp_path: Path) -> None:
    said = {"code": "full", "message": "no room", "fix": "make some"}
    with pytest.raises(RuntimeError, match="make some"):
        room(f"import sys; print({json.dumps(said)!r}); sys.exit(64)").run(tmp_path)


def test_who_stops_a_child_ends_what_it_has_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path\n"
        "one = subprocess.Popen(['sleep', '60'])\n"
        "(Path(sys.argv[1]) / 'progress.json').write_text('{\"pid\": %d}' % one.pid)\n"
        "one.wait()"
    )
    pids: list[int] = []
    with pytest.raises(children.Stopped):
        room(code).run(tmp_path, stopped=lambda: bool(pids), tell=lambda told: pids.append(told["pid"]))
    until(lambda: not children.began(pids[0]))


def test_a_child_is_found_again_by_its_lock_and_by_the_moment_it_began(tmp_path: Path) -> None:
    kind = room("import time; time.sleep(60)", lock="lock")
    own = kind.start(tmp_path)
    with pytest.raises(BlockingIOError):
        kind.start(tmp_path)
    found = kind.adopt(tmp_path, own.pid, own.began)
    assert found.ended() == (False, None)
    other = kind.adopt(tmp_path, own.pid, "1")  # its number, another moment
    other.signal(signal.SIGKILL)
    other.kill()
    assert not own.wait(0.1)
    found.kill()
    assert own.wait(20)
    assert found.ended() == (True, None)
    assert own.ended() == (True, -signal.SIGKILL)
    assert not children.is_held(tmp_path / "lock")


def test_a_child_ends_with_a_server_that_was_killed(tmp_path: Path) -> None:
    child = "from shuyuan.kernel import children; import time\n"
    child += "children.end_with_starter(); print(1, flush=True); time.sleep(60)"
    server = (
        "import sys, time; from pathlib import Path; from shuyuan.kernel import children\n"
        f"kind = children.Supervisor('none', (sys.executable, '-c', {child!r}))\n"
        f"print(kind.start(Path({str(tmp_path)!r})).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", server], stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        pid = int(killed.stdout.readline())
        until(lambda: bool((tmp_path / "child.log").read_text()))
        assert children.began(pid), "it works while its server lives"
        killed.kill()
    until(lambda: not children.began(pid))


def test_only_trouble_of_the_machine_is_told_as_such() -> None:
    full = children.trouble(OSError(28, "No space left on device"))
    assert full is not None
    assert full["code"] == "disk_full"
    assert children.trouble(OSError(2, "No such file")) is None
    assert children.trouble(RuntimeError("DefaultCPUAllocator: can't allocate memory")) is not None
