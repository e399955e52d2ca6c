"""Begin new pipelines, go on with those an earlier process left, start what its schedule says."""

from shuyuan.kernel import jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.pipelines import interface
from shuyuan.maas.pipelines.service import PipelinesService

_DUE_EVERY_S = 60.0


def register(pipelines: PipelinesService, outbox: kernel_outbox.Outbox, scheduler: jobs.Scheduler) -> None:
    """Subscribe, resume, and look at the clock every minute."""
    outbox.subscribe(interface.CREATED, pipelines.work.on_created)
    pipelines.work.resume()
    scheduler.every(_DUE_EVERY_S, "pipelines_due", pipelines.start_due)
