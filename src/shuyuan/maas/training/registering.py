"""A finished run becomes a version of the catalogue: its file, spec, figures, lineage and card. Once for each model.

Where that version was deleted since, the run becomes the next one: its files are still its own.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import cards, descent, interface, pictures, preparing, references, store, tasks

# what is served, in the order it is looked for: file, runner, tasks
_SERVED = (
    ("model.onnx", "onnx", ("predict",)),
    ("model.gguf", "llama", ("chat", "complete")),
    (preparing.WEIGHTS, "torch", ("predict",)),
)
_Json = dict[str, Any]  # Any: JSON


class Registry(NamedTuple):
    """Where a version is written."""

    db: kernel_db.Database
    storage: kernel_storage.Storage
    catalogue: catalogue_api.Catalogue
    datasets: datasets_api.DataSets
    audit: kernel_audit.Audit


def register(at: Registry, school_id: str, actor_id: str, run_id: str, model: str) -> catalogue_api.Version:
    """See Training.register. Raises UnknownRun, RunNotFinished, BadInput for the name."""
    with at.db.read() as conn:
        row = store.run(conn, school_id, references.read(run_id).run)
    if row is None:
        raise interface.UnknownRun(f"there is no run {run_id[:80]!r}", fix="see `shuyuan runs`")
    if row.state != "finished":
        raise interface.RunNotFinished(f"run {row.number} is {row.state}", fix="register it once it is finished")
    if (known := _known(at.catalogue, row, model)) is not None:
        return known
    gone = {uri: id_ for uri, id_ in row.registered.items() if _is_of(uri, model)}
    data = at.datasets.version(school_id, row.data)
    at.datasets.require_trainable(data)  # consent may have been taken back since it was trained
    with at.db.read() as conn:
        descent.require_agreed(conn, at.catalogue, at.datasets, school_id, row.parent)
    spec = _spec(at.storage, row)
    run, title = store.told(row), _title(row.task)
    card = cards.markdown(run, data, model, title, spec).encode()
    card_sha256 = at.storage.put(card)
    kept = {"sha256": card_sha256, "size_bytes": len(card)}
    version = _version(row, model, spec, cards.short(run, title), card_sha256)

    def write(uow: kernel_db.UnitOfWork) -> str:
        now = store.by_id(uow.conn, row.id)
        assert now is not None
        others: dict[str, str] = {uri: id_ for uri, id_ in now.registered.items() if gone.get(uri) != id_}
        if found := next((uri for uri in others if _is_of(uri, model)), None):
            return found  # by somebody else, just now
        added = at.catalogue.register_version(uow, school_id=school_id, actor_id=actor_id, version=version)
        store.change(
            uow,
            row.id,
            ("finished",),
            registered={**others, added.uri: added.id},
            artefacts={**now.artefacts, cards.FILE: kept},
        )
        at.audit.record(
            uow,
            school_id=school_id,
            actor_id=actor_id,
            action="run.registered",
            object_id=row.id,
            number=row.number,
            version=added.number,
        )
        return added.uri

    uri = at.db.write(write)
    at.datasets.note_use(data, uri)
    return at.catalogue.resolve(school_id, uri)


def _known(catalogue: catalogue_api.Catalogue, row: Row[Any], model: str) -> catalogue_api.Version | None:
    """The version of this model that was made from the run already, unless it was deleted since."""
    for uri, version_id in row.registered.items():
        with contextlib.suppress(catalogue_api.UnknownModel):
            if _is_of(uri, model) and (found := catalogue.resolve(row.school_id, uri)).id == version_id:
                return found
    return None


def _is_of(uri: str, model: str) -> bool:
    return uri.rpartition("/")[0] == f"models:/{model}"


def _version(
    row: Row[Any], model: str, spec: _Json, card: catalogue_api.LocalText, card_sha256: str
) -> catalogue_api.NewVersion:
    served = next((one for one in _SERVED if one[0] in row.artefacts), None)
    if served is None:
        raise interface.NoArtefact(
            f"run {row.number} made no file that can be served", fix=f"its files: {', '.join(row.artefacts)}"
        )
    name, runner, does = served
    file = row.artefacts[name]
    seeing = ("image_classify",) if {"image", "labels"} <= spec.keys() else ()
    reading = ("classify",) if runner == "onnx" and _reads_text(spec) else ()
    lineage = {"run": interface.RUNS + row.id, "data": row.data, "data_sha256": row.data_sha256}
    lineage |= {"code": row.code_version, "card": card_sha256}
    lineage |= {"parent": row.parent} if row.parent else {}
    return catalogue_api.NewVersion(
        model=model,
        runner=runner,
        artefact_sha256=file["sha256"],
        size_bytes=file["size_bytes"],
        card=card,
        figures=row.figures,
        lineage=lineage,
        tasks=(*does, *seeing, *reading),
        parent_id=row.parent_version_id,
        spec=spec,
    )


def _spec(storage: kernel_storage.Storage, row: Row[Any]) -> _Json:
    """What the served version needs: the run's spec, its encoders in it."""
    files: Mapping[str, Mapping[str, Any]] = row.artefacts
    spec: _Json = json.loads(storage.get(files[preparing.SPEC]["sha256"])) if preparing.SPEC in files else {}
    if preparing.FEATURES in files and not spec.get("features"):
        spec["features"] = json.loads(storage.get(files[preparing.FEATURES]["sha256"]))
    if "image" not in spec and (image := pictures.image(spec.get("features"))) is not None:
        spec["image"] = image  # runs from before they said so themselves
    return spec


def _reads_text(spec: _Json) -> bool:
    """Whether one text is all it reads, and a label what it gives."""
    columns = (spec.get("features") or {}).get("columns", ())
    return bool(spec.get("labels")) and [_kind(one) for one in columns] == ["text"]


def _kind(column: Any) -> object:  # Any: JSON, of any run there ever was
    return column.get("kind") if isinstance(column, Mapping) else None


def _title(task: str) -> catalogue_api.LocalText:
    if task not in tasks.TASKS:
        return catalogue_api.LocalText(zh=task, en=task)
    title = tasks.about(task).title
    return catalogue_api.LocalText(zh=title.zh, en=title.en)
