"""What the journeys share: a demo home made once, servers on copies of it, and a look at the processes they leave."""

import atexit
import contextlib
import fcntl
import functools
import json
import os
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from tests.maas import starter_files

from shuyuan.entrypoints import process
from shuyuan.maas.catalogue import starters

COURSE = "year7-expressions"
STUCK_POINT = f"{COURSE}.removing-brackets"
MARK = "JOURNEY"  # variable that every process of one journey carries
WAIT_S = 60.0
Json = Any  # JSON of the public API


@dataclass(frozen=True)
class FirstStart:
    """What the very first `up --demo` printed and wrote; its home is a template to copy."""

    home: str
    base_url: str
    lines: list[str]
    told: Json
    demo_json_mode: int

    def copy(self, folder: Path) -> Path:
        """A demo home of one's own under `folder`."""
        return Path(shutil.copytree(self.home, folder / "home"))


@dataclass(frozen=True)
class Live:
    """A running server of a journey."""

    running: process.Running
    mark: str
    lines: list[str]  # what it printed below `ready`

    @property
    def base_url(self) -> str:
        return self.running.base_url

    @property
    def home(self) -> Path:
        return self.running.home

    @property
    def link(self) -> str | None:
        """The path of the single-use link it printed."""
        found = [line.rpartition(self.base_url)[2].strip() for line in self.lines if "/enter/" in line]
        return found[0] if found else None

    def account(self, role: str) -> Json:
        return next(one for one in self.running.demo()["accounts"] if one["role"] == role)

    @contextmanager
    def browser(self, role: str = "") -> Iterator[httpx.Client]:
        """A browser: signed in as one of the demo's people, or nobody."""
        if role:
            with process.sign_in(self.base_url, self.account(role)) as client:
                yield client
            return
        with httpx.Client(base_url=self.base_url, headers={"origin": self.base_url}, timeout=WAIT_S) as client:
            yield client

    @contextmanager
    def developer(self) -> Iterator[httpx.Client]:
        """A program with the demo's API key."""
        key = {"authorization": f"Bearer {self.running.demo()['api_key']}"}
        with httpx.Client(base_url=self.base_url, headers=key, timeout=WAIT_S) as client:
            yield client


def first_start(shared: Path) -> FirstStart:
    """The first `up --demo` of a fresh home, through a real process: once for every test process under `shared`."""
    record = shared / "first-start.json"
    with (shared / "first-start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            record.write_text(json.dumps(asdict(_start_first(shared / "first-start"))), "utf-8")
    return FirstStart(**json.loads(record.read_text("utf-8")))


@contextmanager
def serving(
    home: Path,
    *options: str,
    demo: bool = True,
    command: str = "up",
    starter: str = "none",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Live]:
    """A server on a free port whose processes carry a mark of their own. No models unless `environment` has some."""
    mark = uuid.uuid4().hex
    with contextlib.ExitStack() as stack:
        with mock.patch.dict(os.environ, quiet({**(environment or {}), MARK: mark}), clear=True):
            running = stack.enter_context(
                process.server(home, "--starter", starter, *options, demo=demo, command=command)
            )
        yield Live(running, mark, announced(running))


def quiet(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for a process under test: nothing that this shell says about Shuyuan, no models, and what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHUYUAN_")}
    return {**kept, **without_models(), **(environment or {})}


def without_models() -> dict[str, str]:
    """A cache that holds nothing, whatever lies on this machine."""
    return {"SHUYUAN_CACHE": str(_scratch() / "no-models")}


def with_models(*names: str) -> dict[str, str]:
    """A cache with these starter models and no others; skips the test when they cannot be had."""
    here = starter_files.require(*names)
    cache = _scratch() / "-".join(("models", *names))
    cache.mkdir(exist_ok=True)
    for name in names:
        slot = starters.ENTRIES[name].sha256
        if not (cache / slot).exists():
            (cache / slot).symlink_to(here.cache_dir / slot)
    return {"SHUYUAN_CACHE": str(cache)}


def announced(running: process.Running) -> list[str]:
    """The lines after `ready`, up to the last one."""
    out = running.child.stdout
    assert out is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        line = out.readline()
        assert line, f"the server stopped talking after {lines}"
        lines.append(line.strip())
    return lines


def answer_one(student: httpx.Client, point: str = STUCK_POINT, answer: str = "987654") -> Json:
    """The student answers one question; returns what came back."""
    attempt = student.post("/api/attempts", json={"course_id": COURSE, "point_id": point, "count": 1}).json()
    item_id = attempt["slots"][0]["item_id"]
    question = student.get(f"/api/attempts/{attempt['id']}/questions/{item_id}").json()
    given: Json = question["choices"][0]["id"] if question["choices"] else answer
    body = {
        "item_id": item_id,
        "answer": [given] if question["kind"] == "multiple" else given,
        "client_key": uuid.uuid4().hex,
        "seconds": 5,
    }
    return student.post(f"/api/attempts/{attempt['id']}/answers", json=body).raise_for_status().json()


def history(client: httpx.Client, learner_id: str) -> list[Json]:
    """Every stored answer of a learner."""
    told = client.get(f"/api/learners/{learner_id}/responses", params={"limit": 1000}).raise_for_status().json()
    return list(told["responses"])


def processes(mark: str) -> dict[int, str]:
    """Pid and command line of every living process that carries `mark`, whoever its parent is now."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes left behind are looked for in /proc, which this system does not have")
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _carries(folder, mark):
            found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def workers(mark: str) -> list[int]:
    """The model workers among them."""
    return [pid for pid, command in processes(mark).items() if "entrypoints.worker" in command]


def until(happened: Callable[[], Any], what: str) -> Any:  # Any: whatever is waited for
    """Wait for something that must happen."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {WAIT_S:.0f} s for {what}")


def _start_first(home: Path) -> FirstStart:
    shutil.rmtree(home, ignore_errors=True)
    with serving(home) as live:
        mode = stat.S_IMODE((home / "demo.json").stat().st_mode)
        return FirstStart(str(home), live.base_url, live.lines, live.running.demo(), mode)


def _carries(folder: Path, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or somebody else's; a zombie's is empty
        return False


@functools.cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="journey-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
