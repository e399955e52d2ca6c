"""The loop turns by itself: woken by answers, held to the hours in which nothing may surprise a class."""

import threading
from collections.abc import Callable

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
    minutes and promises are kept meanwhile. Who no longer agrees is taken out of data sets at once; twice a minute
    what had to wait is done."""
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
            if not _looked_after(improvement, school_id):
                with guard:
                    touched.add(school_id)

    def keep(event: kernel_outbox.Event) -> None:
        gathering.keep_promises(event.school_id)

    outbox.subscribe(ANSWER_RECORDED, note)
    outbox.subscribe(CONSENT_CHANGED, keep)
    outbox.subscribe(LEARNER_ERASED, keep)
    scheduler.every(LOOK_EVERY_S, "improvement", _Aside(look).begin)
    scheduler.every(PROMISES_EVERY_S, "gathering", gathering.keep_promises)


def _looked_after(improvement: Improvement, school_id: str) -> bool:
    """Whether the loop turned; what fails is logged, and the next school has its turn."""
    try:
        improvement.watching.look_if_due(school_id)
        improvement.judge_canary(school_id)
        return improvement.turn_if_due(school_id) is not None
    except Exception as failure:
        _logger.error("loop_failed", school=school_id, error=repr(failure))
        return False


class _Aside:
    """Work on a thread of its own, never twice at a time. It ends with the process: every step of it can be lost."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Unless it is still at it."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="shuyuan-loop", daemon=True)
            self._thread.start()
