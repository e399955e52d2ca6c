"""What a run goes on from: `models:/name/3` or `runs:/id`, resolved to a reference that never moves. Starts nothing."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.training import interface, preparing, references, store

_RUNS, _MODELS = "runs:/", "models:/"
_MOST_BYTES = 16 << 20  # encoders of very many identifiers are read by the child alone


class Parent(NamedTuple):
    """reference: with its number.  version_id: the catalogue's, where it is one.  weights_of: the run that has them."""

    reference: str | None = None
    version_id: str | None = None
    weights_of: str | None = None


def resolve(conn: Connection, catalogue: catalogue_api.Catalogue, school_id: str, reference: str | None) -> Parent:
    """Raises BadReference, UnknownRun, UnknownModel, NoWeights."""
    if not reference:
        return Parent()
    if reference.startswith(_RUNS):
        return _of_run(conn, school_id, reference)
    if not reference.startswith(_MODELS):
        raise interface.BadReference(f"{reference[:120]!r} is no parent", fix="use models:/name/3 or runs:/id")
    version = catalogue.resolve(school_id, reference)
    made_by = version.lineage.get("run", "")
    if version.runner == "torch":
        return Parent(version.uri, version.id)
    if not made_by.startswith(_RUNS):
        raise preparing.no_weights(version.uri)
    row = store.run(conn, school_id, references.read(made_by).run)
    made = [file["sha256"] for file in row.artefacts.values()] if row is not None else []
    if row is None or version.artefact_sha256 not in made:  # a compressed child has other weights than its run
        raise preparing.no_weights(version.uri)
    return Parent(version.uri, version.id, _of_run(conn, school_id, made_by).weights_of)


def reads(
    conn: Connection,
    catalogue: catalogue_api.Catalogue,
    storage: kernel_storage.Storage,
    school_id: str,
    parent: Parent,
) -> list[tuple[str, str]]:
    """Name and kind of each column that its encoders read; nothing where it does not say."""
    if parent.weights_of is not None:
        told = _features_of_run(conn, storage, school_id, parent.weights_of)
    else:
        told = catalogue.resolve(school_id, parent.reference).spec.get("features") if parent.reference else None
    columns = told.get("columns") if isinstance(told, Mapping) else None
    named = [one for one in columns or () if isinstance(one, Mapping) and {"name", "kind"} <= one.keys()]
    return [(str(one["name"]), str(one["kind"])) for one in named]


def _features_of_run(conn: Connection, storage: kernel_storage.Storage, school_id: str, run_id: str) -> object:
    row = store.run(conn, school_id, run_id)
    file: Mapping[str, Any] | None = row.artefacts.get(preparing.FEATURES) if row is not None else None
    if file is None or file["size_bytes"] > _MOST_BYTES:
        return None
    told: object = json.loads(storage.get(file["sha256"]))
    return told


def _of_run(conn: Connection, school_id: str, reference: str) -> Parent:
    found = references.read(reference)
    row = store.run(conn, school_id, found.run)
    if row is None:
        raise interface.UnknownRun(f"there is no run {reference[:120]!r}", fix="see `shuyuan runs`")
    files: Mapping[str, Any] = row.artefacts
    if row.state != "finished" or preparing.WEIGHTS not in files:
        raise preparing.no_weights(interface.RUNS + row.id)
    return Parent(interface.RUNS + row.id, next(iter(row.registered.values()), None), row.id)
