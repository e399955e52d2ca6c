"""Children and supervisors that die at any moment: the run ends once, with the weights of an undisturbed one."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.kernel import clock
from shuyuan.maas.training import children, folders, interface, outcomes, service, store, supervision, tables

ROOT = Path(__file__).parents[4]


def pid_of(platform: Platform, run: interface.Run) -> int:
    """The process that trains."""

    def look() -> int | None:
        with platform.get("db").read() as conn:
            row = store.by_id(conn, run.id)
        return row.pid if row is not None else None

    found = rooms.until(look, lambda pid: pid is not None)
    assert found is not None
    return found


def undisturbed(training: service.TrainingService, school_id: str) -> str:
    """The weights that a run of this seed ends with."""
    return rooms.ended(training, training.start(rooms.person(school_id), rooms.new())).weights_sha256


@contextmanager
def server(platform: Platform, school_id: str, *options: object) -> Iterator["subprocess.Popen[str]"]:
    """A process that supervises."""
    url = platform.settings.sqlalchemy_url
    words = [sys.executable, "-m", "tests.maas.training.runs.server", platform.settings.home, url, school_id, "."]
    process = subprocess.Popen(
        list(map(str, [*words, *options])), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def test_a_child_killed_at_random_moments_ends_with_the_same_weights(
    make: Make, platform: Platform, school_id: str
) -> None:
    training, dice = make("--pace", 0.02, "--steps", 60), random.Random(11)
    expected = undisturbed(training, school_id)
    run = training.start(rooms.person(school_id), rooms.new())
    for _ in range(3):
        found = rooms.until(lambda: training.run_of(school_id, run.id), lambda one: one.state == "running")
        killed = pid_of(platform, run)
        time.sleep(dice.uniform(0.02, 0.15))  # much less than sixty steps take: it is killed before its end
        os.kill(killed, signal.SIGKILL)
        rooms.until(lambda: pid_or_none(platform, run), lambda pid: pid != killed)  # noqa: B023
        assert found.state == "running"
    ended = rooms.ended(training, run)
    assert (ended.state, ended.weights_sha256) == ("finished", expected)
    assert ended.crashes == 3


def pid_or_none(platform: Platform, run: interface.Run) -> int | None:
    """The process the database knows."""
    with platform.get("db").read() as conn:
        row = store.by_id(conn, run.id)
    return row.pid if row is not None else None


def test_a_child_that_dies_at_the_same_place_is_given_up_with_its_last_words(make: Make, school_id: str) -> None:
    training = make("--die-at", 7, "--pace", 0)
    ended = rooms.ended(training, training.start(rooms.person(school_id), rooms.new()))
    assert (ended.state, ended.crashes) == ("failed", 4), "three times it is tried again"
    assert ended.error is not None
    assert ended.error["code"] == "run_crashed"
    assert "out of memory, it seems" in ended.error["message"]
    assert "metrics.jsonl" in ended.artefacts, "its curve stays"


def test_a_refusal_is_told_as_the_child_says_it(make: Make, school_id: str) -> None:
    training = make("--refuse")
    ended = rooms.ended(training, training.start(rooms.person(school_id), rooms.new()))
    assert (ended.state, ended.crashes) == ("failed", 0)
    assert ended.error == {"code": "one_class", "message": "the label has one class", "fix": "add another"}


def test_a_child_that_does_not_listen_is_ended_when_cancelled(
    make: Make, platform: Platform, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "CANCEL_S", 0.2)
    training, who = make("--deaf", "--steps", 10_000), rooms.person(school_id)
    run = training.start(who, rooms.new())
    rooms.at_step(training, run, 1)
    pid = pid_of(platform, run)
    training.cancel(who, run.id)
    assert rooms.ended(training, run).state == "cancelled"
    assert not children.began(pid)


def test_a_child_that_cannot_start_fails_the_run(make: Make, school_id: str) -> None:
    training = make(command=("/no/such/program",))
    ended = rooms.ended(training, training.start(rooms.person(school_id), rooms.new()))
    assert ended.state == "failed"
    assert ended.error is not None
    assert "did not start" in ended.error["message"]


def test_a_changed_file_is_not_taken_for_what_the_run_wrote(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = folders.RunFolder.result
    wrong = {"model.onnx": {"sha256": "0" * 64}}
    monkeypatch.setattr(folders.RunFolder, "result", lambda self: told(self) and {**told(self), "files": wrong})
    training = make("--steps", 2)
    ended = rooms.ended(training, training.start(rooms.person(school_id), rooms.new()))
    assert ended.error is not None
    assert (ended.state, ended.error["code"]) == ("failed", "artefact_changed")


def test_the_next_server_finds_a_child_that_still_trains(make: Make, platform: Platform, school_id: str) -> None:
    reader, who = make(at_work=False), rooms.person(school_id)
    with server(platform, school_id, "--steps", 100, "--pace", 0.03) as first:
        run = reader.start(who, rooms.new())
        rooms.at_step(reader, run, 3)
        pid = pid_of(platform, run)
        first.kill()
        first.wait()
    assert children.began(pid), "the child goes on alone"
    with server(platform, school_id, "--steps", 100, "--pace", 0.03):
        ended = rooms.ended(reader, run)
        assert (ended.state, ended.crashes) == ("finished", 0)
        assert len(reader.metrics(who, run.id)) == 100, "one child did it from beginning to end"


def test_a_server_killed_with_its_child_goes_on_from_the_checkpoint(
    make: Make, platform: Platform, school_id: str
) -> None:
    reader, who = make(at_work=False), rooms.person(school_id)
    with server(platform, school_id, "--pace", 0.03) as first:
        plain, run = (reader.start(who, rooms.new()) for _ in range(2))
        expected = rooms.ended(reader, plain).weights_sha256
        rooms.at_step(reader, run, 8)
        pid = pid_of(platform, run)
        first.kill()
        first.wait()
        os.kill(pid, signal.SIGKILL)
    with server(platform, school_id, "--pace", 0.03):
        ended = rooms.ended(reader, run)
    assert (ended.state, ended.weights_sha256) == ("finished", expected)


def test_a_stopped_server_pauses_and_the_next_resumes(make: Make, platform: Platform, school_id: str) -> None:
    reader, who = make(at_work=False), rooms.person(school_id)
    with server(platform, school_id, "--pace", 0.05) as first:
        run = reader.start(who, rooms.new())
        rooms.at_step(reader, run, 6)
        pid = pid_of(platform, run)
        assert first.stdin is not None
        first.stdin.close()
        first.wait(30)
    between = reader.run(who, run.id)
    assert (between.state, between.crashes) == ("queued", 0)
    assert not children.began(pid), "nothing trains while no server is there"
    with server(platform, school_id, "--pace", 0):
        ended = rooms.ended(reader, run)
    assert (ended.state, ended.crashes) == ("finished", 0)


def test_what_was_wanted_of_a_dead_server_is_done_by_the_next(make: Make, platform: Platform, school_id: str) -> None:
    reader, who = make(at_work=False), rooms.person(school_id)
    with server(platform, school_id, "--steps", 10_000) as first:
        run = reader.start(who, rooms.new())
        rooms.at_step(reader, run, 3)
        first.kill()
        first.wait()
    reader.cancel(who, run.id)
    with server(platform, school_id):
        assert rooms.ended(reader, run).state == "cancelled"


def test_another_process_of_the_same_number_is_left_alone(
    make: Make, platform: Platform, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process numbers come again: a bystander must not be taken for the child, nor get its signals."""
    monkeypatch.setattr(supervision, "CANCEL_S", 0.1)
    training, who = make(at_work=False), rooms.person(school_id)
    run = training.start(who, rooms.new())
    folder = training.supervisor.folder(run.id)
    folder.path.mkdir(parents=True)
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as bystander,
        folder.lock.open("w") as held,
    ):
        fcntl.flock(held, fcntl.LOCK_EX)  # as processes do that the child has left behind
        mine = {"state": "running", "pid": bystander.pid, "pid_began": "1"}
        platform.get("db").write(lambda uow: uow.conn.execute(update(tables.run).values(**mine)))
        training.cancel(who, run.id)
        training.open()
        assert rooms.ended(training, run).state == "cancelled"
        training.close()
        assert bystander.poll() is None
        bystander.kill()


