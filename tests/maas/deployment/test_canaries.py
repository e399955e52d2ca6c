"""Versions under trial: whom they answer, how they are judged, and when they are taken back."""

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select
from tests.maas.deployment.conftest import House

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface
from shuyuan.maas.deployment.service import DeploymentService

PEOPLE = [f"person{n}" for n in range(2000)]


Called = Callable[..., None]


def on_canary(service: DeploymentService, school_id: str, model: str = "digits") -> set[str]:
    return {one for one in PEOPLE if service.choose(school_id, model, one) != model}


def test_a_canary_answers_its_share_of_the_people_always_the_same(house: House, deployment: DeploymentService) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.1)
    first = on_canary(deployment, house.north)
    assert 140 <= len(first) <= 260
    assert on_canary(deployment, house.north) == first
    assert {deployment.choose(house.north, "digits", one) for one in first} == {"models:/digits/2"}
    for name in ("models:/digits", "models:/digits@champion", "digits@champion"):
        assert {one for one in PEOPLE if deployment.choose(house.north, name, one) != name} == first
    assert deployment.choose(house.north, "models:/digits/1", next(iter(first))) == "models:/digits/1"
    assert on_canary(deployment, house.south) == set(), "another school has nothing of it"


def test_a_new_canary_draws_other_people(house: House, deployment: DeploymentService) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.1)
    first = on_canary(deployment, house.north)
    deployment.stop(house.north, house.person, "digits", "enough")
    assert on_canary(deployment, house.north) == set()
    deployment.deploy(house.north, house.person, "digits", 2, share=0.1)
    assert len(on_canary(deployment, house.north) & first) < len(first) / 2


def test_another_process_sees_a_canary_by_itself(house: House, deployment: DeploymentService) -> None:
    before, other = set(threading.enumerate()), house.service()
    other.start()
    try:
        deployment.deploy(house.north, house.person, "digits", 2, share=0.5)
        deadline = time.monotonic() + 30.0
        while not on_canary(other, house.north) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert on_canary(other, house.north) == on_canary(deployment, house.north) != set()
    finally:
        other.close()
    assert "shuyuan-deployment" not in {thread.name for thread in set(threading.enumerate()) - before}


def test_failing_calls_take_a_canary_back_once_with_a_reason_on_every_record(
    house: House, deployment: DeploymentService, call: Called
) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2, rules=interface.Rules(min_calls=20))
    other = house.service()
    other.look()
    call(1, 100)
    call(2, 19, errors=19)
    deployment.look()
    assert deployment.deployment(house.north, "digits").canary is not None, "fewer than min_calls are not judged"
    call(2, 1, errors=1)
    for one in (other, deployment, other):
        one.look()
    now = deployment.deployment(house.north, "digits")
    assert (now.canary, now.state, now.champion, now.changed_by) == (None, "rolled_back", 1, kernel_audit.SYSTEM)
    assert "20 of 20 calls failed" in now.reason
    last, *before = deployment.history(house.north, "digits")
    assert (last.kind, last.version, last.previous, last.automatic) == ("rolled_back", 1, 2, True)
    assert [one.kind for one in before] == ["canary", "promoted"], "once, however many look"
    assert on_canary(deployment, house.north) == on_canary(other, house.north) == set()
    with house.db.read() as conn:
        told = conn.execute(select(kernel_outbox.event.c.payload).order_by(kernel_outbox.event.c.seq)).scalars().all()
        actions = [entry.action for entry in kernel_audit.entries(conn, house.north, limit=1)]
    assert (told[-1]["change"], told[-1]["version"], told[-1]["automatic"]) == ("rolled_back", 1, True)
    assert actions == ["deployment.rolled_back"]


def test_two_processes_that_judge_at_once_take_a_canary_back_once(house: House, deployment: DeploymentService) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2)
    other = house.service()
    (seen,) = other.read()
    assert deployment.take_back(seen, "it broke")
    assert not other.take_back(seen, "it broke")
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2)
    assert not other.take_back(seen, "it broke"), "of another canary it says nothing"
    assert [one.kind for one in deployment.history(house.north, "digits")].count("rolled_back") == 1


