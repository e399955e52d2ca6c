"""Question numbers are fitted again at night, by themselves."""

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs
from shuyuan.learning.assessment.interface import ItemBank

LOOK_EVERY_S = 1800.0


def register(scheduler: jobs.Scheduler, itembank: ItemBank, identity: Identity) -> None:
    """Every half hour ask whether a school's questions are due; `calibrate_if_due` keeps out of school hours."""

    def schools() -> list[str]:
        return [school.id for school in identity.schools()]

    scheduler.round(LOOK_EVERY_S, "item bank", schools, itembank.calibrate_if_due)
