"""Look at deployments every second for as long as the process serves; forget old counts."""

from shuyuan.kernel import jobs
from shuyuan.maas.deployment.service import DeploymentService

_PRUNE_EVERY_S = 3600.0


def register(deployment: DeploymentService, scheduler: jobs.Scheduler) -> None:
    """Start the watch."""
    deployment.start()
    scheduler.every(_PRUNE_EVERY_S, "deployment_prune", deployment.prune)
