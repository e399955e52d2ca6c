"""Whether a task can learn from a data set is said before anything is queued."""

from typing import Any

import pytest
from tests.maas.training.runs import rooms
from tests.maas.training.runs.conftest import Make

from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import columns, interface


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("tabular_regression", "the label 'y' of kind category is no number"),
        ("image_classification", "column 'a' of kind number cannot be read here"),
        ("sequence_to_sequence", "column 'a' of kind number cannot be read here"),
        ("text_classification", "there is no text column"),
        ("language_model", "0 text columns are features"),
        ("bandit", "there is no column 'reward'"),
        ("policy_gradient", "column 'b' is of kind category"),
        ("ranking", "1 columns of persons and 0 of items"),
        ("transfer", "transfer needs a parent"),
        ("clustering", "cannot weigh its rows by the column 'w'"),
    ],
)
def test_a_task_that_cannot_learn_from_the_columns_is_refused_before_it_is_queued(
    make: Make, school_id: str, sets: rooms.Sets, task: str, said: str
) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    if task == "clustering":
        sets.columns = (*sets.columns, datasets_api.Column(name="w", kind="number", role="weight"))
    with pytest.raises(columns.BadTraining, match=said):
        training.start(who, rooms.new(task=task))
    assert training.runs(who) == []


def test_columns_are_judged_as_a_plan_will_leave_them(make: Make, school_id: str) -> None:
    training = make(at_work=False)
    roles = {"y": {"role": "ignore"}}
    with pytest.raises(columns.BadTraining, match="0 columns have the role 'label'"):
        training.check_start(school_id, rooms.new(), datasets_api.Plan.model_validate({"columns": roles}))
    dropping = {"columns": roles, "rules": [{"rule": "constant", "action": "drop"}]}
    training.check_start(school_id, rooms.new(), datasets_api.Plan.model_validate(dropping))


def test_data_without_held_out_rows_are_said_at_the_start_and_not_searched_on(
    make: Make, school_id: str, sets: rooms.Sets
) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    assert training.start(who, rooms.new()).notes == ()
    sets.columns = (sets.columns[0].model_copy(update={"missing": 90}), *sets.columns[1:])
    assert f"has a value in {sets.columns[0].name}" in training.start(who, rooms.new()).notes[0]
    sets.names = ("train",)
    assert "no validation or test part" in training.start(who, rooms.new()).notes[0]
    with pytest.raises(interface.BadSpace, match="no validation part"):
        training.start_search(who, interface.NewSearch(run=rooms.new(), space={"rate": {"low": 0.1, "high": 0.2}}))


@pytest.mark.parametrize(
    ("task", "label", "said"),
    [
        ("tabular_classification", {"kind": "category", "distinct": 1}, "one class only: in all 90 rows"),
        ("tabular_classification", {"kind": "category", "missing": 90}, "one class only: none"),
        ("pseudo_labels", {"kind": "category", "distinct": 1, "missing": 60}, "one class only"),
        ("tabular_regression", {"kind": "number", "missing": 90}, "the label holds no number"),
    ],
)
def test_a_label_that_is_the_same_in_every_row_is_refused_before_it_is_queued(
    make: Make, school_id: str, sets: rooms.Sets, task: str, label: dict[str, Any], said: str
) -> None:
    training, who = make(at_work=False), rooms.person(school_id)
    sets.columns = (*sets.columns[:2], datasets_api.Column(name="y", role="label", **label))
    with pytest.raises(columns.BadTraining, match=said):
        training.start(who, rooms.new(task=task))
    assert training.runs(who) == []


def test_a_weight_that_a_plan_will_add_is_heeded_or_refused_at_once(make: Make, school_id: str) -> None:
    training = make(at_work=False)
    plan = datasets_api.Plan.model_validate({"rules": [{"rule": "imbalance", "action": "weights"}]})
    training.check_start(school_id, rooms.new(), plan)
    with pytest.raises(columns.BadTraining, match="cannot weigh its rows by the column 'class_weight'"):
        training.check_start(school_id, rooms.new(task="clustering"), plan)
