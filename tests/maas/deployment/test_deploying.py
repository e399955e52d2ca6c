"""Promotion past and against gates, and the ways back."""

from collections.abc import Callable

import pytest
from tests.maas.deployment.conftest import House

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface, routing
from shuyuan.maas.deployment.service import DeploymentService
from shuyuan.maas.evaluation import interface as evaluation

Called = Callable[..., None]


def test_nothing_is_promoted_past_a_failed_gate_without_a_named_person_s_reason(
    house: House, deployment: DeploymentService
) -> None:
    failed = house.verdicts.add("models:/digits/2", passed=False)
    for actor, verdict, reason in (
        (kernel_audit.SYSTEM, failed, "because"),
        (kernel_audit.SYSTEM, None, "because"),
        (house.person, failed, "  "),
        (house.person, None, ""),
        ("01nobody", failed, "because"),
    ):
        with pytest.raises(interface.GateNotPassed):
            deployment.promote(house.north, actor, "digits", 2, verdict, reason)
    with pytest.raises(interface.GateNotPassed):
        deployment.promote(house.north, house.person, "digits", 2, failed, "because", automatic=True)
    assert deployment.deployment(house.north, "digits").champion == 1
    now = deployment.promote(house.north, house.person, "digits", 2, failed, "the old one cannot read zeros")
    last = deployment.history(house.north, "digits")[0]
    assert (now.champion, last.reason, last.by) == (2, "the old one cannot read zeros", house.person)
    assert last.verdict is not None
    assert (last.verdict["passed"], last.verdict["gate"]) == (False, "classification")
    with house.db.read() as conn:
        entry = next(iter(kernel_audit.entries(conn, house.north, limit=1)))
    assert (entry.action, entry.detail["gate_passed"]) == ("deployment.promoted", False)


def test_a_developer_s_reason_is_not_an_administrator_s(house: House, deployment: DeploymentService) -> None:
    with pytest.raises(interface.GateNotPassed, match="no administrator"):
        deployment.promote(house.north, house.account("developer"), "digits", 2, reason="I am sure")
    gone = house.account("admin")
    house.identity.set_active(Principal(house.person, house.north, "admin"), gone, False)
    with pytest.raises(interface.GateNotPassed, match="no administrator"):
        deployment.promote(house.north, gone, "digits", 2, reason="I am sure")


@pytest.mark.parametrize("doubt", ["gate_changed", "other_champion", "other_gate"])
def test_a_verdict_that_does_not_hold_any_more_promotes_only_with_an_administrator_s_reason(
    house: House, deployment: DeploymentService, doubt: evaluation.Doubt
) -> None:
    passed = house.verdicts.add("models:/digits/2", passed=True)
    house.verdicts.doubts[passed.id] = doubt
    for actor, reason in ((house.account("developer"), "it passed"), (house.person, "")):
        with pytest.raises(interface.GateNotPassed, match="passed, but it"):
            deployment.promote(house.north, actor, "digits", 2, passed, reason)
    assert deployment.promote(house.north, house.person, "digits", 2, passed, "I looked").champion == 2


def test_by_itself_only_an_administrator_s_gate_of_another_name_promotes(
    house: House, deployment: DeploymentService
) -> None:
    passed = house.verdicts.add("models:/digits/2", passed=True)
    for doubt in ("gate_changed", "other_champion"):
        house.verdicts.doubts[passed.id] = doubt
        with pytest.raises(interface.GateNotPassed):
            deployment.promote(house.north, house.person, "digits", 2, passed, "pipeline 1", automatic=True)
    house.verdicts.doubts[passed.id] = "other_gate"
    now = deployment.promote(house.north, house.person, "digits", 2, passed, "pipeline 1", automatic=True)
    assert now.champion == 2


