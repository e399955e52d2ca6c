"""Figures of every task, of a model and of predictions alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")
from tests.maas.evaluation import made, working

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation.interface import Subject


def test_predictions_alone_give_figures_and_say_what_is_missing(tmp_path: Path) -> None:
    table = made.pupils(200)
    path = working.predictions(tmp_path, label=table["passed"], prediction=table["passed"])
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="runs:/a", predictions=(path,))))
    assert report.figures["accuracy"] == 1.0
    assert report.missing["auc"] == "no_probabilities"
    assert report.missing["latency_p99_ms"] == "no_model"
    assert report.control is not None
    assert report.control.kind == "predictions"
    assert abs(report.control.value or 0) < 0.6  # by chance about half agree


def test_out_of_fold_predictions_are_joined_to_the_rows_they_stand_for(tmp_path: Path) -> None:
    table = made.pupils(40)
    paths, numbers = [], []
    for fold in range(2):
        held = np.arange(fold, 40, 2)
        path, rows = tmp_path / f"{fold}.parquet", tmp_path / f"{fold}.npy"
        said = [table["passed"][at] for at in held]
        said[0] = "no" if said[0] == "yes" else "yes"
        frames.write(path, {"part": ["validation"] * 20, "row": np.arange(20), "prediction": said})
        np.save(rows, held)
        paths.append(path)
        numbers.append(rows)
    subject = Subject(uri="cv:/a", predictions=tuple(paths), rows=tuple(numbers), folds={"accuracy": (0.95, 0.95)})
    report = working.report_of(tmp_path, made.job(tmp_path, table, subject, part="train"))
    assert report.figures["accuracy"] == pytest.approx(38 / 40)
    assert {one.row for one in report.examples} == {0, 1}
    assert report.folds["accuracy"] == (0.95, 0.95)


def test_which_class_a_probability_is_of_is_told_by_the_predictions_themselves(tmp_path: Path) -> None:
    table = made.pupils(60)
    p = np.where(np.array(table["passed"]) == "yes", 0.9, 0.2)
    said = np.where(p > 0.5, "yes", "no").tolist()
    for columns, order in (({"p_0": 1 - p, "p_1": p}, ("no", "yes")), ({"p_0": p, "p_1": 1 - p}, ("yes", "no"))):
        place = tmp_path / order[0]
        place.mkdir()
        subject = Subject(uri="cv:/a", predictions=(working.predictions(place, prediction=said, **columns),))
        report = working.report_of(place, made.job(place, table, subject))
        assert report.confusion is not None
        assert report.confusion.labels == order
        assert report.figures["auc"] == 1.0


def test_columns_that_tell_of_no_one_class_are_no_probabilities(tmp_path: Path) -> None:
    table = made.pupils(60)
    columns = {"p_0": np.full(60, 0.3), "p_1": np.full(60, 0.7)}
    subject = Subject(uri="cv:/a", predictions=(working.predictions(tmp_path, prediction=table["passed"], **columns),))
    report = working.report_of(tmp_path, made.job(tmp_path, table, subject))
    assert report.missing["auc"] == "no_probabilities"


def test_values_are_measured_and_the_worst_town_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table: made.Table = {"hours": rng.normal(5, 2, 800), "town": rng.choice(["a", "b"], 800).tolist()}
    noise = np.where(np.array(table["town"]) == "b", 3.0, 0.5)
    table["mark"] = 2 * table["hours"] + rng.normal(0, 1, 800) * noise
    path = working.predictions(tmp_path, label=table["mark"], prediction=2 * table["hours"])
    subject = Subject(uri="runs:/a", predictions=(path,))
    job = made.job(tmp_path, table, subject, task="tabular_regression", family="regression", columns=made.REGRESSION)
    report = working.report_of(tmp_path, job)
    off = table["mark"] - 2 * table["hours"]
    assert report.figures["rmse"] == pytest.approx(float(np.sqrt((off**2).mean())))
    assert report.figures["baseline_rmse"] > report.figures["rmse"]
    assert report.slices[0].where == {"town": "b"}
    assert report.figures["shuffled_distance"] < 0.1
    assert len(report.curves["residuals"]) == 400


TEXTS = ({"name": "source", "kind": "text", "role": "feature"}, {"name": "target", "kind": "text", "role": "label"})


def test_texts_models_of_language_ranks_and_clusters_have_their_own_figures(tmp_path: Path) -> None:
    table: made.Table = {"source": ["a b", "c d", "e f"], "target": ["猫坐在垫子上", "the cat sat down", "a dog"]}
    cases: list[tuple[str, str, dict[str, Any], set[str]]] = [
        (
            "encoder_decoder",
            "generation",
            {"prediction": ["猫坐在垫子上", "the cat sat", "x"]},
            {"chrf", "rouge_l", "bleu"},
        ),
        ("lora", "language_model", {"nll": [4.0, 6.0, 2.0], "tokens": [2, 3, 1]}, {"perplexity", "nats_per_token"}),
        ("language_model", "language_model", {"prediction": [8.0, 2.0, 4.0], "tokens": [2, 3, 1]}, {"perplexity"}),
        ("two_tower", "ranking", {"rank": [1, 2, 20]}, {"ndcg_at_10", "mrr", "recall_at_10"}),
        ("clustering", "clustering", {"p_0": [0.0, 0.1, 9.0], "p_1": [0.0, 0.1, 9.0]}, {"silhouette", "adjusted_rand"}),
    ]
    for task, family, columns, wanted in cases:
        place = tmp_path / task
        place.mkdir()
        clusters = {"prediction": ["0", "0", "1"], "label": table["target"]}
        path = working.predictions(place, **clusters | columns)
        subject = Subject(uri="runs:/a", predictions=(path,))
        report = working.report_of(place, made.job(place, table, subject, task=task, family=family, columns=TEXTS))
        assert wanted <= report.figures.keys(), (task, report.figures, report.missing)
    assert report.figures["silhouette"] > 0.6


def test_a_model_that_reads_more_than_the_table_is_judged_by_the_predictions_it_left(tmp_path: Path) -> None:
    table = made.pupils(60)
    path, spec = made.model(
        tmp_path, {**table, "vector": np.arange(60.0)}, ({"name": "vector", "kind": "number"}, *made.COLUMNS)
    )
    said = working.predictions(tmp_path, label=table["passed"], prediction=table["passed"])
    subject = Subject(uri="runs:/a", model=path, spec=spec, predictions=(said,))
    report = working.report_of(tmp_path, made.job(tmp_path, table, subject))
    assert report.figures["accuracy"] == 1.0
    assert report.missing["latency_p99_ms"] == "no_model"
