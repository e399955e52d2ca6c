"""Puts at hand what a child reads: the parts of the data set, the weights it begins with, and `job.json`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import extras
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import descent, folders, interface, store

WEIGHTS, SPEC, FEATURES = "weights.safetensors", "spec.json", "features.json"
CHECKPOINT_EVERY_S = 30
_Json = dict[str, Any]  # Any: JSON
_Parts = Mapping[datasets_api.Part, Path]
FoldFiles = Callable[[str, str, int], _Parts | None]  # of a school, the cross-validation, and the fold's number


def require_extra() -> None:
    """Raise ExtraMissing unless what trains is installed. Looks for it; imports nothing."""
    if missing := extras.missing("torch"):
        raise interface.ExtraMissing("training is not installed on this machine", fix=extras.advice(missing))


class Preparing:
    """Implements `supervision.Prepares`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        datasets: datasets_api.DataSets,
        catalogue: catalogue_api.Catalogue,
        note_reading: Callable[[Row[Any], datasets_api.DataSetVersion], None],
        fold_files: Callable[[Row[Any]], _Parts | None] = lambda row: None,
    ) -> None:
        """note_reading: called before a run reads its test part for the first time.

        fold_files: of a run that is a fold of a cross-validation: it reads these and nothing else.
        """
        self._fold_files = fold_files
        self._note_reading = note_reading
        self._db, self._storage, self._datasets, self._catalogue = db, storage, datasets, catalogue

    def __call__(self, row: Row[Any], folder: folders.RunFolder) -> _Json:
        """The job of a run. Raises ExtraMissing, UnknownDataSet, ConsentMissing, NoWeights."""
        require_extra()
        version = self._datasets.version(row.school_id, row.data)
        self._datasets.require_trainable(version)  # consent may have been taken back since
        with self._db.read() as conn:  # that of what it goes on from, too
            descent.require_agreed(conn, self._catalogue, self._datasets, row.school_id, row.parent)
        parts = self._parts(version, row)
        init = self._init(row, folder)
        if parts["test"] is not None and row.started_at is None and row.search_id is None:  # a fold holds out others
            self._note_reading(row, version)
        return {
            "task": row.task,
            "config": row.config,
            "columns": [{"name": one.name, "kind": one.kind, "role": one.role} for one in version.columns],
            "data": parts,
            "seed": row.seed,
            "init": init,
            "processes": row.processes,
            "device": "auto",
            "checkpoint_every_s": CHECKPOINT_EVERY_S,
            "threads": row.threads,
        }

    def _parts(self, version: datasets_api.DataSetVersion, row: Row[Any]) -> dict[datasets_api.Part, str | None]:
        """Local files; None where there is no such part."""
        if (fold := self._fold_files(row)) is not None:
            return {part: str(fold[part]) if part in fold else None for part in datasets_api.PARTS}
        return {part: self._part(version, part, row) for part in datasets_api.PARTS}

    def _part(self, version: datasets_api.DataSetVersion, part: datasets_api.Part, row: Row[Any]) -> str | None:
        """A local file. A trial of a search never sees the test part: nothing is chosen by it."""
        if part not in version.parts or (part == "test" and row.search_id is not None):
            return None
        return str(self._datasets.open_part(version, part))

    def _init(self, row: Row[Any], folder: folders.RunFolder) -> _Json | None:
        """Weights and spec to begin with, copied beside the job once."""
        if row.parent is None:
            return None
        weights, spec = folder.path / "init" / WEIGHTS, folder.path / "init" / SPEC
        if not spec.is_file():
            weights.parent.mkdir(parents=True, exist_ok=True)
            told = self._of_run(row, weights) if row.weights_of else self._of_version(row, weights)
            spec.write_text(json.dumps(told, ensure_ascii=False))
        return {"weights": str(weights), "spec": str(spec)}

    def _of_run(self, row: Row[Any], weights: Path) -> _Json:
        with self._db.read() as conn:
            source = store.run(conn, row.school_id, row.weights_of)
        files: Mapping[str, Mapping[str, Any]] = source.artefacts if source is not None else {}
        if WEIGHTS not in files or SPEC not in files:
            raise no_weights(row.parent)
        copy(self._storage, files[WEIGHTS]["sha256"], weights)
        spec = self._json(files[SPEC])
        if FEATURES in files:
            spec.setdefault("features", self._json(files[FEATURES]))
        return spec

    def _of_version(self, row: Row[Any], weights: Path) -> _Json:
        version = self._catalogue.resolve(row.school_id, row.parent)
        copy(self._storage, version.artefact_sha256, weights)
        return dict(version.spec)

    def _json(self, file: Mapping[str, Any]) -> _Json:
        told: _Json = json.loads(self._storage.get(file["sha256"]))
        return told


def copy(storage: kernel_storage.Storage, sha256: str, path: Path) -> None:
    """An artefact as a local file, whole or not at all. Raises NotFound, HashMismatch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as out:
        storage.copy_to(sha256, out)
    partial.replace(path)


def no_weights(parent: str) -> errors.ShuyuanError:
    """The parent cannot be gone on from."""
    return interface.NoWeights(
        f"{parent} has no weights that training can go on from",
        fix="name a finished run, or a version that was registered from one",
    )