def test_a_version_without_a_passed_verdict_is_tried_only_with_an_administrator_s_reason(
    house: House, deployment: DeploymentService
) -> None:
    house.bring(house.north)
    developer = house.account("developer")
    for actor, reason in ((developer, "let us see"), (house.person, " ")):
        with pytest.raises(interface.GateNotPassed):
            deployment.deploy(house.north, actor, "digits", 3, share=0.1, reason=reason)
    with pytest.raises(interface.GateNotPassed):
        deployment.deploy(house.north, house.person, "digits", 3, share=0.1, reason="pipeline 1", automatic=True)
    assert deployment.deploy(house.north, developer, "digits", 3, shadow=True).shadow == 3, "a shadow answers nobody"
    assert deployment.deploy(house.north, developer, "digits", 2, share=0.1).canary is not None, "it passed its gate"
    (passed,) = house.verdicts.known
    house.verdicts.doubts[passed] = "gate_changed"
    with pytest.raises(interface.GateNotPassed):
        deployment.deploy(house.north, developer, "digits", 2, share=0.1)
    now = deployment.deploy(house.north, house.person, "digits", 3, share=0.1, reason="in one class")
    assert now.canary == interface.Canary(version=3, share=0.1)


def test_a_parent_s_verdict_does_not_speak_for_its_child(house: House, deployment: DeploymentService) -> None:
    parent = house.verdicts.add("models:/digits/2", passed=True)
    run = house.verdicts.add("runs:/abc", passed=True)
    compressed = child(house, {"parent": "models:/digits/2", "compression": "c", "run": "runs:/abc"})
    trained_on = child(house, {"parent": "models:/digits/2", "run": "runs:/abc"})
    for number, verdict in ((compressed, parent), (compressed, run), (trained_on, parent)):
        with pytest.raises(errors.BadInput, match="the verdict is of"):
            deployment.promote(house.north, house.person, "digits", number, verdict, "its parent is good")
    assert deployment.promote(house.north, kernel_audit.SYSTEM, "digits", trained_on, run).champion == trained_on


def child(house: House, lineage: dict[str, str]) -> int:
    """A version made from version 2."""
    parent = house.catalogue.resolve(house.north, "models:/digits/2")
    version = catalogue_api.NewVersion(
        model="digits",
        runner="onnx",
        artefact_sha256=parent.artefact_sha256,
        size_bytes=parent.size_bytes,
        card=parent.card,
        lineage=lineage,
        tasks=parent.tasks,
        parent_id=parent.id,
    )
    return house.db.write(
        lambda uow: house.catalogue.register_version(uow, school_id=house.north, actor_id="system", version=version)
    ).number


def test_a_passed_gate_promotes_by_itself(house: House, deployment: DeploymentService) -> None:
    passed = house.verdicts.add("models:/digits/2", passed=True)
    now = deployment.promote(house.north, kernel_audit.SYSTEM, "digits", 2, passed, automatic=True)
    assert (now.champion, now.reason) == (2, "gate classification passed")


def test_a_verdict_that_was_made_up_or_is_of_another_version_is_refused(
    house: House, deployment: DeploymentService
) -> None:
    other = house.verdicts.add("models:/digits/1", passed=True)
    with pytest.raises(errors.BadInput, match="not of models:/digits/2"):
        deployment.promote(house.north, kernel_audit.SYSTEM, "digits", 2, other)
    failed = house.verdicts.add("models:/digits/2", passed=False)
    forged = failed.model_copy(update={"passed": True})
    with pytest.raises(interface.GateNotPassed):
        deployment.promote(house.north, kernel_audit.SYSTEM, "digits", 2, forged)


def test_the_verdict_on_record_is_found_and_a_later_failure_speaks_louder(
    house: House, deployment: DeploymentService
) -> None:
    (passed,) = house.verdicts.known.values()
    found = deployment.spoken(house.north, "digits", 2)
    assert (found, deployment.spoken(house.north, "digits", 1)) == (passed, None)
    failed = house.verdicts.add("models:/digits/2", passed=False, report_id=passed.report_id)
    assert deployment.spoken(house.north, "digits", 2) == failed


def test_the_champion_is_not_promoted_again(house: House, deployment: DeploymentService) -> None:
    before = deployment.history(house.north, "digits")
    with pytest.raises(errors.Conflict, match="is the champion already"):
        deployment.promote(house.north, house.person, "digits", 1, reason="once more")
    assert deployment.history(house.north, "digits") == before


def test_going_back_twice_goes_back_two_champions(house: House, deployment: DeploymentService) -> None:
    assert deployment.way_back(house.north, "digits") is None
    with pytest.raises(catalogue_api.UnknownModel):
        deployment.rollback(house.north, house.person, "nosuch", "worse")
    house.bring(house.north)
    for number in (2, 3):
        deployment.promote(house.north, house.person, "digits", number, reason="newer")
    assert deployment.way_back(house.north, "digits") == 2
    back = [deployment.rollback(house.north, house.person, "digits", "worse").champion for _ in range(2)]
    assert back == [2, 1]
    with pytest.raises(errors.Conflict, match="no earlier champion"):
        deployment.rollback(house.north, house.person, "digits", "worse")


