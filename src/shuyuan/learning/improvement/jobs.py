"""The loop turns by itself: woken by answers, held to the hours in which nothing may surprise a class."""

import threading

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.improvement.interface import Gathering, Improvement
from shuyuan.learning.people.interface import CONSENT_CHANGED, LEARNER_ERASED
from shuyuan.learning.records.interface import ANSWER_RECORDED
from shuyuan.learning.tracing.interface import Tracing

LOOK_EVERY_S, PROMISES_EVERY_S = 600.0, 30.0


def register(
    outbox: kernel_outbox.Outbox,
    scheduler: jobs.Scheduler,
    improvement: Improvement,
    tracing: Tracing,
    identity: Identity,
    gathering: Gathering,
) -> None:
    """Finish what an earlier process began; note which schools have new answers; every ten minutes ask whether their
    loop is due. Who no longer agrees is taken out of data sets at once; twice a minute what had to wait is done."""
    touched, guard = {school.id for school in identity.schools()}, threading.Lock()
    for school_id in touched:
        tracing.finish_rebuild(school_id)

    def note(event: kernel_outbox.Event) -> None:
        with guard:
            touched.add(event.school_id)

    def look() -> None:
        with guard:
            waiting = sorted(touched)
            touched.clear()
        for school_id in waiting:
            if improvement.turn_if_due(school_id) is None:
                with guard:
                    touched.add(school_id)

    def keep(event: kernel_outbox.Event) -> None:
        gathering.keep_promises(event.school_id)

    outbox.subscribe(ANSWER_RECORDED, note)
    outbox.subscribe(CONSENT_CHANGED, keep)
    outbox.subscribe(LEARNER_ERASED, keep)
    scheduler.every(LOOK_EVERY_S, "improvement", look)
    scheduler.every(PROMISES_EVERY_S, "gathering", gathering.keep_promises)
