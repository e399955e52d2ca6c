"""Give back what crashed processes had reserved, start new batches, forget old ones."""

from shuyuan.kernel import jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.gateway.batch.batches import CREATED, Batches
from shuyuan.maas.gateway.service import GatewayService

_EVERY_S, _SAMPLE_EVERY_S, _PRUNE_EVERY_S = 60.0, 2.0, 3600.0


def register(
    gateway: GatewayService, scheduler: jobs.Scheduler, outbox: kernel_outbox.Outbox, batches: Batches
) -> None:
    """Recover now and go on doing so."""
    gateway.recover()
    outbox.subscribe(CREATED, batches.work.on_created)
    scheduler.every(_EVERY_S, "gateway_recover", gateway.recover)
    scheduler.every(_SAMPLE_EVERY_S, "gateway_sample", gateway.sample)
    scheduler.every(_PRUNE_EVERY_S, "gateway_prune", batches.prune)
