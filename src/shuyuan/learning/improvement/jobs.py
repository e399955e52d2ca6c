"""The loop turns by itself: woken by answers, held to the hours in which nothing may surprise a class."""

import functools
import threading

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.improvement.interface import Gathering, Improvement
from shuyuan.learning.people.interface import CONSENT_CHANGED, LEARNER_ERASED
from shuyuan.learning.records.interface import ANSWER_RECORDED
from shuyuan.learning.tracing.interface import Tracing

LOOK_EVERY_S, PROMISES_EVERY_S = 600.0, 30.0
_logger = log.get("improvement.jobs")


def register(
    outbox: kernel_outbox.Outbox,
    scheduler: jobs.Scheduler,
    improvement: Improvement,
    tracing: Tracing,
    identity: Identity,
    gathering: Gathering,
) -> None:
    """Finish what an earlier process began; note which schools have new answers. Every ten minutes look after their
    version in use and their canary, and ask whether their loop is due: on a thread of its own, as fitting a net takes
    minutes and promises are kept meanwhile. Nobody waits for the states of a large school at the start. Who no longer
    agrees is taken out of canary and data sets at once; twice a minute what had to wait is done."""
    touched, guard, aside = {school.id for school in identity.schools()}, threading.Lock(), scheduler.aside("loop")
    behind = {school_id for school_id in touched if tracing.waits(school_id)}

    def note(event: kernel_outbox.Event) -> None:
        with guard:
            touched.add(event.school_id)

    def finish() -> None:
        for school_id in sorted(behind):
            if not aside.is_stopping and _finished(tracing, school_id):
                behind.discard(school_id)

    def look() -> None:
        finish()
        with guard:
            waiting = sorted(touched)
            touched.clear()
        for school_id in waiting:
            turned = False if aside.is_stopping else _looked_after(improvement, school_id)
            if turned is None:
                behind.add(school_id)  # it may have failed between a version and its states
            if not turned:
                with guard:
                    touched.add(school_id)

    def keep(event: kernel_outbox.Event) -> None:
        improvement.keep_promises(event.school_id)
        gathering.keep_promises(event.school_id)

    outbox.subscribe(ANSWER_RECORDED, note)
    outbox.subscribe(CONSENT_CHANGED, keep)
    outbox.subscribe(LEARNER_ERASED, keep)
    scheduler.every(LOOK_EVERY_S, "improvement", functools.partial(aside.begin, look))
    scheduler.every(PROMISES_EVERY_S, "gathering", gathering.keep_promises)
    if behind:
        aside.begin(finish)


def _finished(tracing: Tracing, school_id: str) -> bool:
    """Whether its states are made; what fails is logged, and tried again at the next look."""
    try:
        tracing.finish_rebuild(school_id)
    except Exception as failure:
        _logger.error("rebuild_failed", school=school_id, error=repr(failure))
        return False
    return True


def _looked_after(improvement: Improvement, school_id: str) -> bool | None:
    """Whether the loop turned; None: something failed. That is logged, and the next school has its turn."""
    try:
        improvement.watching.look_if_due(school_id)
        improvement.judge_canary(school_id)
        return improvement.turn_if_due(school_id) is not None
    except Exception as failure:
        _logger.error("loop_failed", school=school_id, error=repr(failure))
        return None
