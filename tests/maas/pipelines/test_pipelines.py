"""Pipelines step by step: what passes, what stops them, what waits, and what a schedule starts."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError
from tests.maas.pipelines.house import House
from tests.maas.pipelines.looking import served_first, serving, states

from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.pipelines import interface, service
from shuyuan.maas.training import interface as training_api


def test_data_becomes_a_served_version_whose_verdict_is_on_record(house: House) -> None:
    ended = house.run(house.start(house.spec()))
    assert ended.state == "finished"
    assert states(ended) == dict.fromkeys(("train", "evaluate", "gate", "register", "promote"), "done")
    (version,) = house.catalogue.versions(house.school, "digits")
    assert (ended.version, serving(house)) == (version.uri, 1)
    change = house.deployment.history(house.school, "digits")[0]
    assert (change.automatic, change.by, change.reason) == (
        True,
        house.person,
        "pipeline 1: gate classification passed",
    )
    assert change.verdict is not None
    assert change.verdict["passed"] is True
    assert house.pipelines.work.turn(ended.id) is None, "once more changes nothing"


def test_without_promote_it_ends_with_a_registered_version(house: House) -> None:
    ended = house.run(house.start(house.spec(promote=False)))
    assert (ended.state, ended.version, serving(house)) == ("finished", "models:/digits/1", None)


def test_every_step_there_is_in_order(house: House) -> None:
    served_first(house)
    ended = house.run(house.start(house.whole()))
    assert ended.state == "finished"
    assert list(states(ended)) == list(interface.StepName.__args__)  # type: ignore[attr-defined]
    made = {step.name: step.output for step in ended.steps}
    assert made["prepare"]["data"] == made["train"]["data"] == "data:/pupils/2"
    assert made["register"]["version"] == made["compress"]["child"] == "models:/digits/3"
    assert made["evaluate"]["champion_report"], "compared with what is served"
    assert made["canary"]["calls"] >= 5
    assert serving(house) == 3


def test_a_failed_gate_ends_it_with_nothing_registered_and_stays_in_the_picture(house: House) -> None:
    house.evaluation.accuracy = 0.7
    ended = house.run(house.start(house.spec(canary={"share": 0.1})))
    assert ended.state == "failed"
    assert states(ended) == {
        "train": "done",
        "evaluate": "done",
        "gate": "failed",
        "register": "cancelled",
        "canary": "cancelled",
        "promote": "cancelled",
    }
    gate = ended.steps[2]
    assert gate.error is not None
    assert "accuracy 0.7 >= 0.9" in gate.error["message"]
    assert gate.output["verdict"]
    assert house.catalogue.versions(house.school, "digits") == []
    drawn = deployment_api.picture(house.pipelines.graph(ended), "en")
    assert drawn.count("<rect") == 6
    assert "did not pass" in drawn
    assert drawn.count("stroke-dasharray") >= 3, "what did not happen is there, dashed"
    assert "上线审核" in deployment_api.picture(house.pipelines.graph(ended), "zh")


def test_a_verdict_that_somebody_asked_of_another_gate_does_not_pass_this_one(house: House) -> None:
    house.evaluation.accuracy = 0.7
    started = house.start(house.spec())
    while states(house.pipelines.pipeline(house.school, started.id))["evaluate"] != "done":
        house.pipelines.work.turn(started.id)
    report = house.pipelines.pipeline(house.school, started.id).steps[1].output["report"]
    judged = house.evaluation.judge(house.school, house.person, "lax", report)
    house.disk.put("verdict", judged.model_copy(update={"passed": True}))
    assert house.run(started).state == "failed"
    assert house.catalogue.versions(house.school, "digits") == []


def test_a_run_that_fails_says_why(house: House) -> None:
    house.training.failing = {"code": "one_class", "message": "the label has one class", "fix": "bring others"}
    ended = house.run(house.start(house.spec()))
    assert states(ended)["train"] == "failed"
    assert ended.steps[0].error == {
        "code": "one_class",
        "message": "run 1 failed: the label has one class",
        "fix": "bring others",
    }


def test_a_cancelled_pipeline_cancels_its_run(house: House) -> None:
    started = house.start(house.spec())
    house.pipelines.work.turn(started.id)
    house.pipelines.cancel(house.school, house.person, str(started.number))
    ended = house.run(started)
    assert (ended.state, states(ended)["train"]) == ("cancelled", "cancelled")
    assert [run.state for run in house.disk.all("run", training_api.Run)] == ["cancelled"]
    with pytest.raises(errors.Conflict):
        house.pipelines.cancel(house.school, house.person, started.id)


def test_what_breaks_on_our_side_is_tried_again_and_not_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    started = house.start(house.spec())
    monkeypatch.setattr(house.training, "start_for", broken)
    waits = [house.pipelines.work.turn(started.id) for _ in range(5)]
    assert waits == [2.0, 4.0, 8.0, 16.0, None]
    ended = house.pipelines.pipeline(house.school, started.id)
    assert ended.steps[0].error is not None
    assert (ended.state, ended.steps[0].error["code"]) == ("failed", "internal")


def test_what_is_busy_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise training_api.TooManyRuns("the queue is full", retry_after_s=40)

    started = house.start(house.spec())
    with monkeypatch.context() as patched:
        patched.setattr(house.training, "start_for", busy)
        assert house.pipelines.work.turn(started.id) == 40
    assert house.run(started).state == "finished"


def test_another_school_sees_and_stops_nothing(house: House) -> None:
    started = house.start(house.spec())
    other = house.identity.create_school("South").id
    assert house.pipelines.pipelines(other) == []
    asks: list[Callable[[], object]] = [
        lambda: house.pipelines.pipeline(other, started.id),
        lambda: house.pipelines.pipeline(other, "1"),
        lambda: house.pipelines.cancel(other, house.person, started.id),
        lambda: house.pipelines.start(other, house.person, house.spec()),
    ]
    for ask in asks:
        with pytest.raises(errors.NotFound):
            ask()
    assert house.run(started).state == "finished"


def test_data_without_consent_and_plans_that_cannot_be_read_start_nothing(house: House) -> None:
    house.data.add(personal=True)
    with pytest.raises(datasets_api.ConsentMissing):
        house.start(house.spec())
    with pytest.raises(errors.BadInput, match="split"):
        house.start(house.spec(prepare={"plan": {"split": {"shares": [1]}}}))
    with pytest.raises(errors.NotFound):
        house.start(house.spec(data="data:/nobody"))
    with pytest.raises(ValidationError):
        house.spec(traim={})
    assert house.pipelines.pipelines(house.school) == []


def test_persons_that_are_raw_before_a_plan_are_asked_about_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise datasets_api.RawPersons("column 'who' holds persons as they are called")

    monkeypatch.setattr(house.training, "check_start", refuse)
    with pytest.raises(datasets_api.RawPersons):
        house.start(house.spec())
    persons = {"plan": {"columns": {"who": {"role": "person"}}}}
    assert house.start(house.spec(prepare=persons)).number == 1


def test_a_school_has_so_many_at_a_time(house: House) -> None:
    for _ in range(service.MAX_ACTIVE):
        house.start(house.spec())
    with pytest.raises(interface.TooManyPipelines):
        house.start(house.spec())
    assert [one.number for one in house.pipelines.pipelines(house.school, limit=2, before=5)] == [4, 3]


def test_a_pipeline_passes_by_a_gate_of_another_name_only_for_an_administrator(house: House) -> None:
    for actor, state in ((house.account("developer"), "failed"), (house.person, "finished")):
        spec = house.spec(gate={"name": "lax"})
        assert house.run(house.pipelines.start(house.school, actor, spec)).state == state
