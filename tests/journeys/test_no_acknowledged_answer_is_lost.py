"""`kill -9` of the server while 100 answers are on their way loses none that was acknowledged.

Killing a process leaves the page cache, so the second test also drops whatever was not synced, as a power cut
would. The third runs that with synchronous=OFF and must see answers lost: it shows that the others can fail.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tests.identity import cast

from shuyuan import migrations
from shuyuan.compose import Platform
from shuyuan.identity.http import COOKIE
from shuyuan.kernel import db
from shuyuan.kernel.settings import Settings
from shuyuan.learning.assessment.interface import Assessment
from shuyuan.learning.courses import interface as courses
from shuyuan.learning.records.tables import response

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
CONTENT = ROOT / "content" / "year7-expressions"
ANSWERS, ON_THEIR_WAY, KILL_AFTER = 300, 100, 30  # more than are on their way, so that the kill comes midway
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Sent:
    """One answer. `key` is unique among them."""

    attempt_id: str
    item_id: str
    answer: str | list[str]
    key: str


@dataclass(frozen=True)
class Ready:
    """A home with a pupil signed in and questions open."""

    home: Path
    database_url: str
    token: str
    answers: list[Sent]


def test_killing_the_server_loses_no_acknowledged_answer(database_url: str, tmp_path: Path) -> None:
    ready = prepare(tmp_path / "home", database_url)
    acknowledged = killed_midway(ready, "FULL", {})
    assert KILL_AFTER <= len(acknowledged) < ANSWERS
    assert acknowledged <= stored(database_url)


def test_dropping_what_was_not_synced_loses_no_acknowledged_answer(tmp_path: Path, shim: Path) -> None:
    acknowledged, kept = after_power_cut(tmp_path, shim, "FULL")
    assert KILL_AFTER <= len(acknowledged) < ANSWERS
    assert acknowledged <= kept


def test_with_synchronous_off_the_same_does_lose_answers(tmp_path: Path, shim: Path) -> None:
    acknowledged, kept = after_power_cut(tmp_path, shim, "OFF")
    assert len(acknowledged) >= KILL_AFTER
    assert acknowledged - kept


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled library that keeps each file as of its last sync."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("dropping unsynced writes needs Linux and a C compiler")
    built = tmp_path_factory.mktemp("shim") / "synced_image.so"
    source = str(HERE / "synced_image.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(built), source, "-ldl"], check=True)
    return built


def after_power_cut(folder: Path, shim: Path, synchronous: str) -> tuple[set[str], set[str]]:
    """(acknowledged, kept) keys when the server is killed and only synced bytes remain."""
    disk, synced = folder / "disk", folder / "synced"
    database = disk / "shuyuan.db"
    ready = prepare(folder / "home", f"sqlite:///{database}")
    shutil.copytree(disk, synced)
    watched = {"LD_PRELOAD": str(shim), "SYNCED_FROM": f"{disk}/", "SYNCED_TO": str(synced)}
    acknowledged = killed_midway(ready, synchronous, watched)
    shutil.rmtree(disk)
    disk.mkdir()
    for name in (database.name, f"{database.name}-wal"):
        if (synced / name).exists():
            shutil.copy(synced / name, disk / name)
    return acknowledged, stored(ready.database_url)


def prepare(home: Path, database_url: str) -> Ready:
    """A school, a course, a pupil, open questions with their right answers."""
    platform = Platform(Settings(home=home, database_url=database_url, starter="none", port=0))
    try:
        migrations.upgrade(platform.get("db"))
        school = cast.gather(platform, "north")
        platform.get("courses").load(school.school_id, courses.read_folder(CONTENT), by="test")
        token = school.signed["student"].token
        return Ready(home, database_url, token, open_questions(platform, school))
    finally:
        platform.close()


def open_questions(platform: Platform, school: cast.Cast) -> list[Sent]:
    shelf: courses.Courses = platform.get("courses")
    assessment: Assessment = platform.get("assessment")
    points = shelf.graph(school.school_id, CONTENT.name).points
    names = [name for point in points for name in shelf.items_of_point(school.school_id, point.id)]
    items = list(dict.fromkeys(name for name in names if shelf.item(school.school_id, name).kind != "expression"))[:10]
    sent: list[Sent] = []
    for _ in range(ANSWERS // len(items)):
        attempt = assessment.start(school.who("student"), kind="practice", course_id=CONTENT.name, item_ids=items)
        for slot in attempt.slots:
            key = shelf.question(school.school_id, slot.item_id, slot.seed, "en").key.answer
            answer = key if isinstance(key, str) else list(key)
            sent.append(Sent(attempt.id, slot.item_id, answer, f"key-{len(sent)}"))
    return sent


def killed_midway(ready: Ready, synchronous: str, environment: dict[str, str]) -> set[str]:
    """Keep a hundred answers on their way, kill the server when some are acknowledged; the acknowledged keys."""
    with serving(ready, synchronous, environment) as (server, base_url):
        return asyncio.run(send_all(ready, base_url, server.pid))


@contextmanager
def serving(ready: Ready, synchronous: str, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(HERE / "answering_server.py"), str(ready.home), ready.database_url, synchronous]
    paths = {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **paths, **environment})
    assert server.stdout is not None
    try:
        base_url = server.stdout.readline().strip()
        assert base_url, "the server did not start; its own lines are above"
        yield server, base_url
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


async def send_all(ready: Ready, base_url: str, pid: int) -> set[str]:
    acknowledged: set[str] = set()

    async def send(client: httpx.AsyncClient, some: list[Sent]) -> None:
        for one in some:
            body = {"item_id": one.item_id, "answer": one.answer, "client_key": one.key}
            try:
                told = await client.post(f"/api/attempts/{one.attempt_id}/answers", json=body)
            except httpx.TransportError:
                return  # never acknowledged
            assert told.status_code == 200, told.text
            assert told.json()["saved"]
            acknowledged.add(one.key)
            if len(acknowledged) == KILL_AFTER:
                os.kill(pid, signal.SIGKILL)

    limits = httpx.Limits(max_connections=ON_THEIR_WAY)
    headers = {"origin": base_url, "cookie": f"{COOKIE}={ready.token}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, limits=limits, timeout=60) as client:
        await asyncio.gather(*(send(client, ready.answers[at::ON_THEIR_WAY]) for at in range(ON_THEIR_WAY)))
    return acknowledged


def stored(database_url: str) -> set[str]:
    """The client keys of the responses a reopened database holds."""
    database = db.open_database(database_url)
    try:
        with database.read() as conn:
            return set(conn.execute(select(response.c.client_key)).scalars())
    finally:
        database.close()
