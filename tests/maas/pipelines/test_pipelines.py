"""Pipelines step by step: what passes, what stops them, what waits, and what a schedule starts."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from tests.maas.pipelines.conftest import Clock
from tests.maas.pipelines.house import House

from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.pipelines import interface, service
from shuyuan.maas.training import interface as training_api


def states(pipeline: interface.Pipeline) -> dict[str, str]:
    return {step.name: step.state for step in pipeline.steps}


def serving(house: House) -> int | None:
    found = house.deployment.deployments(house.school)
    return found[0].champion if found else None


def served_first(house: House) -> None:
    first = house.training.register_for(house.school, house.person, "first", "digits")
    house.deployment.promote(house.school, house.person, "digits", first.number, reason="first")


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


def test_what_a_refused_pipeline_registered_on_the_way_is_named(house: House) -> None:
    house.evaluation.accuracy = 0.7
    spec = house.whole().model_copy(update={"canary": None})
    ended = house.run(house.start(spec))
    assert (ended.state, states(ended)["gate"]) == ("failed", "failed")
    there = [one.uri for one in house.catalogue.versions(house.school, "digits")]
    assert ended.left == ("models:/digits/2", "models:/digits/1"), "the child first: so they can be deleted"
    assert sorted(there) == sorted(ended.left)
    told = next(step.error for step in ended.steps if step.error)
    assert "models:/digits/2, models:/digits/1 stay" in told["fix"]
    assert "left" in ended.model_dump(mode="json"), "told over HTTP, too"


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


def until_canary(house: House, **canary: Any) -> interface.Pipeline:
    served_first(house)
    started = house.start(house.spec(canary={"share": 0.5, "hold_s": 600, "rules": {"min_calls": 5}} | canary))
    for _ in range(40):
        house.pipelines.work.turn(started.id)
        if house.deployment.deployment(house.school, "digits").canary is not None:
            return started
    raise AssertionError("no canary came")


def test_cancelling_takes_its_canary_back_and_nothing_else(house: House) -> None:
    started = until_canary(house)
    house.pipelines.work.turn(started.id)
    house.pipelines.cancel(house.school, house.person, started.id)
    assert house.run(started).state == "cancelled"
    now = house.deployment.deployment(house.school, "digits")
    assert (now.canary, now.champion) == (None, 1)


def test_cancelling_after_its_canary_is_gone_leaves_the_champion_alone(house: House) -> None:
    for run in ("older", "old"):
        made = house.training.register_for(house.school, house.person, run, "digits")
        house.deployment.promote(house.school, house.person, "digits", made.number, reason="newer")
    started = until_canary(house)
    house.pipelines.work.turn(started.id)
    champion = serving(house)
    house.deployment.stop(house.school, house.person, "digits", "by hand")
    house.pipelines.cancel(house.school, house.person, started.id)
    assert house.run(started).state == "cancelled"
    assert serving(house) == champion != 1, "a champion before it would be there to go back to"


def test_a_canary_that_was_taken_back_is_not_promoted(house: House) -> None:
    started = until_canary(house)
    for _ in range(5):
        house.deployment.note(house.school, "models:/digits/2", False, 0.0)
    house.deployment.look()
    ended = house.run(started)
    assert (ended.state, states(ended)["canary"], serving(house)) == ("failed", "failed", 1)
    assert "5 of 5 calls failed" in ended.reason


def test_a_canary_waits_for_its_time_and_for_calls_and_gives_up_in_the_end(house: House, clock: Clock) -> None:
    started = until_canary(house, longest_s=3600)

    def turn() -> float | None:
        return house.pipelines.work.turn(started.id)

    for _ in range(6):
        house.deployment.note(house.school, "models:/digits/2", True, 0.01)
    assert turn() is not None
    assert turn() is not None, "enough calls, too early"
    clock.pass_s(601)
    assert turn() == 0.0
    assert house.run(started).state == "finished"


def test_a_canary_that_nobody_calls_is_not_promoted(house: House, clock: Clock) -> None:
    started = until_canary(house, longest_s=3600)
    house.pipelines.work.turn(started.id)
    clock.pass_s(3601)
    assert house.pipelines.work.turn(started.id) is None
    ended = house.pipelines.pipeline(house.school, started.id)
    assert (ended.state, serving(house)) == ("failed", 1)
    assert "too few to judge" in ended.reason


def test_promotion_waits_for_the_end_of_school_and_of_exams(house: House, clock: Clock) -> None:
    clock.pass_s(21 * 3600)  # Monday, nine in the morning
    started = house.start(house.spec())
    held = house.run(started)
    assert (held.state, states(held)["promote"], serving(house)) == ("held", "running", None)
    assert "classes may be sitting" in held.reason
    clock.pass_s(10 * 3600)
    until = clock().replace(hour=23)
    house.db.write(lambda uow: house.identity.suspend_models(uow, school_id=house.school, group_id="g", until=until))
    assert "exam" in house.run(started, turns=3).reason
    clock.pass_s(24 * 3600 + 4 * 3600)
    clock.at = clock.at.replace(hour=14)  # ten in the evening in Shanghai
    assert (house.run(started).state, serving(house)) == ("finished", 1)


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


def test_a_pipeline_gives_a_canary_to_half_of_the_people_at_most(house: House) -> None:
    assert house.spec(canary={"share": 0.5}).canary is not None
    with pytest.raises(ValidationError, match=r"less than or equal to 0\.5"):
        house.spec(canary={"share": 0.51})
