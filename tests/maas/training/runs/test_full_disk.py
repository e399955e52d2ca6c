"""A full disk costs no run: what a person started waits for room, what belongs to a larger work fails with it."""

import errno

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.maas.training import folders, outcomes, service, store

FULL = {"code": outcomes.DISK_FULL, "message": "the disk is full", "fix": "free some space, then resume the run"}


def full(training: service.TrainingService, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folders.RunFolder, "prepare", no_room)
    return monkeypatch


def test_a_run_that_finds_no_room_waits_and_goes_on_once_it_is_resumed(
    make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, who = make("--steps", 2, "--pace", 0, at_work=False), rooms.person(school_id)
    mine, fold = training.start(who, rooms.new()), training.start_for(school_id, "system", rooms.new(key="cv:/x/1"))
    with monkeypatch.context() as patched:
        full(training, patched)
        training.supervisor.look()
    paused, failed = (training.run(who, run.id) for run in (mine, fold))
    assert (paused.state, (paused.error or {})["code"]) == ("paused", "disk_full")
    assert (failed.state, (failed.error or {})["code"]) == ("failed", "disk_full")
    training.open()
    training.resume(who, mine.id)
    ended = rooms.ended(training, mine)
    assert (ended.state, ended.error) == ("finished", None)


def test_a_child_that_finds_no_room_for_a_checkpoint_leaves_a_run_to_be_resumed(make: Make, school_id: str) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    mine, fold = training.start(who, rooms.new()), training.start_for(school_id, "system", rooms.new(key="cv:/x/1"))
    states = []
    for run in (mine, fold):
        folder = training.supervisor.folder(run.id)
        folder.prepare({})
        folders._write(folder.path / "error.json", '{"code": "disk_full", "message": "the disk is full", "fix": "x"}')
        with training._db.read() as conn:
            row = store.by_id(conn, run.id)
        assert row is not None
        states.append(outcomes.of(row, folder, 64, training.supervisor._storage).state)
    assert states == ["paused", "failed"]
