"""What recommendation does in the background: forget what was taken back at once, learn anew now and then."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from shuyuan.identity.interface import Identity
from shuyuan.kernel import clock, jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.people.interface import LEARNER_ERASED, PROFILE_PURPOSES, PROFILE_WITHDRAWN
from shuyuan.learning.recommendation.coursegains import CourseGains
from shuyuan.learning.recommendation.interface import FORETELLING
from shuyuan.learning.recommendation.outlooks import OutlooksService
from shuyuan.learning.recommendation.pooling import Pooling

POOL_EVERY_S, POOL_COURSES_EVERY_S, FORETELL_EVERY_S = 900.0, 3600.0, 6 * 3600.0
FIRST_LOOK_S = 480.0  # after the start: a machine that is on by day only comes to it too


def register(
    outbox: kernel_outbox.Outbox,
    scheduler: jobs.Scheduler,
    outlooks: OutlooksService,
    pooling: Pooling,
    course_gains: CourseGains,
    identity: Identity,
    settings: kernel_settings.Settings,
) -> None:
    """Gains are looked after every quarter of an hour, those of courses every hour, outlooks four times a day: a new
    version of their model only outside school hours, or when that is overdue, and never in an exam."""
    school_time = ZoneInfo(settings.timezone)

    def schools() -> list[str]:
        return [school.id for school in identity.schools()]

    def foretell(school_id: str) -> None:
        until, overdue = identity.exam_until(school_id), outlooks.overdue(school_id)
        free = clock.may_change(clock.now(), school_time, until, overdue=overdue)
        outlooks.renew(school_id, learn=free)

    def erased(event: kernel_outbox.Event) -> None:
        outlooks.forget(replace(event, payload={"purposes": PROFILE_PURPOSES}))

    outbox.subscribe(PROFILE_WITHDRAWN, outlooks.forget)
    outbox.subscribe(LEARNER_ERASED, erased)
    scheduler.round(POOL_EVERY_S, "pooling", schools, pooling.renew_if_due)
    scheduler.round(POOL_COURSES_EVERY_S, "course-gains", schools, course_gains.renew_if_due)
    scheduler.round(FORETELL_EVERY_S, FORETELLING, schools, foretell, first_s=FIRST_LOOK_S)