def test_calls_of_several_processes_are_judged_together(house: House, deployment: DeploymentService) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2, rules=interface.Rules(min_calls=30))
    processes = [house.service() for _ in range(3)]
    for one in processes:
        one.read()
        for _ in range(10):
            one.note(house.north, "models:/digits/2", False, 0.0)
        one.look()
    processes[0].look()
    assert deployment.deployment(house.north, "digits").state == "rolled_back"


def test_slow_answers_take_a_canary_back_and_slightly_slower_ones_do_not(
    house: House, deployment: DeploymentService, call: Called
) -> None:
    rules = interface.Rules(min_calls=50, max_latency_ratio=2.0)
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2, rules=rules)
    call(1, 200, seconds=0.010)
    call(2, 200, seconds=0.015)
    deployment.look()
    assert deployment.deployment(house.north, "digits").canary is not None
    call(1, 200, seconds=0.010)
    call(2, 800, seconds=0.060)
    deployment.look()
    now = deployment.deployment(house.north, "digits")
    assert now.state == "rolled_back"
    assert "times as long" in now.reason


def test_what_is_older_than_the_window_is_not_held_against_a_canary(
    house: House, deployment: DeploymentService, call: Called
) -> None:
    rules = interface.Rules(min_calls=20, window_s=600)
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2, rules=rules)
    call(2, 15, errors=15)
    house.clock.pass_s(700)
    call(2, 15, errors=0)
    deployment.look()
    found = {one.part: one for one in deployment.standing(house.north, "digits")}["canary"]
    assert (found.calls, found.errors) == (15, 0)
    assert deployment.deployment(house.north, "digits").canary is not None


def test_only_versions_under_trial_are_counted(house: House, deployment: DeploymentService) -> None:
    assert not deployment.watches(house.north, "models:/digits/1")
    deployment.note(house.north, "models:/digits/1", True, 0.1)
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2)
    assert deployment.watches(house.north, "models:/digits/1")
    assert not deployment.watches(house.south, "models:/digits/1")
    assert deployment.standing(house.north, "digits") == []


def test_shadow_answers_are_counted_by_agreement(house: House, deployment: DeploymentService) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, shadow=True)
    assert deployment.shadow(house.north, "digits") == "models:/digits/2"
    assert on_canary(deployment, house.north) == set(), "a shadow answers nobody"
    for agreed in (True, True, False, None):
        deployment.compared(house.north, "models:/digits/2", agreed, ok=True, latency_s=0.1)
    deployment.compared(house.north, "models:/digits/7", True, ok=True, latency_s=0.1)
    (found,) = deployment.standing(house.north, "digits")
    assert (found.part, found.version, found.calls, found.compared, found.agreed) == ("shadow", 2, 4, 3, 2)


def test_canary_and_shadow_run_side_by_side_and_end_together(house: House, deployment: DeploymentService) -> None:
    house.bring(house.north)
    deployment.deploy(house.north, house.person, "digits", 3, shadow=True)
    now = deployment.deploy(house.north, house.person, "digits", 2, share=0.5)
    assert (now.canary, now.shadow, now.state) == (interface.Canary(version=2, share=0.5), 3, "canary")
    now = deployment.rollback(house.north, house.person, "digits", "not today")
    assert (now.canary, now.shadow, now.champion) == (None, None, 1)


def test_no_question_is_sent_to_another_server_as_a_shadow(house: House, deployment: DeploymentService) -> None:
    remote = house.db.write(
        lambda uow: house.catalogue.register_version(
            uow,
            school_id=house.north,
            actor_id="system",
            version=catalogue_api.NewVersion(
                model="digits",
                runner="remote",
                artefact_sha256=house.catalogue.resolve(house.north, "models:/digits/1").artefact_sha256,
                size_bytes=1,
                card=catalogue_api.LocalText(zh="远程", en="remote"),
                tasks=("predict",),
            ),
        )
    )
    with pytest.raises(errors.Conflict, match="another server"):
        deployment.deploy(house.north, house.person, "digits", remote.number, shadow=True)


def test_counts_of_canaries_that_are_over_are_forgotten(
    house: House, deployment: DeploymentService, call: Called
) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2)
    call(2, 5)
    deployment.look()
    assert deployment.prune() == 0
    deployment.deploy(house.north, house.person, "digits", 2, share=0.3)
    assert deployment.prune() == 1
