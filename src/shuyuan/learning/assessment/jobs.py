"""Question numbers are fitted again at night, by themselves."""

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs
from shuyuan.learning.assessment.interface import CALIBRATING, ItemBank

LOOK_EVERY_S, FIRST_LOOK_S = 1800.0, 300.0


def register(scheduler: jobs.Scheduler, itembank: ItemBank, identity: Identity) -> None:
    """Every half hour, and soon after the start, ask whether a school's questions are due: at night, or overdue."""

    def schools() -> list[str]:
        return [school.id for school in identity.schools()]

    scheduler.round(LOOK_EVERY_S, CALIBRATING, schools, itembank.calibrate_if_due, first_s=FIRST_LOOK_S)