def test_training_waits_while_an_exam_runs(make: Make, platform: Platform, school_id: str) -> None:
    training, who, identity = make("--pace", 0.02), rooms.person(school_id), platform.get("identity")
    supervisor = training.supervisor
    run = training.start(who, rooms.new())
    rooms.at_step(training, run, 4)

    def exam(hours: int | None) -> None:
        until = clock.now() + timedelta(hours=hours) if hours else None
        platform.get("db").write(
            lambda uow: identity.suspend_models(uow, school_id=school_id, group_id="g" * 26, until=until)
        )
        supervisor._ask_at = 0.0  # look at once, not in a few seconds
        supervisor.wake()

    exam(2)
    waiting = rooms.until(lambda: training.run(who, run.id), lambda one: one.waits_for == "exam")
    assert (waiting.state, waiting.crashes) == ("queued", 0)
    exam(None)
    ended = rooms.ended(training, run)
    assert (ended.state, ended.waits_for, ended.crashes) == ("finished", "", 0)


def test_the_child_gets_no_secret_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHUYUAN_DATABASE_URL", "SHUYUAN_OPENAI_API_KEY", "OPENAI_API_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, "secret")
    told = children.environment(1)
    assert "secret" not in told.values()
    assert told["HF_HUB_OFFLINE"] == "1"


def test_old_folders_go_and_what_runs_made_stays(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make("--steps", 3), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    stray = training.supervisor.root / "0123456789abcdefghjkmnpqrs"
    stray.mkdir()
    assert not (training.supervisor.folder(run.id).path / "checkpoints").exists(), "of no use any more"
    training._now = lambda: clock.now() + timedelta(days=29)
    assert training.prune() == 1, "a folder nobody knows"
    training._now = lambda: clock.now() + timedelta(days=31)
    assert training.prune() == 1
    assert not training.supervisor.folder(run.id).path.exists()
    assert training.artefact(who, run.id, "weights.safetensors").read_text() == run.weights_sha256
    assert len(training.metrics(who, run.id)) == 3


def test_what_is_wanted_at_the_last_moment_is_not_forgotten(make: Make, platform: Platform, school_id: str) -> None:
    """A child has crashed, its end is being noted as `start again`; meanwhile somebody says cancel."""
    training, who, database = make(at_work=False), rooms.person(school_id), platform.get("db")
    for verb, state in ((training.cancel, "cancelled"), (training.pause, "paused")):
        run = training.start(who, rooms.new())
        database.write(lambda uow, run=run: store.change(uow, run.id, ("queued",), state="running"))
        with database.read() as conn:
            before = store.by_id(conn, run.id)
        assert before is not None
        verb(who, run.id)
        training.supervisor._note(before, ("running",), outcomes.Outcome("queued", {}))
        assert training.run(who, run.id).state == state
