"""A child that is asked once, through pipes: its answer, its failure in its own words, and its end."""

import os
from pathlib import Path

import pytest

from shuyuan.kernel import children, errors

LONG = "shuyuan is told more than a pipe holds\n" * 10_000  # 380 KB


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a module of its own that `ask` finds by the name `asked`."""
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    return tmp_path / "asked.py"


def test_an_answer_is_an_exit_code_that_is_expected_and_what_was_printed(child: Path) -> None:
    child.write_text(
        "import sys, time\ntime.sleep(0.5)\ntold = sys.stdin.read()\n"
        "sys.stdout.write(told); sys.stderr.write('beside'); sys.exit(65)"
    )
    code, out = children.ask("asked", LONG.encode(), doing="trying", deadline_s=60, codes=(0, 65))
    assert (code, out.decode()) == (65, LONG)


def test_any_other_code_is_a_failure_with_its_last_words(child: Path) -> None:
    child.write_text("import sys\nsys.stderr.write('a warning\\nno room left\\n'); sys.exit(3)")
    with pytest.raises(errors.Unavailable, match="trying failed: no room left") as failed:
        children.ask("asked", LONG.encode(), doing="trying", deadline_s=60, fix="make some room")
    assert failed.value.fix == "make some room"
    child.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(errors.Unavailable, match="it ended with code -9, without a word"):
        children.ask("asked", b"", doing="trying", deadline_s=60)


def test_one_that_takes_too_long_is_ended(child: Path) -> None:
    child.write_text("import time; time.sleep(600)")
    with pytest.raises(errors.Unavailable, match="trying took more than 0 s"):
        children.ask("asked", LONG.encode(), doing="trying", deadline_s=0)


def test_one_that_is_stopped_ends_with_all_it_started(child: Path) -> None:
    pids = child.parent / "pids"
    child.write_text(
        "import os, subprocess, time\nother = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{other.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\ntime.sleep(600)"
    )
    with pytest.raises(errors.Unavailable, match="trying was ended: the server stops"):
        children.ask("asked", LONG.encode(), doing="trying", deadline_s=60, stopped=pids.exists)
    assert not any(children.began(int(pid)) for pid in pids.read_text().split())
