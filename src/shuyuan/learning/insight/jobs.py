"""The early warning is fitted again once a week, at night, by itself; what concerns an erased learner goes at once."""

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.insight.earlywarning import EarlyWarningService
from shuyuan.learning.insight.interface import RENEWING
from shuyuan.learning.people.interface import LEARNER_ERASED

LOOK_EVERY_S, FIRST_LOOK_S = 1800.0, 360.0


def register(
    outbox: kernel_outbox.Outbox, scheduler: jobs.Scheduler, warnings: EarlyWarningService, identity: Identity
) -> None:
    """Every half hour, and soon after the start, ask whether a school is due: at night, or overdue."""

    def schools() -> list[str]:
        return [school.id for school in identity.schools()]

    outbox.subscribe(LEARNER_ERASED, warnings.forget)
    scheduler.round(LOOK_EVERY_S, RENEWING, schools, warnings.renew_if_due, first_s=FIRST_LOOK_S)
