"""Files of a run for people: what tells of single rows, or quotes their values, is not for everybody."""

from pathlib import Path

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import files, interface, preparing, recording

_PREDICTIONS = "predictions.parquet"
_OF_VALUES = (preparing.FEATURES, preparing.SPEC)  # words of columns, as they stand in the rows


class Downloads:
    """Hands files out."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        datasets: datasets_api.DataSets,
        runs: files.RunFiles,
    ) -> None:
        self._db, self._audit, self._datasets, self._runs = db, audit, datasets, runs

    def take(self, principal: Principal, run: interface.Run, name: str) -> Path:
        """A file of a run that this person may see. Raises Forbidden, NoArtefact.

        Predictions are not for teachers, and who took them is noted; neither is what quotes values of personal data,
        which nobody below developer sees elsewhere.
        """
        if name == _PREDICTIONS or (name in _OF_VALUES and self._is_personal(run)):
            principal.require("admin", "developer")
        path = self._runs.artefact(run, name)
        if name == _PREDICTIONS:
            self._db.write(lambda uow: recording.taken(self._audit, uow, principal, run.id))
        return path

    def _is_personal(self, run: interface.Run) -> bool:
        try:
            return self._datasets.version(run.school_id, run.data).personal
        except datasets_api.UnknownDataSet:  # nobody can tell any more
            return True
