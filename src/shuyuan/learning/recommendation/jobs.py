"""What recommendation does in the background: forget what was taken back at once, learn anew now and then."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from shuyuan.identity.interface import Identity
from shuyuan.kernel import clock, jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.people.interface import LEARNER_ERASED, PROFILE_PURPOSES, PROFILE_WITHDRAWN
from shuyuan.learning.recommendation.coursegains import CourseGains
from shuyuan.learning.recommendation.outlooks import OutlooksService
from shuyuan.learning.recommendation.pooling import Pooling

POOL_EVERY_S, POOL_COURSES_EVERY_S, FORETELL_EVERY_S = 900.0, 3600.0, 6 * 3600.0


def register(
    outbox: kernel_outbox.Outbox,
    scheduler: jobs.Scheduler,
    outlooks: OutlooksService,
    pooling: Pooling,
    course_gains: CourseGains,
    identity: Identity,
    settings: kernel_settings.Settings,
) -> None:
    """Gains every quarter of an hour, those of courses every hour, outlooks four times a day: a new version of their
    model only outside school hours and exams, like everything that changes by itself."""
    school_time = ZoneInfo(settings.timezone)

    def pool() -> None:
        for school in identity.schools():
            pooling.renew(school.id)

    def pool_courses() -> None:
        for school in identity.schools():
            course_gains.renew(school.id)

    def foretell() -> None:
        now = clock.now()
        for school in identity.schools():
            exam = identity.exam_until(school.id)
            free = not clock.in_school_hours(now.astimezone(school_time)) and (exam is None or exam <= now)
            outlooks.renew(school.id, learn=free)

    def erased(event: kernel_outbox.Event) -> None:
        outlooks.forget(replace(event, payload={"purposes": PROFILE_PURPOSES}))

    outbox.subscribe(PROFILE_WITHDRAWN, outlooks.forget)
    outbox.subscribe(LEARNER_ERASED, erased)
    scheduler.every(POOL_EVERY_S, "pooling", pool)
    scheduler.every(POOL_COURSES_EVERY_S, "course-gains", pool_courses)
    scheduler.every(FORETELL_EVERY_S, "outlooks", foretell)
