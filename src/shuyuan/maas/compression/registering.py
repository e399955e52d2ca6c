"""What comes of a compression: its file stored, version and row in one unit, or the error that ended it."""

from collections.abc import Mapping
from typing import Any

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import children, errors
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface, methods, store
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import interface as training_api


class Registry:
    """Where children of versions end up."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
        training: training_api.TrainingWork,
    ) -> None:
        self._db, self._storage, self._audit = db, storage, audit
        self._catalogue, self._datasets, self._training = catalogue, datasets, training

    def require_agreed(self, school_id: str, parent: str) -> None:
        """Raises ConsentMissing for what learned from rows that may not be trained on: a child knows what it knows."""
        try:
            self._training.require_agreed(school_id, parent)
        except training_api.NoWeights as refused:
            raise datasets_api.ConsentMissing(refused.message, fix="choose a version made of other data") from refused

    def register(
        self, taken: interface.Compression, files: interface.Folder, result: Mapping[str, Any], seconds: float
    ) -> None:
        """Store the child's file, then version and row in one unit: a crash between leaves an unnamed file at most."""
        parent = self._catalogue.resolve(taken.school_id, taken.parent)
        self.require_agreed(taken.school_id, parent.uri)  # they may have said no meanwhile
        version = self._version(taken, parent, files, result)
        shown = {name: result[name] for name in ("table", "notes", "layers")}

        def work(uow: kernel_db.UnitOfWork) -> catalogue_api.Version:
            child = self._catalogue.register_version(
                uow, school_id=taken.school_id, actor_id=taken.created_by, version=version
            )
            ended = store.end(uow, taken.id, "finished", seconds, child_id=child.id, child=child.uri, result=shown)
            if ended is None:
                raise children.Stopped  # cancelled just now: the unit is undone, no version is left behind
            self.record(uow, ended, "compression.finished", taken.created_by, version_number=child.number)
            return child

        child = self._db.write(work)
        if taken.data is not None:
            self._datasets.note_use(self._datasets.version(taken.school_id, taken.data), child.uri)

    def fail(self, taken: interface.Compression, error: errors.ShuyuanError, seconds: float) -> None:
        """Note the error, unless it has ended otherwise meanwhile."""

        def work(uow: kernel_db.UnitOfWork) -> None:
            if ended := store.end(uow, taken.id, "failed", seconds, error=error.to_dict()):
                self.record(uow, ended, "compression.failed", taken.created_by, code=error.error_code)

        self._db.write(work)

    def record(
        self, uow: kernel_db.UnitOfWork, one: interface.Compression, action: str, actor_id: str, **detail: str | int
    ) -> None:
        """Into the activity log, with the change it tells of."""
        self._audit.record(
            uow,
            school_id=one.school_id,
            actor_id=actor_id,
            action=action,
            object_id=one.id,
            number=one.number,
            **detail,
        )

    def _version(
        self,
        taken: interface.Compression,
        parent: catalogue_api.Version,
        files: interface.Folder,
        result: Mapping[str, Any],
    ) -> catalogue_api.NewVersion:
        path = files.path / str(result["file"])
        return catalogue_api.NewVersion(
            model=parent.model,
            runner=result["runner"],
            artefact_sha256=self._storage.put_file(path),
            size_bytes=path.stat().st_size,
            card=_card(parent, taken.method),
            figures=result["figures"],
            lineage=_lineage(taken),
            tasks=parent.tasks,
            context_tokens=parent.context_tokens,
            parent_id=parent.id,
            spec=result["spec"],
        )


def _lineage(taken: interface.Compression) -> dict[str, str]:
    told = {"parent": taken.parent, "compression": taken.id, "method": taken.method, "seed": str(taken.seed)}
    if taken.data is not None:
        told |= {"data": taken.data, "data_sha256": str(taken.data_sha256)}
    return told


def _card(parent: catalogue_api.Version, method: str) -> catalogue_api.LocalText:
    title = methods.method_of(method).TITLE
    return catalogue_api.LocalText(
        zh=f"{parent.card.zh}（压缩：{title['zh']}，来自 {parent.uri}）"[:4000],
        en=f"{parent.card.en} (compressed: {title['en']}, from {parent.uri})"[:4000],
    )
