"""Durable jobs: each once, resumed by the next process, stopped without a trace."""

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from shuyuan.kernel import durable, errors
from shuyuan.kernel.settings import Settings


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> str:
    """Where DBOS keeps its tables on each backend."""
    kind = make_url(database_url).get_backend_name()
    return database_url if kind == "postgresql" else f"sqlite:///{tmp_path / 'jobs.db'}"


class Process:
    """What a process registers: counts the turns of each job."""

    def __init__(self, url: str, turns: int = 3, jobs: durable.Durable | None = None) -> None:
        self.done: list[str] = []
        self.ended, self.hold, self.held = threading.Event(), threading.Event(), threading.Event()
        self.hold.set()
        self.left, self.breaks = turns, 0
        self.jobs = jobs or durable.Durable(url, executor="here")
        self.jobs.register("count", self.turn)

    def turn(self, job_id: str) -> float | None:
        if not self.hold.is_set():
            self.held.set()
            while not self.hold.wait(0.05):
                if self.jobs.stopping:
                    raise durable.Stopping
        if self.breaks:
            self.breaks -= 1
            raise OSError("the database is away")
        self.done.append(job_id)
        self.left -= 1
        if self.left > 0:
            return 0.0
        self.ended.set()
        return None


@pytest.fixture
def first(url: str) -> Iterator[Process]:
    process = Process(url)
    yield process
    process.jobs.close()


def test_a_job_takes_its_turns_and_is_started_once(first: Process) -> None:
    for _ in range(3):
        first.jobs.start("count", "a", workflow_id="1-a")
    assert first.ended.wait(20)
    first.jobs.start("count", "a", workflow_id="1-a")
    first.jobs.close()
    assert first.done == ["a"] * 3


def test_what_a_stopped_process_left_goes_on_in_the_next(first: Process, url: str) -> None:
    first.hold.clear()
    first.jobs.start("count", "a", workflow_id="1-a")
    assert first.held.wait(20)
    first.jobs.close()
    assert first.done == []
    second = Process(url, turns=2)
    try:
        second.jobs.resume()
        assert second.ended.wait(20)
        assert second.done == ["a", "a"]
    finally:
        second.jobs.close()


def test_a_job_that_was_given_up_begins_again_once_when_it_is_asked_for(first: Process) -> None:
    first.breaks = 2
    for _ in range(200):
        first.jobs.start("count", "a", workflow_id="1-a")
        if first.ended.wait(0.1):
            break
    first.jobs.start("count", "a", workflow_id="1-a")
    first.jobs.close()
    assert first.breaks == 0
    assert first.done == ["a"] * 3


def test_a_home_goes_on_with_its_jobs_under_another_name_of_its_host(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="none", port=0)
    monkeypatch.setattr(socket, "gethostname", lambda: "monday")
    first = Process("", jobs=durable.open_durable(settings))
    first.hold.clear()
    first.jobs.start("count", "a", workflow_id="1-a")
    assert first.held.wait(20)
    first.jobs.close()
    monkeypatch.setattr(socket, "gethostname", lambda: "tuesday")
    second = Process("", turns=1, jobs=durable.open_durable(settings))
    try:
        second.jobs.resume()
        assert second.ended.wait(20)
    finally:
        second.jobs.close()


def test_every_home_has_an_id_of_its_own_that_nobody_else_reads(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert durable.executor_of(one) == durable.executor_of(one) != durable.executor_of(other)
    (kept,) = one.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_waiting_job_stops_at_once_and_waits_on_in_the_next_process(first: Process, url: str) -> None:
    waiting = threading.Event()

    def wait(_job_id: str) -> float | None:
        waiting.set()
        return 2.0

    first.jobs.register("count", wait)
    first.jobs.start("count", "a", workflow_id="1-a")
    assert waiting.wait(20)
    first.jobs.close()
    second = Process(url, turns=1)
    try:
        second.jobs.resume()
        assert second.ended.wait(20)
    finally:
        second.jobs.close()


def test_nothing_is_started_in_a_process_that_stops(first: Process) -> None:
    first.jobs.close()
    with pytest.raises(errors.Unavailable, match="the server stops"):
        first.jobs.start("count", "a", workflow_id="1-a")


def test_two_platforms_of_one_process_do_not_share_the_work(first: Process, tmp_path: Path) -> None:
    first.jobs.resume()
    other = Process(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(errors.Conflict, match="at work elsewhere"):
        other.jobs.resume()
