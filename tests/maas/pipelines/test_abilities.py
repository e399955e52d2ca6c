"""What is said before anything starts: steps that a task or its data cannot do, and specs that were stored long ago."""

from typing import Any

import pytest
from sqlalchemy import Table, update
from tests.maas.pipelines.house import House

from shuyuan.kernel import errors
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.pipelines import abilities, interface, specs, tables
from shuyuan.maas.training import interface as training_api

INT8 = {"method": "int8_dynamic"}
ADAPTERS = {"base": "folder", "folder": "x"}


def of(task: str, config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"train": {"task": task, "config": config or {}}, **more}


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    (of("bandit", compress=INT8), "compress: a compressed child cannot be judged"),
    (of("policy_gradient", compress=INT8), "compress"),
    (of("ranking", compress=INT8), "compress"),
    (of("text_classification", {"embedding": "minilm"}, compress=INT8), "sentence vectors"),
    (of("language_model", ADAPTERS | {"base": "tiny"}, compress=INT8), "only ONNX graphs"),
    (of("language_model", ADAPTERS, promote=True), "promote: its run leaves adapters"),
    (of("language_model", {"base": "tiny", "merge": False}, canary={"share": 0.1}), "canary: its run"),
    (of("transfer"), "no parent is named"),
    (of("tabular_classification", evaluate={"part": "test"}), "no part 'test'"),
    (of("tabular_classification", prepare={"plan": {"split": {"shares": [0.8, 0, 0.2]}}}), "no part 'validation'"),
    (of("tabular_classification", prepare={"plan": {"columns": {"passed": {"role": "ignore"}}}}), "learns a label"),
    (of("tabular_classification", prepare={"plan": {"split": {"by": "person"}}}), "needs a column of role person"),
    (of("tabular_classification", gate={"name": "strict"}), "judges reports on part test"),
)


def store_as(house: House, table: Table, row: str, spec: dict[str, Any]) -> None:
    house.db.write(lambda uow: uow.conn.execute(update(table).where(table.c.id == row).values(spec=spec)))


def test_a_step_that_cannot_be_done_is_told_before_anything_starts(house: House) -> None:
    for said, told in REFUSED:
        with pytest.raises(interface.CannotDoStep, match=told) as refused:
            house.start(house.spec(**said))
        assert refused.value.fix
    assert house.pipelines.pipelines(house.school) == []


def test_what_other_rooms_would_refuse_later_is_refused_at_once(house: House) -> None:
    refusals: tuple[tuple[dict[str, Any], type[errors.ShuyuanError]], ...] = (
        (of("no_such_task"), training_api.UnknownTask),
        (of("tabular_regression", compress={"method": "zip"}), compression_api.UnknownMethod),
        (of("tabular_regression", compress={"method": "int4", "config": {"bits": 4}}), errors.BadInput),
        (of("tabular_regression", gate={"name": "nobody"}), evaluation_api.UnknownGate),
    )
    for said, refusal in refusals:
        with pytest.raises(refusal):
            house.start(house.spec(**said))
    assert house.pipelines.pipelines(house.school) == []


def test_what_a_spec_leaves_open_its_task_decides(house: House) -> None:
    steps = [step.name for step in house.start(house.spec(**of("bandit"))).steps]
    assert steps == ["train", "evaluate", "gate", "register"], "a person looks at a policy before it is served"
    assert house.start(house.spec(**of("bandit", promote=True))).steps[-1].name == "promote"
    assert house.start(house.spec(**of("clustering", compress=INT8))).steps[-1].name == "promote"
    told = {one.task: one for one in house.pipelines.abilities()}
    assert (told["transfer"].needs_parent, told["bandit"].promote) == (True, False)
    assert not abilities.of("transfer", {"from_scratch": True}).needs_parent


def test_a_spec_that_could_not_be_written_today_is_read_with_a_note(house: House) -> None:
    started = house.start(house.spec(canary={"share": 0.2}))
    made = house.pipelines.schedule(
        house.school, house.person, interface.NewSchedule(spec=house.spec(canary={"share": 0.2}), every="new_data")
    )
    old = started.spec.model_dump(mode="json") | {"canary": {"share": 0.8}, "colour": "red"}
    for table, row in ((tables.job, started.id), (tables.schedule, made.id)):
        store_as(house, table, row, old)
    (pipeline,), (schedule,) = house.pipelines.pipelines(house.school), house.pipelines.schedules(house.school)
    for found in (pipeline, schedule):
        assert found.spec.canary is not None
        assert found.spec.canary.share == 0.5
        assert "canary.share was stored as 0.8; a canary answers at most 0.5 now" in found.note
        assert "colour was stored as red" in found.note
    assert house.run(pipeline).state == "finished"
    assert specs.read(house.spec().model_dump(mode="json"))[1] == ""
