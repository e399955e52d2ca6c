"""k folds through real child processes: each a fit in the queue, the held-out rows reported together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation import made
from tests.maas.evaluation.conftest import Once, School
from tests.maas.evaluation.fits import Fit, Trainer

from shuyuan.kernel import audit, errors
from shuyuan.maas.datasets import frames
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation import child, folder, interface, supervision
from shuyuan.maas.evaluation.interface import NewCrossValidation, NewFit, NewReport, Subject
from shuyuan.maas.evaluation.service import EvaluationService

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def opened(school: School, trainer: Trainer) -> EvaluationService:
    """A service whose children are real; its own thread is not started, the test looks."""
    trainer.db = school.platform.get("db")
    return school.service(command=supervision.COMMAND, training=trainer)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's own work without a process of its own: the first test has real ones."""

    def run(place: Path, job: folder.Job, tell: object = None, *, stopped: Callable[[], bool], command: object) -> None:
        if stopped():
            raise supervision.Stopped
        place.mkdir(parents=True, exist_ok=True)
        folder.write(place / folder.JOB, job.model_dump_json())
        assert child.main(place) == 0

    monkeypatch.setattr(supervision, "run", run)


def new(**more: object) -> NewCrossValidation:
    told = {"task": "tabular_classification", "data": "data:/pupils", "parts": ("validation",), "k": 3}
    return NewCrossValidation.model_validate(told | more)


def left(school: School) -> list[Path]:
    """What lies of copies of the data."""
    folder = school.platform.settings.home / "evaluations"
    return list(folder.iterdir()) if folder.is_dir() else []


def look(evaluation: EvaluationService, times: int) -> None:
    for _ in range(times):
        evaluation.refit_work.look()


def test_every_row_is_predicted_by_a_fit_that_has_not_seen_its_person(school: School, tmp_path: Path) -> None:
    trainer = Trainer(tmp_path)
    evaluation = opened(school, trainer)
    begun = evaluation.cross_validate(school.principal("developer"), new())
    assert (begun.by, begun.k, begun.state) == ("person", 3, "running"), "a person column goes before"
    look(evaluation, 1)
    files = [evaluation.fold_files(school.id, begun.id, number) for number in (1, 2, 3)]
    for fold in files:
        assert fold is not None
        learnt, chosen_by, held = (frames.read(fold[part]) for part in ("train", "validation", "test"))
        assert not set(learnt["pupil"]) & set(held["pupil"])
        assert not set(chosen_by["pupil"]) & {*learnt["pupil"], *held["pupil"]}, "rows held out choose no weights"
        assert len(learnt["pupil"]) + len(chosen_by["pupil"]) + len(held["pupil"]) == len(made.pupils(300)["pupil"])
    look(evaluation, 3)
    ended = evaluation.refit(school.id, begun.id)
    assert ended.error is None
    assert (ended.state, ended.ended, trainer.trials) == ("finished", 3, [(begun.id, n) for n in (1, 2, 3)])
    assert evaluation.refit(school.id, str(ended.number)) == ended
    accuracy = ended.spreads["accuracy"]
    assert len(accuracy.values) == 3
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < accuracy.mean < accuracy.high
    assert ended.report_id is not None
    report = evaluation.report(school.id, ended.report_id)
    assert (report.subject, report.part, report.parts) == (ended.uri, "validation", ("validation",))
    assert report.rows == len(made.pupils(300)["hours"])
    assert "train_loss" not in report.folds
    assert report.figures["cv_mean:accuracy"] == pytest.approx(np.mean(report.folds["accuracy"]))
    assert report.intervals["cv_mean:accuracy"].low == pytest.approx(accuracy.low)
    assert report.intervals["cv_mean:accuracy"].by == "fold"
    assert abs(report.figures["accuracy"] - accuracy.mean) < 0.02
    assert report.figures["auc"] > 0.8
    assert left(school) == []
    with school.platform.get("db").read() as conn:
        told = [row.action for row in audit.entries(conn, school.id)]
    assert {"cross_validation.started", "cross_validation.finished"} <= set(told)


def test_what_a_fold_held_out_is_not_taken_for_the_rows_of_a_part(school: School, tmp_path: Path, here: None) -> None:
    evaluation = opened(school, Trainer(tmp_path))
    begun = evaluation.cross_validate(school.principal(), new(k=2))
    look(evaluation, 3)
    ended = evaluation.refit(school.id, begun.id)
    assert ended.state == "finished"
    for fold in ended.runs:
        asked = NewReport(subject=fold, data=school.data.uri, part="test")
        with pytest.raises(interface.UnknownSubject, match="predictions of data:/pupils/2"):
            evaluation.evaluate(school.id, "a", asked)


