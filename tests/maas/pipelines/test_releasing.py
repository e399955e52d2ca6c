"""What a pipeline serves on the way, and what it leaves behind however it ends."""

import dataclasses
from typing import Any

import pytest
from pydantic import ValidationError
from tests.maas.pipelines.conftest import Clock
from tests.maas.pipelines.house import House
from tests.maas.pipelines.looking import served_first, serving, states

from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.pipelines import interface, release


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
    assert house.deployment.deployment(house.school, "digits").canary is None, "nobody looks after it any more"


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


def test_a_pipeline_gives_a_canary_to_half_of_the_people_at_most(house: House) -> None:
    assert house.spec(canary={"share": 0.5}).canary is not None
    with pytest.raises(ValidationError, match=r"less than or equal to 0\.5"):
        house.spec(canary={"share": 0.51})


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


def until_held(house: House, clock: Clock) -> interface.Pipeline:
    """Its canary has been watched for long enough, and its promotion waits for the end of school."""
    started = until_canary(house, hold_s=0)
    for _ in range(10):
        house.deployment.note(house.school, "models:/digits/2", True, 0.01)
    while states(house.pipelines.pipeline(house.school, started.id))["canary"] != "done":
        house.pipelines.work.turn(started.id)
    clock.pass_s(21 * 3600)  # Monday, nine in the morning
    house.pipelines.work.turn(started.id)
    held = house.pipelines.pipeline(house.school, started.id)
    assert (held.state, states(held)["promote"]) == ("held", "running")
    return held


def test_cancelled_while_its_promotion_is_held_it_leaves_nobody_to_its_canary(house: House, clock: Clock) -> None:
    held = until_held(house, clock)
    assert house.deployment.deployment(house.school, "digits").canary is not None
    house.pipelines.cancel(house.school, house.person, held.id)
    ended = house.run(held)
    now = house.deployment.deployment(house.school, "digits")
    assert (ended.state, ended.left, now.canary, now.champion) == ("cancelled", ("models:/digits/2",), None, 1)


def test_a_promotion_that_is_refused_leaves_nobody_to_its_canary(house: House, clock: Clock) -> None:
    held = until_held(house, clock)
    gate = next(step for step in held.steps if step.name == "gate")
    verdict = house.evaluation.verdict(house.school, gate.output["verdict"])
    house.disk.put("verdict", verdict.model_copy(update={"passed": False}))
    clock.pass_s(12 * 3600)
    ended = house.run(held)
    now = house.deployment.deployment(house.school, "digits")
    assert (ended.state, states(ended)["promote"], now.canary, now.champion) == ("failed", "failed", None, 1)
    told = next(step.error for step in ended.steps if step.error)
    assert "stay, served to nobody" in told["fix"]


def test_a_canary_whose_beginning_was_not_noted_is_taken_back_and_that_of_a_person_is_not(house: House) -> None:
    started = until_canary(house)
    step = next(one for one in started.steps if one.name == "canary")
    for reason, left in (("by hand", 2), ("pipeline 1", None)):
        house.deployment.deploy(house.school, house.person, "digits", 2, share=0.1, reason=reason)
        task = house.pipelines.work._task(house.pipelines.pipeline(house.school, started.id))
        assert task is not None
        unnoted = dataclasses.replace(task, step=step.model_copy(update={"output": {}}))
        release.withdraw(unnoted, "the pipeline was cancelled")
        canary = house.deployment.deployment(house.school, "digits").canary
        assert (canary.version if canary else None) == left


def test_cancelled_when_all_of_it_has_happened_it_has_finished(house: House) -> None:
    started = house.start(house.spec())
    while states(house.pipelines.pipeline(house.school, started.id))["promote"] != "done":
        house.pipelines.work.turn(started.id)
    house.pipelines.cancel(house.school, house.person, started.id)
    ended = house.run(started)
    assert (ended.state, ended.left, serving(house)) == ("finished", (), 1), "nothing to delete: it is served"


def test_a_parent_of_which_no_child_could_be_made_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise compression_api.CannotCompress("no layer of it can be made smaller", fix="choose another method")

    monkeypatch.setattr(house.compression, "start_for", refused)
    ended = house.run(house.start(house.spec(compress={"method": "int8_dynamic"})))
    assert (ended.state, states(ended)["compress"]) == ("failed", "failed")
    assert ended.left == ("models:/digits/1",)
    assert [one.uri for one in house.catalogue.versions(house.school, "digits")] == ["models:/digits/1"]
