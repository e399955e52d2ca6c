"""The work of the child on tables with something planted: what is there is found, what is not is not."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")
from tests.maas.evaluation import made, working

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import child, folder
from shuyuan.maas.evaluation.interface import Report, Subject


def test_a_planted_bad_slice_and_its_gap_are_found_and_nothing_else(tmp_path: Path) -> None:
    table = made.pupils(1200, bad_town="c")
    path, spec = made.model(tmp_path, table)
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    assert report.slices[0].where == {"town": "c"}
    assert report.slices[0].error > 1.5 * report.slices[0].overall
    assert not any("band" in one.where for one in report.slices)
    towns = next(one for one in report.groups if (one.column, one.figure) == ("town", "accuracy"))
    bands = next(one for one in report.groups if (one.column, one.figure) == ("band", "accuracy"))
    assert towns.gap is not None
    assert towns.low is not None
    assert towns.by_chance is not None
    assert towns.gap > towns.low > towns.by_chance
    assert bands.gap is not None
    assert bands.by_chance is not None
    assert bands.gap < bands.by_chance + 0.02
    assert report.figures["subgroup_gap"] == pytest.approx(towns.gap)
    assert report.figures["subgroup_gap_excess"] > 0.1
    assert report.persons == 400
    assert report.intervals["accuracy"].by == "person"


def test_a_sound_model_on_sound_data_has_no_bad_slice_and_passes_the_control(tmp_path: Path) -> None:
    table = made.pupils(600)
    for name in ("town", "band"):  # the numbers near the threshold are rightly hard: leave only what says nothing
        assert len(set(table[name])) > 1
    path, spec = made.model(tmp_path, table)
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    assert not any({"town", "band"} & one.where.keys() for one in report.slices if len(one.where) == 1)
    assert report.control is not None
    assert report.control.kind == "inputs"
    assert not report.control.flagged
    assert report.figures["shuffled_distance"] < 0.06


def test_a_model_that_reads_a_copy_of_the_label_is_flagged(tmp_path: Path) -> None:
    table = made.pupils(400)
    table["grade"] = ["P" if one == "yes" else "F" for one in table["passed"]]
    columns = ({"name": "grade", "kind": "category", "role": "feature"}, *made.COLUMNS)
    path, spec = made.model(tmp_path, table, columns)
    subject = Subject(uri="models:/x/1", model=path, spec=spec)
    report = working.report_of(tmp_path, made.job(tmp_path, table, subject, columns=columns))
    assert report.figures["accuracy"] > 0.98
    assert report.control is not None
    assert [one.column for one in report.control.suspects] == ["grade"]
    assert report.control.flagged
    assert report.figures["shuffled_distance"] > 0.4


def test_a_copy_of_the_label_that_the_model_does_not_read_moves_no_score(tmp_path: Path) -> None:
    table = made.pupils(400)
    table["grade"] = ["P" if one == "yes" else "F" for one in table["passed"]]
    path, spec = made.model(tmp_path, table)  # fitted without it
    columns = ({"name": "grade", "kind": "category", "role": "ignore"}, *made.COLUMNS)
    subject = Subject(uri="models:/x/1", model=path, spec=spec)
    report = working.report_of(tmp_path, made.job(tmp_path, table, subject, columns=columns))
    assert report.control is not None
    assert not report.control.flagged
    assert report.figures["leak_suspects"] == 0


def test_speed_and_size_are_measured_on_the_model(tmp_path: Path) -> None:
    table = made.pupils(60)
    path, spec = made.model(tmp_path, table)
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    assert report.latency is not None
    assert report.latency.calls > 10
    assert 0 < report.latency.p50_ms <= report.latency.p99_ms
    assert report.figures["size_bytes"] == path.stat().st_size


def test_groups_of_fewer_than_ten_persons_are_suppressed_and_so_is_the_one_that_would_give_them_away(
    tmp_path: Path,
) -> None:
    table = made.pupils(300)
    table["band"] = [
        "rare" if int(one[1:]) < 5 else band for one, band in zip(table["pupil"], table["band"], strict=True)
    ]
    path, spec = made.model(tmp_path, table)
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    found = next(one for one in report.groups if one.column == "band")
    assert len(found.groups) == 3
    hidden = [one for one in found.groups if one.suppressed]
    assert len(hidden) == 2
    assert "rare" in {one.value for one in hidden}
    assert all((one.rows, one.persons, one.figure) == (None, None, None) for one in hidden)


def test_rows_of_a_personal_data_set_are_named_and_not_shown(tmp_path: Path) -> None:
    table = made.pupils(200, bad_town="a")
    path, spec = made.model(tmp_path, table)
    subject = Subject(uri="models:/x/1", model=path, spec=spec)
    code, work = working.done(tmp_path, made.job(tmp_path, table, subject, personal=True))
    assert code == 0
    report = Report.model_validate_json((work / folder.OUT / folder.REPORT).read_bytes())
    assert report.examples
    assert all(one.values is None for one in report.examples)
    wrong = [one.row for one in report.examples]
    said = frames.read(work / folder.OUT / folder.PREDICTIONS)
    assert all(said["label"][at] != said["prediction"][at] for at in wrong)
    assert [one.confidence for one in report.examples] == sorted((o.confidence for o in report.examples), reverse=True)
    for language in ("zh", "en"):
        assert "p13" not in (work / folder.OUT / folder.html_name(language)).read_text("utf-8")


def test_examples_of_open_data_carry_their_row(tmp_path: Path) -> None:
    table = made.pupils(200, bad_town="a")
    path, spec = made.model(tmp_path, table)
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    first = report.examples[0]
    assert first.values is not None
    assert first.values["town"] == table["town"][first.row]


def test_a_class_the_model_never_learnt_counts_as_wrong(tmp_path: Path) -> None:
    table = made.pupils(200)
    path, spec = made.model(tmp_path, table)
    table["passed"] = ["never seen", *table["passed"][1:]]
    report = working.report_of(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    assert report.confusion is not None
    assert report.confusion.labels == ("no", "yes", "never seen")
    assert sum(report.confusion.counts[2]) == 1
    assert report.figures["log_loss"] > 0


def test_a_leak_of_a_value_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    mark = rng.normal(size=100)
    table: made.Table = {"hours": mark * 3 + 1, "town": ["a"] * 100, "mark": mark}
    path = working.predictions(tmp_path, label=mark, prediction=mark)
    job = made.job(
        tmp_path,
        table,
        Subject(uri="runs:/a", predictions=(path,)),
        task="tabular_regression",
        family="regression",
        columns=made.REGRESSION,
    )
    report = working.report_of(tmp_path, job)
    assert report.control is not None
    assert [one.column for one in report.control.suspects] == ["hours"]
    assert report.control.flagged


@pytest.mark.parametrize("what", ["no model", "no labels", "not onnx", "other columns", "no rows", "unknown group"])
def test_what_cannot_be_evaluated_is_refused_with_the_fix(tmp_path: Path, what: str) -> None:
    table = made.pupils(60)
    path, spec = made.model(tmp_path, table)
    subject, columns = Subject(uri="models:/x/1", model=path, spec=spec), made.COLUMNS
    groups: tuple[str, ...] = ()
    if what == "no model":
        subject = Subject(uri="runs:/a")
    elif what == "no labels":
        table["passed"] = [None] * 60
    elif what == "not onnx":
        path.write_bytes(b"\x80\x04pickle")
    elif what == "other columns":
        columns = tuple(one for one in made.COLUMNS if one["name"] != "town")
        table.pop("town")
    elif what == "no rows":
        table = {name: column[:0] for name, column in table.items()}
    else:
        groups = ("nowhere",)
    told = working.refusal_of(tmp_path, made.job(tmp_path, table, subject, columns=columns, groups=groups))
    codes = {
        "no model": "no_predictions",
        "no labels": "no_labels",
        "not onnx": "bad_model",
        "other columns": "wrong_columns",
        "no rows": "empty_part",
        "unknown group": "wrong_columns",
    }
    assert told["code"] == codes[what]
    assert told["message"]
    assert told["fix"]


def test_only_predicting_writes_what_the_model_says(tmp_path: Path) -> None:
    table = made.pupils(50)
    path, spec = made.model(tmp_path, table)
    whole = made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec))
    job = folder.PredictJob(
        table=whole.table,
        columns=whole.columns,
        task="tabular_classification",
        part="validation",
        subject=whole.subject,
    )
    code, work = working.done(tmp_path, job)
    said = frames.read(work / folder.OUT / folder.PREDICTIONS)
    assert code == 0
    assert set(said) == {"part", "row", "label", "prediction", "p_0", "p_1"}
    assert np.allclose(said["p_0"] + said["p_1"], 1)
    assert np.mean([a == b for a, b in zip(said["label"], said["prediction"], strict=True)]) > 0.8


def test_folds_are_cut_into_files_that_together_are_the_table(tmp_path: Path) -> None:
    table = made.pupils(90)
    whole = made.job(tmp_path, table, Subject(uri="cv:/a"))
    code, work = working.done(tmp_path, folder.FoldsJob(table=whole.table, columns=whole.columns, by="person", k=3))
    assert code == 0
    held: list[int] = []
    for number in (1, 2, 3):
        place = work / folder.OUT / f"fold-{number}"
        rows = np.load(place / "rows.npy")
        kept, trained = frames.read(place / "held_out.parquet"), frames.read(place / "train.parquet")
        assert kept["pupil"] == [table["pupil"][at] for at in rows]
        assert not set(kept["pupil"]) & set(trained["pupil"])
        held += rows.tolist()
    assert sorted(held) == list(range(90))


def test_a_job_done_once_is_not_done_again(tmp_path: Path) -> None:
    table = made.pupils(60)
    path, spec = made.model(tmp_path, table)
    code, work = working.done(tmp_path, made.job(tmp_path, table, Subject(uri="models:/x/1", model=path, spec=spec)))
    before = (work / folder.RESULT).read_bytes()
    (work / folder.JOB).write_text("not even JSON")
    assert code == child.main(work) == 0
    assert (work / folder.RESULT).read_bytes() == before
    assert set(json.loads(before)["files"]) == {
        "predictions.parquet",
        "report.json",
        "report.zh.html",
        "report.en.html",
    }


def test_the_same_job_gives_the_same_figures(tmp_path: Path) -> None:
    table = made.pupils(300, bad_town="b")
    path, spec = made.model(tmp_path, table)
    reports = []
    for turn in ("a", "b"):
        (tmp_path / turn).mkdir()
        job = made.job(tmp_path / turn, table, Subject(uri="models:/x/1", model=path, spec=spec))
        reports.append(working.report_of(tmp_path / turn, job))
    moving = {"latency", "seconds", "figures"}
    first, second = (one.model_dump(exclude=moving) for one in reports)
    assert first == second
    timed = {"latency_p50_ms", "latency_p99_ms", "rows_per_s"}
    kept = [{k: v for k, v in one.figures.items() if k not in timed} for one in reports]
    assert kept[0] == kept[1]