def test_a_crash_at_any_point_costs_no_fold_and_makes_no_second_report(
    school: School, tmp_path: Path, here: None
) -> None:
    trainer = Trainer(tmp_path)
    first = opened(school, trainer)
    begun = first.cross_validate(school.principal(), new(k=2))
    look(first, 1)
    supervision.remove(left(school)[0])  # the folder is lost with the machine
    second = opened(school, trainer)
    look(second, 1)
    assert len(trainer.fits) == 2
    runs = second.refit(school.id, begun.id).runs
    dying = school.service(command=("false",), training=trainer)
    dying._maker.stop.append("the server ends")
    look(dying, 1)
    assert dying.refit(school.id, begun.id).stage == "measuring"
    assert second.resume() == 0, "its report is gone on with by the cross-validation itself"
    look(second, 1)
    ended = second.refit(school.id, begun.id)
    assert (ended.state, ended.runs) == ("finished", runs)
    assert [one.id for one in second.reports(school.id)] == [ended.report_id]


def test_a_test_part_is_read_only_when_said_and_its_reading_is_noted_once(
    school: School, tmp_path: Path, here: None
) -> None:
    evaluation = opened(school, Trainer(tmp_path))
    evaluation.cross_validate(school.principal(), new())
    assert evaluation.readings(school.id) == []
    begun = evaluation.cross_validate(school.principal(), new(parts=("validation", "test"), k=2))
    (reading,) = evaluation.readings(school.id)
    assert (reading.subject, reading.data_sha256) == (begun.uri, school.data.parts["test"].sha256)
    look(evaluation, 4)
    report_id = evaluation.refit(school.id, begun.id).report_id
    assert report_id is not None
    report = evaluation.report(school.id, report_id)
    assert (report.part, report.test_readings, len(evaluation.readings(school.id))) == ("test", 1, 1)
    assert report.rows == 600


