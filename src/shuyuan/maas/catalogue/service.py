"""The verbs of the catalogue: pull, register, promote, resolve, locate."""

import re
from collections.abc import Sequence
from pathlib import Path

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import artefacts, interface, puller, starters, store

_REFERENCE = re.compile(r"(?:models:/)?(?P<model>[\w.-]+)(?:/(?P<number>[0-9]{1,9})|@(?P<alias>[\w.-]+))?")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,119}")
_RUNNERS = ("llama", "embed", "onnx")


class CatalogueService:
    """Implements `interface.Catalogue`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
    ) -> None:
        self._db, self._storage, self._audit = db, storage, audit
        self._puller = puller.Puller(settings.cache)

    def models(self) -> list[interface.ModelInfo]:
        """See Catalogue.models."""
        return [self._info(entry) for entry in starters.ENTRIES.values()]

    def pull_in_background(self, name: str, *, from_dir: Path | None = None) -> interface.PullProgress:
        """See Catalogue.pull_in_background."""
        return self._puller.start(name, from_dir=from_dir)

    def cancel_pull(self, name: str) -> None:
        """See Catalogue.cancel_pull."""
        self._puller.cancel(name)

    def pull_progress(self, model: str) -> interface.PullProgress | None:
        """See Locator.pull_progress."""
        return self._puller.pull_progress(model)

    def known(self) -> Sequence[str]:
        """Entries, and models with a shared version."""
        with self._db.read() as conn:
            return [*self._puller.known(), *store.shared_models(conn)]

    def locate(self, model: str) -> interface.Loadable:
        """An entry by name, or a shared version by reference. Raises UnknownModel, NotPulled, HashMismatch."""
        if model in starters.ENTRIES:
            return self._puller.locate(model)
        version = self.resolve(interface.SHARED, model)
        if version.runner not in _RUNNERS:
            raise interface.UnknownModel(
                f"{version.uri} is run by {version.runner!r}, not served here", fix="call the module that uses it"
            )
        return interface.Loadable(
            name=version.model,
            version=version.uri,
            path=artefacts.local_file(self._storage, self._puller.cache_dir, version.artefact_sha256),
            runner=version.runner,
            tasks=version.tasks,
            context_tokens=version.context_tokens,
            memory_bytes=2 * version.size_bytes,
        )

    def register_version(
        self, uow: kernel_db.UnitOfWork, *, school_id: str, actor_id: str, version: interface.NewVersion
    ) -> interface.Version:
        """See Catalogue.register_version."""
        if not _NAME.fullmatch(version.model) or version.model in starters.ENTRIES:
            raise errors.BadInput(
                f"a model cannot be named {version.model!r}", fix="use a-z 0-9 . _ - and no starter entry's name"
            )
        if not self._storage.has(version.artefact_sha256):
            raise errors.BadInput(
                f"artefact {version.artefact_sha256[:12]} is not stored", fix="put it into the store first"
            )
        if version.parent_id and not store.version_by_id(uow.conn, school_id, version.parent_id):
            raise errors.NotFound(f"parent version {version.parent_id!r} is not there", fix="name a version you see")
        added = store.add_version(uow, school_id, actor_id, version)
        self._audit.record(
            uow,
            school_id=school_id,
            actor_id=actor_id,
            action="model_version.registered",
            object_id=added.id,
            artefact_sha256=added.artefact_sha256,
        )
        return added

    def promote(
        self,
        uow: kernel_db.UnitOfWork,
        *,
        school_id: str,
        actor_id: str,
        model: str,
        alias: str,
        version: int,
        reason: str,
    ) -> interface.Alias:
        """See Catalogue.promote."""
        if not reason.strip():
            raise errors.BadInput("a promotion needs a reason", fix="say why, in a sentence")
        found = store.version_by_number(uow.conn, school_id, model, version)
        if found is None:
            raise _unknown(f"{model}/{version}")
        moved = store.move_alias(uow, school_id, actor_id, found, alias, reason[:400])
        self._audit.record(
            uow,
            school_id=school_id,
            actor_id=actor_id,
            action="model_alias.moved",
            object_id=found.id,
            version_number=found.number,
            previous_id=moved.previous_id,
        )
        return moved

    def resolve(self, school_id: str, reference: str) -> interface.Version:
        """See Catalogue.resolve."""
        parts = _REFERENCE.fullmatch(reference)
        if parts is None:
            raise _unknown(reference)
        model, number, alias = parts["model"], parts["number"], parts["alias"] or interface.CHAMPION
        with self._db.read() as conn:
            found = (
                store.version_by_number(conn, school_id, model, int(number))
                if number
                else store.alias_target(conn, school_id, model, alias)
            )
        if found is None:
            raise _unknown(reference)
        return found

    def versions(self, school_id: str, model: str) -> list[interface.Version]:
        """See Catalogue.versions."""
        with self._db.read() as conn:
            return store.versions(conn, school_id, model)

    def alias_history(self, school_id: str, model: str, alias: str = interface.CHAMPION) -> list[interface.Alias]:
        """See Catalogue.alias_history."""
        with self._db.read() as conn:
            return store.alias_history(conn, school_id, model, alias)

    def artefact(self, version: interface.Version) -> bytes:
        """See Catalogue.artefact."""
        return self._storage.get(version.artefact_sha256)

    def close(self) -> None:
        """Stop running pulls; what they verified stays."""
        self._puller.close()

    def _info(self, entry: interface.Entry) -> interface.ModelInfo:
        try:
            self._puller.locate(entry.name)
        except (interface.NotPulled, interface.HashMismatch):
            here = False
        else:
            here = True
        return interface.ModelInfo(entry=entry, here=here, progress=self._puller.pull_progress(entry.name))


def _unknown(reference: str) -> interface.UnknownModel:
    return interface.UnknownModel(
        f"there is no model {reference!r}",
        fix=f"use {', '.join(starters.ENTRIES)} or models:/name@alias of a registered model",
    )
