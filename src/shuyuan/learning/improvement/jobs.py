"""The loop turns by itself: held to the hours in which nothing may surprise a class, and to what was promised."""

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.improvement.interface import TURNING, Gathering, Improvement
from shuyuan.learning.people.interface import CONSENT_CHANGED, LEARNER_ERASED
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
    """Finish what an earlier process began. Every ten minutes look after each school's version in use and its canary,
    and ask whether its loop is due: on a thread of its own, as fitting a net takes minutes and promises are kept
    meanwhile. Nobody waits for the states of a large school at the start. Who no longer agrees is taken out of canary,
    data sets and stored answers at once; twice a minute what had to wait is done."""
    aside = scheduler.aside("loop")

    def schools() -> list[str]:
        return [school.id for school in identity.schools()]

    def finish() -> None:
        for school_id in behind:
            if not aside.is_stopping:
                _finished(tracing, school_id)

    def look_after(school_id: str) -> None:
        _finished(tracing, school_id)  # this server or another may have ended between a version and its states
        improvement.watching.look_if_due(school_id)
        improvement.judge_canary(school_id)
        improvement.turn_if_due(school_id)

    def keep(event: kernel_outbox.Event) -> None:
        improvement.keep_promises(event.school_id)
        gathering.keep_promises(event.school_id)
        improvement.kept.keep_promises(event.school_id)

    outbox.subscribe(CONSENT_CHANGED, keep)
    outbox.subscribe(LEARNER_ERASED, keep)
    scheduler.round(LOOK_EVERY_S, TURNING, schools, look_after, aside=aside)
    scheduler.every(PROMISES_EVERY_S, "gathering", gathering.keep_promises, alone=True)
    scheduler.every(PROMISES_EVERY_S, "answers kept", improvement.kept.keep_promises, alone=True)
    if behind := [school_id for school_id in schools() if tracing.waits(school_id)]:
        aside.begin(finish)


def _finished(tracing: Tracing, school_id: str) -> None:
    """Its states are made where they wait; what fails is logged, and tried again at the next look."""
    try:
        if tracing.waits(school_id):
            tracing.finish_rebuild(school_id)
    except Exception as failure:
        _logger.error("rebuild_failed", school=school_id, error=repr(failure))
