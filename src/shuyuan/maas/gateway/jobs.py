"""Give back what crashed processes had reserved: once at start, then every minute."""

from shuyuan.kernel import jobs
from shuyuan.maas.gateway.service import GatewayService

_EVERY_S = 60.0


def register(gateway: GatewayService, scheduler: jobs.Scheduler) -> None:
    """Recover now and go on doing so."""
    gateway.recover()
    scheduler.every(_EVERY_S, "gateway_recover", gateway.recover)
