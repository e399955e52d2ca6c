"""Take up what an earlier process left; stop whoever reads withdrawn rows; sweep what nobody owns any more."""

from shuyuan.kernel import jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.datasets import interface, stopping
from shuyuan.maas.datasets.service import DataSetsService

_SWEEP_EVERY_S = 3600.0


def register(
    datasets: DataSetsService,
    outbox: kernel_outbox.Outbox,
    scheduler: jobs.Scheduler,
    storage: kernel_storage.Storage,
    training: stopping.Training,
    evaluation: stopping.Evaluation,
    compression: stopping.Compressing,
    pipelines: stopping.Pipelines,
    settings: kernel_settings.Settings,
) -> None:
    """Works that nobody holds begin again from their files; events and the clock do the rest."""
    datasets.recover()
    rooms = stopping.Stopping(storage, training, evaluation, compression, pipelines, datasets.has_rows, settings.home)

    def sweep() -> None:
        datasets.sweep()
        rooms.forget_predictions(datasets.purged())

    outbox.subscribe(interface.WITHDRAWN, rooms.stop)
    outbox.subscribe(interface.PURGED, lambda _event: datasets.forget_left())
    outbox.subscribe(interface.PURGED, rooms.forget)
    scheduler.every(_SWEEP_EVERY_S, "datasets_sweep", sweep)