def test_nothing_changes_by_itself_in_an_exam_or_in_school_hours_but_the_way_back_is_open(
    house: House, deployment: DeploymentService, call: Called
) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2, rules=interface.Rules(min_calls=20))
    passed = house.verdicts.add("models:/digits/2", passed=True)
    house.clock.pass_s(22 * 3600)  # Monday, ten in the morning
    assert deployment.frozen(house.north) == "school_hours"
    assert (deployment.thaws_at(house.north) or house.clock.at).hour == 18
    with pytest.raises(interface.Frozen, match=r"until 2026-09-07 18:00[+]\d\d:\d\d$"):
        deployment.promote(house.north, kernel_audit.SYSTEM, "digits", 2, passed, automatic=True)
    with pytest.raises(interface.Frozen):
        deployment.deploy(house.north, kernel_audit.SYSTEM, "digits", 2, share=0.5, automatic=True)
    house.clock.pass_s(12 * 3600)
    assert deployment.frozen(house.north) == ""
    until = house.clock().replace(hour=23)
    house.db.write(lambda uow: house.identity.suspend_models(uow, school_id=house.north, group_id="g", until=until))
    assert (deployment.frozen(house.north), deployment.frozen(house.south)) == ("exam", "")
    call(2, 20, errors=20)
    deployment.look()
    assert deployment.deployment(house.north, "digits").state == "rolled_back"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"version": 2}, errors.BadInput),
        ({"version": 2, "share": 0.0}, errors.BadInput),
        ({"version": 2, "share": 0.51}, errors.BadInput),
        ({"version": 1, "share": 0.5}, errors.Conflict),
        ({"version": 9, "share": 0.5}, catalogue_api.UnknownModel),
    ],
)
def test_what_makes_no_sense_is_not_deployed(
    house: House, deployment: DeploymentService, asked: dict[str, float], error: type[Exception]
) -> None:
    with pytest.raises(error):
        deployment.deploy(house.north, house.person, "digits", **asked)  # type: ignore[arg-type]
    assert deployment.history(house.north, "digits")[0].kind == "promoted"


def test_a_version_with_other_inputs_is_not_given_to_the_same_callers(
    house: House, deployment: DeploymentService
) -> None:
    del deployment
    house.bring(house.south, inputs=[{"name": "x", "dtype": "float32"}])
    house.bring(house.south, inputs=[{"name": "z", "dtype": "float32"}])
    service = house.service()
    actor = house.db.write(
        lambda uow: house.identity.create_account(
            uow, school_id=house.south, role="admin", name="Li", login="li", secret=None
        )
    )
    service.promote(house.south, actor, "digits", 1, reason="first")
    with pytest.raises(errors.Conflict, match="takes z:float32"):
        service.deploy(house.south, actor, "digits", 2, share=0.5)


def test_two_schools_do_not_see_each_others_deployments(house: House, deployment: DeploymentService) -> None:
    deployment.deploy(house.north, house.person, "digits", 2, share=0.2)
    assert [one.model for one in deployment.deployments(house.north)] == ["digits"]
    assert deployment.deployments(house.south) == []
    assert deployment.history(house.south, "digits") == []
    for ask in (
        lambda: deployment.deployment(house.south, "digits"),
        lambda: deployment.rollback(house.south, house.person, "digits", "mine?"),
        lambda: deployment.deploy(house.south, house.person, "digits", 2, share=0.2),
        lambda: deployment.promote(house.south, house.person, "digits", 2, reason="mine?"),
        lambda: deployment.lineage(house.south, "digits", 1),
        lambda: deployment.stop(house.south, house.person, "digits", "mine?"),
    ):
        with pytest.raises((errors.NotFound, errors.Conflict)):
            ask()
    assert deployment.deployment(house.north, "digits").canary is not None


def test_a_name_is_spelled_in_four_ways() -> None:
    assert routing.spellings("x") == ("x", "x@champion", "models:/x", "models:/x@champion")
