"""Do what waits in the queue, forget old folders, copy ended runs to the mirror."""

from typing import Protocol

from shuyuan.kernel import jobs
from shuyuan.maas.training import interface
from shuyuan.maas.training.service import TrainingService

_PRUNE_EVERY_S, _MIRROR_EVERY_S = 3600.0, 20.0


class Logs(Protocol):
    """Keeps the log of test parts that were read."""

    note_reading: interface.NotesReadings


def register(training: TrainingService, scheduler: jobs.Scheduler, evaluation: Logs) -> None:
    """Go on with what an earlier process left, and with all that comes."""
    training.readings = evaluation.note_reading
    training.open()
    scheduler.every(_PRUNE_EVERY_S, "training_prune", training.prune)
    scheduler.every(_MIRROR_EVERY_S, "training_mirror", training.mirror)
