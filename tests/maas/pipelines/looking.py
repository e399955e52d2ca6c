"""What tests of pipelines look at."""

from tests.maas.pipelines.house import House

from shuyuan.maas.pipelines import interface


def states(pipeline: interface.Pipeline) -> dict[str, str]:
    return {step.name: step.state for step in pipeline.steps}


def serving(house: House) -> int | None:
    found = house.deployment.deployments(house.school)
    return found[0].champion if found else None


def served_first(house: House) -> None:
    first = house.training.register_for(house.school, house.person, "first", "digits")
    house.deployment.promote(house.school, house.person, "digits", first.number, reason="first")
