"""Runs as people see them: started, watched, paused, resumed, cancelled, on both databases."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.compose import Platform
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db, errors, ids
from shuyuan.maas.catalogue import extras
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import store
from shuyuan.maas.training import interface


def test_a_run_goes_from_the_queue_to_its_figures_and_files(make: Make, school_id: str, sets: rooms.Sets) -> None:
    training, who = make(), rooms.person(school_id)
    started = training.start(who, rooms.new(data="data:/marks", config={"rate": 0.02}, name="first"))
    assert (started.number, started.state, started.data) == (1, "queued", "data:/marks/1"), "the newest, by its number"
    assert started.config["epochs"], "defaults are kept with the run"
    assert sets.used == [started.uri]

    run = rooms.ended(training, started)
    assert (run.state, run.step, run.steps, run.stage) == ("finished", 40, 40, "done"), run.error
    assert run.figures == {"validation_loss": 0.01, "validation_accuracy": 0.9, "test_accuracy": 0.8}, "numbers only"
    assert {"model.onnx", "weights.safetensors", "metrics.jsonl"} <= set(run.artefacts)
    assert run.weights_sha256 == training.artefact(who, run.id, "weights.safetensors").read_text()
    assert run.code_version.count("+src.") == 1
    assert run.cpu_s > 0
    assert run.peak_rss_bytes == 50_000_000
    lines = training.metrics(who, "1")
    assert [line["line"] for line in lines] == list(range(1, 41))
    assert [line["line"] for line in training.metrics(who, run.uri, after=38)] == [39, 40]


def test_a_run_says_where_it_stands_and_how_long_it_takes(make: Make, school_id: str) -> None:
    training = make("--steps", 10_000, "--pace", 0.01)
    run = training.start(rooms.person(school_id), rooms.new())
    found = rooms.at_step(training, run, 3)
    assert (found.state, found.stage, found.steps, found.eta_s) == ("running", "training", 10_000, 1.5)
    assert 0 < found.part_done < 1
    training.cancel(rooms.person(school_id), run.id)
    assert rooms.ended(training, run).state == "cancelled"


def test_paused_and_resumed_it_ends_with_the_same_weights(make: Make, school_id: str) -> None:
    training, who = make("--pace", 0.02), rooms.person(school_id)
    undisturbed = rooms.ended(training, training.start(who, rooms.new()))
    run = training.start(who, rooms.new())
    rooms.at_step(training, run, 7)
    assert training.pause(who, run.id).wanted == "pause"
    paused = rooms.until(lambda: training.run(who, run.id), lambda found: found.state == "paused")
    assert 7 <= paused.step < 40
    with pytest.raises(interface.RunNotPaused, match="finished"):
        training.resume(who, undisturbed.id)
    assert training.resume(who, run.id).state == "queued"
    assert rooms.ended(training, run).weights_sha256 == undisturbed.weights_sha256 != ""


def test_a_pause_is_taken_back_before_it_happened(make: Make, school_id: str) -> None:
    training, who = make("--steps", 60, "--pace", 0.02), rooms.person(school_id)
    run = training.start(who, rooms.new())
    rooms.at_step(training, run, 2)
    training.pause(who, run.id)
    training.resume(who, run.id)
    assert rooms.ended(training, run).state == "finished"


def test_what_has_not_begun_is_paused_and_cancelled_at_once(make: Make, school_id: str) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    run = training.start(who, rooms.new())
    assert training.pause(who, run.id).state == "paused"
    cancelled = training.cancel(who, run.id)
    assert (cancelled.state, cancelled.ended_at is not None) == ("cancelled", True)
    for again in (training.cancel, training.pause):
        with pytest.raises(interface.RunEnded, match="run 1 is cancelled"):
            again(who, run.id)


def test_runs_wait_for_each_other_and_single_ones_go_before_trials(make: Make, school_id: str) -> None:
    training, who = make("--steps", 3, at_work=False), rooms.person(school_id)
    trial = training._starting.start(school_id, who.account_id, rooms.new(), trial=("s" * 26, 0))
    first, second = (training.start(who, rooms.new()) for _ in range(2))
    training.open()
    ends = [rooms.ended(training, run) for run in (trial, first, second)]
    begun = [run.started_at for run in sorted(ends, key=lambda run: str(run.started_at))]
    assert begun == [ends[1].started_at, ends[2].started_at, ends[0].started_at]
    closes = sorted((run.started_at, run.ended_at) for run in ends)
    assert all(str(one[1]) <= str(two[0]) for one, two in itertools.pairwise(closes)), "one at a time"


def test_a_key_starts_a_run_once(make: Make, school_id: str) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    first, again = (training.start(who, rooms.new(key="step 3 of a pipeline")) for _ in range(2))
    assert first.id == again.id
    assert len(training.runs(who)) == 1


def test_nobody_takes_the_key_by_which_a_pipeline_or_a_fold_finds_its_run(make: Make, school_id: str) -> None:
    training, teacher = make(at_work=False), rooms.person(school_id, "teacher")
    for key in ("pipeline:0123456789", "cv:/0123456789/1", f"{'s' * 26}/0"):
        with pytest.raises(errors.BadInput, match="the key"):
            training.start(teacher, rooms.new(key=key))
    assert training.runs(teacher) == []


def test_a_run_is_stored_only_together_with_what_orders_it(make: Make, school_id: str) -> None:
    training, stored = make(at_work=False), list[str]()

    def refused(uow: db.UnitOfWork, run_id: str) -> None:
        raise errors.Conflict("it has ended")

    def noted(uow: db.UnitOfWork, run_id: str) -> None:
        stored.append(run_id)

    def start(begun: Any) -> interface.Run:  # Any: one of the two
        return training.start_for(school_id, "system", rooms.new(key="fold 1"), trial=("cv", 1), begun=begun)

    with pytest.raises(errors.Conflict):
        start(refused)
    assert training.runs_on(school_id, ["data:/marks/1"]) == []
    assert [start(noted).id, start(noted).id] == stored, "the second after a crash"
    assert len(set(stored)) == 1


@pytest.mark.parametrize(
    ("config", "said", "fix"),
    [
        ({"rate": -1}, "rate is -1", "rate: number > 0 <= 100"),
        ({"epochs": "many"}, "epochs is 'many'", "epochs: integer >= 1"),
        ({"speed": 1}, "there is no field 'speed'", "use some of"),
    ],
)
def test_a_config_out_of_bounds_is_refused_before_anything_is_stored(
    make: Make, school_id: str, config: dict[str, Any], said: str, fix: str
) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    with pytest.raises(interface.BadConfig) as refused:
        training.start(who, rooms.new(config=config))
    assert said in refused.value.message
    assert fix in refused.value.fix
    assert training.runs(who) == []


def test_what_cannot_be_trained_on_is_refused(make: Make, school_id: str, sets: rooms.Sets) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    with pytest.raises(interface.UnknownTask, match="no training task 'alchemy'"):
        training.start(who, rooms.new(task="alchemy"))
    with pytest.raises(datasets_api.UnknownDataSet):
        training.start(who, rooms.new(data="data:/nothing"))
    with pytest.raises(interface.BadReference, match="no parent"):
        training.start(who, rooms.new(parent="file:/etc"))
    with pytest.raises(interface.UnknownRun):
        training.start(who, rooms.new(parent="runs:/77"))
    sets.consent = False
    with pytest.raises(datasets_api.ConsentMissing):
        training.start(who, rooms.new())
    assert training.runs(who) == []


def test_consent_taken_back_in_the_queue_ends_the_run(make: Make, school_id: str, sets: rooms.Sets) -> None:
    training = make(at_work=False)
    run = training.start(rooms.person(school_id), rooms.new())
    sets.consent = False
    training.open()
    found = rooms.ended(training, run)
    assert found.state == "failed"
    assert found.error == {"code": "consent_missing", "message": "nobody agreed", "fix": "ask"}


def test_without_the_extra_it_says_what_to_install(make: Make, school_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "missing", lambda kind: "train")
    with pytest.raises(interface.ExtraMissing) as refused:
        make(at_work=False).start(rooms.person(school_id), rooms.new())
    assert "make train" in refused.value.fix


def test_two_schools_never_see_each_others_runs(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    other = rooms.person(rooms.school(platform, "别的学校"), "admin")
    run = training.start(who, rooms.new())
    assert training.runs(other) == []
    for ask in (training.run, training.pause, training.cancel, training.metrics, training.resume):
        for name in (run.id, "1", run.uri):
            with pytest.raises(interface.UnknownRun):
                ask(other, name)
    with pytest.raises(interface.UnknownRun):
        training.artefact(other, run.id, "model.onnx")
    with pytest.raises(interface.UnknownRun):
        training.register(other, run.id, "mine")


def test_teachers_start_and_stop_their_own_and_pupils_nothing(make: Make, school_id: str) -> None:
    training = make(at_work=False)
    teacher, colleague = (rooms.person(school_id, "teacher", letter * 26) for letter in "ab")
    run = training.start(teacher, rooms.new())
    assert training.run(colleague, run.id).id == run.id
    with pytest.raises(errors.Forbidden, match="somebody else"):
        training.cancel(colleague, run.id)
    with pytest.raises(errors.Forbidden):
        training.register(teacher, run.id, "mine")
    for role in ("student", "guardian"):
        who = rooms.person(school_id, role)
        for ask in (lambda who: training.start(who, rooms.new()), training.runs, lambda who: training.run(who, run.id)):
            with pytest.raises(errors.Forbidden):
                ask(who)
    assert training.cancel(teacher, run.id).state == "cancelled"


def test_who_did_what_is_in_the_activity_log(make: Make, platform: Platform, school_id: str) -> None:
    training, who = make("--steps", 3), rooms.person(school_id)
    first = rooms.ended(training, training.start(who, rooms.new()))
    training.close()
    idle = make(at_work=False)
    run = idle.start(who, rooms.new())
    for verb in (idle.pause, idle.resume, idle.cancel):
        verb(who, run.id)
    with platform.get("db").read() as conn:
        told = [(row.action, row.actor_id) for row in kernel_audit.entries(conn, school_id, action="run.")]
        read = [row.object_id for row in kernel_audit.entries(conn, school_id, action="test_part.")]
    me = who.account_id
    assert read == [first.id], "each reading of the test part is noted with its run"
    assert told[::-1] == [
        ("run.started", me),
        ("run.finished", "system"),
        ("run.started", me),
        ("run.paused", me),
        ("run.resumed", me),
        ("run.cancelled", me),
    ]


def test_an_unknown_file_is_named_with_those_there_are(make: Make, school_id: str) -> None:
    training, who = make("--steps", 2), rooms.person(school_id)
    run = rooms.ended(training, training.start(who, rooms.new()))
    for name in ("../job.json", "nothing.bin", "/etc/passwd"):
        with pytest.raises(interface.NoArtefact) as refused:
            training.artefact(who, run.id, name)
        assert "model.onnx" in refused.value.fix
    path = training.artefact(who, run.id, "model.onnx")
    assert training.resolve(school_id, f"{run.uri}/out/model.onnx") == path
    path.write_text("x" * path.stat().st_size)  # changed by hand
    assert training.artefact(who, run.id, "model.onnx").read_text().startswith("graph "), "copied again from the store"
    with pytest.raises(interface.BadReference):
        training.resolve(school_id, "runs:/1/../2/out/x")


def test_a_reading_of_the_test_part_is_noted_before_it_and_once(make: Make, school_id: str) -> None:
    training, who, noted = make("--pace", 0.02), rooms.person(school_id), list[tuple[str, str, int, bool]]()
    folder = training.supervisor.folder

    def note(school_id: str, actor_id: str, *, subject: str, data: str, data_sha256: str, rows: int) -> None:
        noted.append((subject, data, rows, (folder(subject.removeprefix("runs:/")).path / "job.json").exists()))

    training.readings = note
    run = training.start(who, rooms.new())
    rooms.at_step(training, run, 3)
    training.pause(who, run.id)
    rooms.until(lambda: training.run(who, run.id), lambda found: found.state == "paused")
    training.resume(who, run.id)
    rooms.ended(training, run)
    assert noted == [(run.uri, "data:/marks/1", 30, False)]


def test_a_reading_by_a_run_counts_among_those_of_the_very_part(
    make: Make, platform: Platform, school_id: str, tmp_path: Path
) -> None:
    training, evaluation, who = make(), platform.get("evaluation"), rooms.person(school_id)
    training.readings = evaluation.note_reading
    for _ in range(2):
        rooms.ended(training, training.start(who, rooms.new()))
    training.folds = lambda school, refit, number: {"train": tmp_path / "train", "test": tmp_path / "held_out"}
    fold = training.start_for(school_id, who.account_id, rooms.new(), trial=(ids.new_id(), 1))
    assert "test_accuracy" in rooms.ended(training, fold).figures, "what a fold holds out is not the part"
    with platform.get("db").read() as conn:
        assert store.count_readings(conn, school_id, rooms.TEST_SHA) == 2, "as many as a report of this part will say"
        assert store.count_readings(conn, school_id, rooms.SHA) == 0