def test_a_fold_of_a_cross_validation_that_was_just_cancelled_is_not_begun(
    school: School, tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(tmp_path, slow=True)
    evaluation = opened(school, trainer)
    begun = evaluation.cross_validate(school.principal(), new(k=2))
    start = trainer.start_for

    def cancelled_meanwhile(*said: Any, **told: Any) -> Fit:  # Any: as start_for
        evaluation.cancel_refit(school.principal(), begun.id)
        return start(*said, **told)

    monkeypatch.setattr(trainer, "start_for", cancelled_meanwhile)
    look(evaluation, 1)
    assert trainer.fits == {}
    assert evaluation.refit(school.id, begun.id).runs == ()
    assert left(school) == []


def test_a_fold_that_fails_ends_it_and_cancelling_stops_the_folds_under_way(
    school: School, tmp_path: Path, here: None
) -> None:
    trainer = Trainer(tmp_path, slow=True)
    evaluation = opened(school, trainer)
    failing, cancelled = (evaluation.cross_validate(school.principal(), new(k=2)) for _ in range(2))
    look(evaluation, 1)
    one, other = trainer.fits.values()
    one.state, one.error = "failed", {"code": "out_of_memory", "message": "too large", "fix": "smaller batches"}
    look(evaluation, 1)
    told = evaluation.refit(school.id, failing.id)
    assert (told.state, told.error) == ("failed", one.error)
    stopped = evaluation.cancel_refit(school.principal("developer"), cancelled.id)
    assert (stopped.state, other.state) == ("cancelled", "cancelled")
    with pytest.raises(interface.CrossValidationEnded):
        evaluation.cancel_refit(school.principal(), cancelled.id)
    with pytest.raises(interface.CrossValidationEnded):
        evaluation.fold_files(school.id, cancelled.id, 1)
    assert left(school) == [], "nothing is cut again"
    assert evaluation.reports(school.id) == []


def test_rows_that_may_be_there_twice_are_cut_into_no_folds(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repeated(version: datasets.DataSetVersion) -> None:
        raise datasets.WrongColumns(f"{version.uri} repeats rows of small classes")

    monkeypatch.setattr(school.sets, "require_each_row_once", repeated)
    evaluation = opened(school, Trainer(tmp_path))
    with pytest.raises(datasets.WrongColumns, match="repeats rows"):
        evaluation.cross_validate(school.principal(), new())
    assert evaluation.refits(school.id) == []


def test_what_cannot_be_cross_validated_is_refused_before_anything_is_cut(
    school: School, tmp_path: Path, here: None
) -> None:
    trainer = Trainer(tmp_path)
    evaluation = opened(school, trainer)
    refused: list[tuple[NewCrossValidation, type[errors.ShuyuanError]]] = [
        (new(parts=("train",)), datasets.UnknownPart),
        (new(groups=("nowhere",)), datasets.WrongColumns),
        (new(by="time"), datasets.WrongColumns),
        (new(task=""), errors.BadInput),
        (new(run="runs:/none", task="", data=""), errors.NotFound),
    ]
    for asked, expected in refused:
        with pytest.raises(expected):
            evaluation.cross_validate(school.principal(), asked)
    with pytest.raises(errors.Forbidden):
        evaluation.cross_validate(school.principal("teacher"), new())
    trainer.refuses = errors.BadInput("field 'rate' is -1", fix="give a positive one")
    with pytest.raises(errors.BadInput, match="rate"):
        evaluation.cross_validate(school.principal(), new())
    trainer.refuses = None
    school.sets.agreed = False
    with pytest.raises(datasets.ConsentMissing):
        evaluation.cross_validate(school.principal(), new())
    assert evaluation.refits(school.id) == []
    school.sets.agreed = True
    begun = evaluation.cross_validate(school.principal(), new())
    school.sets.agreed = False  # taken back before the first fold
    look(evaluation, 1)
    assert evaluation.refit(school.id, begun.id).state == "failed"
    assert trainer.fits == {}
    other = school.platform.get("identity").create_school("other").id
    with pytest.raises(interface.UnknownCrossValidation):
        evaluation.refit(other, begun.id)
    assert evaluation.fold_files(other, begun.id, 1) is None


def test_with_shuffled_labels_a_fit_finds_nothing_and_says_so_beside_chance(
    school: School, once: Once, tmp_path: Path, here: None
) -> None:
    trainer = Trainer(tmp_path)
    evaluation = opened(school, trainer)
    fit = NewFit(task="tabular_classification", data=school.data.uri, config={"epochs": 40}, seed=7, key="")
    trainer.fits["r1"] = run = Fit("r1", fit, state="finished")
    given = Subject(uri=run.uri, task=run.task, predictions=(once.given / "out" / "predictions.parquet",))
    asked = NewReport(subject=run.uri, data=school.data.uri)
    report = evaluation.evaluate(school.id, "a", asked, subject=given)
    with pytest.raises(datasets.UnknownPart, match="no part train"):
        evaluation.retrain_shuffled(school.principal(), report.id)
    parts = {**school.data.parts, "train": school.data.parts["test"]}
    school.sets.data = school.data.model_copy(update={"parts": parts})
    begun = evaluation.retrain_shuffled(school.principal("developer"), report.id)
    assert (begun.kind, begun.config, begun.of_report) == ("shuffled", {"epochs": 5}, report.id)
    look(evaluation, 2)
    (ended,) = evaluation.refits(school.id, of_report=report.id)
    assert ended.error is None
    assert ended.retrained is not None
    assert (ended.retrained.figure, ended.retrained.chance) == ("auc", 0.5)
    assert not ended.retrained.flagged, "a sound fit, although any rule along hours finds the true labels"
    assert evaluation.refits(school.id) == [], "it is no cross-validation"
    assert evaluation.refits_on(school.id, [school.data.uri]) == [], "it has ended"
    again = evaluation.retrain_shuffled(school.principal("developer"), report.id)
    assert [one.id for one in evaluation.refits_on(school.id, [school.data.uri])] == [again.id]
    version = evaluation.evaluate(school.id, "a", NewReport(subject=school.version.uri, data=school.data.uri))
    with pytest.raises(interface.UnknownSubject, match="not trained here"):
        evaluation.retrain_shuffled(school.principal(), version.id)


def test_no_report_reads_rows_that_may_no_longer_be_read(school: School, once: Once, tmp_path: Path) -> None:
    evaluation = school.evaluation
    asked = NewReport(subject=school.version.uri, data=school.data.uri, part="test")
    begun = evaluation._maker.begin(school.id, "a", asked, None)
    school.sets.agreed = False
    with pytest.raises(datasets.ConsentMissing):
        evaluation.evaluate(school.id, "a", asked)
    assert len(evaluation.readings(school.id)) == 1, "what was refused read nothing"
    assert evaluation.resume() == 0
    left = evaluation.report(school.id, begun.head.id)
    assert (left.state, (left.error or {})["code"]) == ("failed", "consent_missing")
