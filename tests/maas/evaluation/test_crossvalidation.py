"""k folds through real child processes: each trained by whoever is given, the held-out rows reported together."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation import made
from tests.maas.evaluation.conftest import School

from shuyuan.kernel import errors
from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import supervision
from shuyuan.maas.evaluation.interface import FoldFiles, FoldResult, NewCrossValidation


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_row_is_predicted_by_a_model_that_has_not_seen_its_person(school: School, tmp_path: Path) -> None:
    asked: list[FoldFiles] = []

    def train(fold: FoldFiles) -> FoldResult:
        """A threshold in the middle of the two classes, as a run would report it."""
        asked.append(fold)
        learnt, held = frames.read(fold.train), frames.read(fold.held_out)
        assert not set(learnt["pupil"]) & set(held["pupil"])
        passed = np.array(learnt["passed"]) == "yes"
        hours = np.asarray(learnt["hours"])
        middle = (hours[passed].mean() + hours[~passed].mean()) / 2
        p = 1 / (1 + np.exp(-3 * (np.asarray(held["hours"]) - middle)))
        said = np.where(p > 0.5, "yes", "no").tolist()
        right = float(np.mean([a == b for a, b in zip(said, held["passed"], strict=True)]))
        path = tmp_path / f"{fold.number}.parquet"
        rows, part = np.arange(len(p)), ["validation"] * len(p)
        label = held["passed"]
        frames.write(path, {"part": part, "row": rows, "label": label, "prediction": said, "p_0": 1 - p, "p_1": p})
        return FoldResult(figures={"validation_accuracy": right, "train_loss": 0.1}, predictions=path)

    stages: list[object] = []
    evaluation = school.service(command=supervision.COMMAND)
    new = NewCrossValidation(task="tabular_classification", data="data:/pupils", part="validation", k=3, by="person")
    report = evaluation.cross_validate(
        school.id, "a", new, train, on_progress=lambda told: stages.append(told["stage"])
    )
    assert [fold.number for fold in asked] == [1, 2, 3]
    assert stages[:3] == ["folds"] * 3
    assert report.rows == len(made.pupils(300)["hours"])
    assert len(report.folds["accuracy"]) == 3
    assert "train_loss" not in report.folds
    assert report.figures["cv_mean:accuracy"] == pytest.approx(np.mean(report.folds["accuracy"]))
    assert report.figures["cv_spread:accuracy"] == pytest.approx(np.std(report.folds["accuracy"], ddof=1))
    assert abs(report.figures["accuracy"] - report.figures["cv_mean:accuracy"]) < 0.02
    assert report.figures["auc"] > 0.8
    assert report.subject.startswith("cv:/")
    assert not list((school.platform.settings.home / "evaluations").iterdir())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_fold_that_cannot_be_trained_ends_it_and_leaves_nothing(school: School) -> None:
    def train(fold: FoldFiles) -> FoldResult:
        raise errors.BadInput("one class only", fix="fewer folds")

    evaluation = school.service(command=supervision.COMMAND)
    new = NewCrossValidation(task="tabular_classification", data="data:/pupils", part="validation", k=2)
    with pytest.raises(errors.BadInput, match="one class only"):
        evaluation.cross_validate(school.id, "a", new, train)
    assert evaluation.reports(school.id) == []
    assert not list((school.platform.settings.home / "evaluations").iterdir())
