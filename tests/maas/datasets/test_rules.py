"""Each rule does what it says to train, what it must to the other parts, and tells how often."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.maas.datasets.plans import columns, plan, run

from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface, steps
from shuyuan.maas.datasets.rules import label_noise, shift

HALVES = {"by": "time", "shares": [0.5, 0.25, 0.25], "column": "at"}
AT = columns(at="integer ignore")


def halves(**table: list[Any]) -> pl.DataFrame:
    """Rows of which the first half is train."""
    return pl.DataFrame({"at": list(range(len(next(iter(table.values()))))), **table})


def test_values_that_are_not_of_their_kind_are_missing_and_counted(tmp_path: Path) -> None:
    frame = pl.DataFrame({"mark": ["1", "two", "NA", "3"]})
    made = run(tmp_path, frame, columns(mark="number"), plan())
    assert made.train["mark"].to_list() == [1, None, None, 3]
    assert [(one.column, one.count) for one in made.findings("types")] == [("mark", 1)]
    dropped = run(tmp_path, frame, columns(mark="number"), plan({"rule": "types", "bad": "drop"}))
    assert dropped.train["mark"].to_list() == [1, None, 3]
    with pytest.raises(interface.WrongColumns, match="1 rows hold values"):
        run(tmp_path, frame, columns(mark="number"), plan({"rule": "types", "bad": "refuse"}))


def test_gaps_are_filled_with_what_train_has_alone(tmp_path: Path) -> None:
    frame = halves(n=[1.0, 3.0, None, 2.0, None, 900.0, 901.0, 902.0], c=["a", "b", "b", None, None, "z", "z", "z"])
    told = [*AT, *columns(n="number", c="category")]
    made = run(tmp_path, frame, told, plan({"rule": "missing"}, split=HALVES))
    assert made.train["n"].to_list() == [1, 3, 2, 2]
    assert made.parts["validation"]["n"].to_list() == [2, 900]
    assert made.parts["validation"]["c"][0] == "b"
    assert {(one.column, one.count) for one in made.findings("missing")} == {("n", 2), ("c", 2)}


def test_gaps_are_dropped_or_filled_with_a_constant(tmp_path: Path) -> None:
    frame, told = pl.DataFrame({"n": [1, None, 3], "w": ["x", "y", None]}), columns(n="integer", w="category")
    dropped = run(tmp_path, frame, told, plan({"rule": "missing", "by": "drop", "columns": ["n"]}))
    assert dropped.train["n"].to_list() == [1, 3]
    filled = run(tmp_path, frame, told, plan({"rule": "missing", "by": "constant", "value": 0}))
    assert filled.train.rows() == [(1, "x"), (0, "y"), (3, "0")]
    with pytest.raises(errors.BadInput, match="needs a value"):
        run(tmp_path, frame, told, plan({"rule": "missing", "by": "constant"}))


def test_a_repeated_row_stays_once_before_the_split(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 1, 2, 1] * 25, "b": ["x", "x", "y", "z"] * 25})
    made = run(tmp_path, frame, columns(a="integer", b="category"), plan({"rule": "duplicates"}))
    assert sorted(made.train.rows()) == [(1, "x"), (1, "z"), (2, "y")]
    assert made.findings("duplicates")[0].count == 97
    by_one = run(tmp_path, frame, columns(a="integer", b="category"), plan({"rule": "duplicates", "columns": ["a"]}))
    assert by_one.train.rows() == [(1, "x"), (2, "y")]


@pytest.mark.parametrize("by", ["iqr", "z"])
def test_far_numbers_are_clipped_everywhere_or_dropped_from_train(tmp_path: Path, by: str) -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0] * 20 + [500.0] + [3.0] * 50 + [-500.0] * 51
    frame, told = halves(n=values), [*AT, *columns(n="number")]
    clipped = run(tmp_path, frame, told, plan({"rule": "outliers", "by": by}, split=HALVES))
    assert max(clipped.train["n"].to_list()) < 400
    assert min(clipped.parts["test"]["n"].to_list()) > -400
    assert clipped.findings("outliers")[0].count == 52
    dropped = run(tmp_path, frame, told, plan({"rule": "outliers", "by": by, "action": "drop"}, split=HALVES))
    assert dropped.train.height == 100
    assert dropped.parts["test"]["n"].min() == -500
    assert dropped.findings("outliers")[0].count == 1
    told_only = run(tmp_path, frame, told, plan({"rule": "outliers", "by": by, "action": "report"}, split=HALVES))
    assert told_only.train["n"].max() == 500


def test_a_column_of_one_value_in_train_goes_from_every_part(tmp_path: Path) -> None:
    frame = halves(same=["x"] * 4 + ["y"] * 4, empty=[None] * 8, n=list(range(8)))
    told = [*AT, *columns(same="category", empty="number", n="integer")]
    made = run(tmp_path, frame, told, plan({"rule": "constant"}, split=HALVES))
    assert all(part.columns == ["at", "n"] for part in made.parts.values())
    assert {one.column for one in made.findings("constant")} == {"same", "empty"}
    assert [one.name for one in made.outcome.columns] == ["at", "n"]


def test_a_feature_that_gives_the_label_away_is_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 300)
    table = {
        "copy": y.astype(str),
        "renamed": np.array(["u", "v", "w"])[y],
        "honest": random.integers(0, 9, 300),
        "y": y,
    }
    told = columns(copy="category", renamed="category", honest="integer", y="category label")
    made = run(tmp_path, pl.DataFrame(table), told, plan({"rule": "leakage"}))
    assert {one.column for one in made.findings("leakage")} == {"copy", "renamed"}
    assert "copy" in made.train.columns
    dropped = run(tmp_path, pl.DataFrame(table), told, plan({"rule": "leakage", "action": "drop"}))
    assert dropped.train.columns == ["honest", "y"]
    line = pl.DataFrame({"x": np.arange(50.0), "y": 3 * np.arange(50.0) + 1})
    correlated = run(tmp_path, line, columns(x="number", y="number label"), plan({"rule": "leakage"}))
    assert "correlated" in correlated.findings("leakage")[0].detail


def test_small_classes_are_told_repeated_or_weighed(tmp_path: Path) -> None:
    frame, told = (
        pl.DataFrame({"x": range(100), "y": ["a"] * 90 + ["b"] * 10}),
        columns(x="integer", y="category label"),
    )
    told_only = run(tmp_path, frame, told, plan({"rule": "imbalance"}))
    assert told_only.findings("imbalance")[0].detail == "a: 90, b: 10"
    more = run(tmp_path, frame, told, plan({"rule": "imbalance", "action": "resample"}))
    assert more.train["y"].value_counts().sort("y").rows() == [("a", 90), ("b", 90)]
    assert more.train.head(100).equals(frame)
    assert more.findings("imbalance")[0].count == 80
    weighed = run(tmp_path, frame, told, plan({"rule": "imbalance", "action": "weights"}))
    assert weighed.train.group_by("y").agg(pl.col("class_weight").sum()).sort("y").rows() == [("a", 50.0), ("b", 50.0)]
    assert weighed.column("class_weight").role == "weight"


def test_parts_that_differ_are_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    same = random.normal(size=800)
    moved = np.concatenate([random.normal(size=400), random.normal(2.0, 1.0, 400)])
    groups = ["a", "b"] * 200 + ["c"] * 400
    frame = halves(same=same.tolist(), moved=moved.tolist(), group=groups)
    told = [*AT, *columns(same="number", moved="number", group="category")]
    made = run(tmp_path, frame, told, plan({"rule": "shift"}, split=HALVES))
    assert {(one.column, one.detail.split()[0]) for one in made.findings("shift")} == {
        (column, part) for column in ("moved", "group") for part in ("validation", "test")
    }


def test_the_distances_agree_with_what_is_known_of_them() -> None:
    assert shift.psi(np.array([50.0, 50.0]), np.array([50.0, 50.0])) == 0
    assert shift.psi(np.array([50.0, 50.0]), np.array([90.0, 10.0])) == pytest.approx(0.8789, abs=1e-4)
    assert shift.ks(np.arange(10.0), np.arange(10.0) + 5) == 0.5


def noisy(rows: int = 400, wrong: int = 12) -> tuple[pl.DataFrame, "np.typing.NDArray[np.int64]"]:
    """Two groups well apart, some rows with the label of the other."""
    random = np.random.default_rng(3)
    y = random.integers(0, 2, rows)
    x = random.normal(size=(rows, 2)) + 6 * y[:, None]
    swapped = random.choice(rows, wrong, replace=False)
    y[swapped] = 1 - y[swapped]
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}), swapped


def test_wrong_labels_are_found_flagged_and_only_dropped_when_told(tmp_path: Path) -> None:
    frame, swapped = noisy()
    told = columns(a="number", b="number", y="category label")
    flagged = run(tmp_path, frame, told, plan({"rule": "label_noise"}))
    found = set(np.flatnonzero(flagged.train[label_noise.SUSPECT].to_numpy()).tolist())
    assert found == set(swapped.tolist())
    assert (flagged.train.height, flagged.findings("label_noise")[0].count) == (400, 12)
    assert flagged.column(label_noise.SUSPECT).role == "ignore"
    dropped = run(tmp_path, frame, told, plan({"rule": "label_noise", "action": "drop"}))
    assert dropped.train.height == 388


def test_a_sorted_file_keeps_all_its_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_noise, "_MOST_ROWS", 100)  # less than there are of the first class
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(0, 1, 200), random.normal(4, 1, 200)])
    frame = pl.DataFrame({"x": x, "y": ["a"] * 200 + ["b"] * 200})
    step = {"rule": "label_noise", "action": "drop"}
    made = run(tmp_path, frame, columns(x="number", y="category label"), plan(step))
    assert made.train["y"].to_list().count("b") >= 195


def test_the_little_regression_agrees_with_another_library() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    frame, _ = noisy()
    x = frame.select("a", "b").to_numpy().astype(np.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = frame["y"].to_numpy()
    ours = (np.concatenate([x, np.ones((400, 1))], 1) @ label_noise.logistic(x, y, 2)).argmax(1)
    assert (ours == linear.LogisticRegression().fit(x, y).predict(x)).mean() > 0.99


@pytest.mark.parametrize("name", steps.RULES)
def test_every_rule_is_kind_to_a_table_with_one_row(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"a": [1.0], "y": [2.0]})
    made = run(tmp_path, frame, columns(a="number", y="number ignore"), plan({"rule": name}))
    assert made.train.height == 1


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"rule": "wash"}, "no rule 'wash'"),
        ({"rule": "missing", "by": "guess"}, "by is 'guess'"),
        ({"rule": "missing", "colour": 1}, "colour is 1"),
        ({"rule": "outliers", "factor": -1}, "factor is -1"),
        ({"rule": "missing", "columns": ["z"]}, "no column 'z'"),
    ],
)
def test_a_wrong_step_is_refused_before_anything_is_read(step: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.BadInput, match=said):
        steps.check(plan(step), columns(a="number"))


def test_steps_describe_themselves_for_forms() -> None:
    told = steps.described()
    assert {one["rule"] for one in told["rules"]} == set(steps.RULES)
    assert all(one["zh"] and one["en"] and one["what"] and one["schema"]["properties"] for one in told["rules"])
