"""What can be asked of the catalogue: which names there are, what they mean, and the file behind one."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import artefacts, interface, puller, references, starters, store


class Reading:
    """The reading verbs of `interface.Catalogue`. A school sees its own versions and the shared ones."""

    def __init__(self, db: kernel_db.Database, storage: kernel_storage.Storage, here: puller.Puller) -> None:
        self._db, self._storage, self._puller = db, storage, here

    def known(self, school_id: str = interface.SHARED) -> Sequence[str]:
        """See Locator.known."""
        with self._db.read() as conn:
            return [*self._puller.known(), *store.models(conn, school_id)]

    def servable(self, school_id: str) -> Sequence[interface.Servable]:
        """See Naming.servable."""
        entries = [interface.Servable(name=name) for name in self._puller.known()]
        with self._db.read() as conn:
            return [*entries, *store.servable(conn, school_id, interface.runner_kinds())]

    def locate(self, model: str, school_id: str = interface.SHARED) -> interface.Loadable:
        """See Locator.locate. Raises UnknownModel, NotPulled, HashMismatch."""
        if model in starters.ENTRIES:
            return self._puller.locate(model)
        version = self.resolve(school_id, model)
        if version.runner not in interface.runner_kinds():
            raise interface.UnknownModel(
                f"{version.uri} is no model that answers calls: it is run by {version.runner!r} inside the platform",
                fix="GET /v1/models lists those that do",
            )
        return interface.Loadable.model_validate(
            {
                "name": version.model,
                "version": version.uri,
                "path": artefacts.local_file(self._storage, self._puller.cache_dir, version.artefact_sha256),
                "runner": version.runner,
                "tasks": version.tasks,
                "context_tokens": version.context_tokens,
                "memory_bytes": 2 * version.size_bytes,
                "spec": version.spec,
                "school_id": version.school_id,
                "sha256": version.artefact_sha256,
            }
        )

    def resolve(self, school_id: str, reference: str) -> interface.Version:
        """See Catalogue.resolve."""
        wanted = references.Reference.parse(reference)
        with self._db.read() as conn:
            found = store.meant(conn, school_id, wanted) if wanted else None
            if found is None:
                raise self._unknown(conn, school_id, reference)
        return found

    def versions(self, school_id: str, model: str) -> list[interface.Version]:
        """See Catalogue.versions."""
        with self._db.read() as conn:
            return store.versions(conn, school_id, model)

    def aliases(self, school_id: str, model: str) -> Mapping[str, int]:
        """See Catalogue.aliases."""
        with self._db.read() as conn:
            return store.aliases(conn, school_id, model)

    def alias_history(self, school_id: str, model: str, alias: str = interface.CHAMPION) -> list[interface.Alias]:
        """See Catalogue.alias_history."""
        with self._db.read() as conn:
            return store.alias_history(conn, school_id, model, alias)

    def artefact(self, version: interface.Version) -> bytes:
        """See Catalogue.artefact."""
        return self._storage.get(version.artefact_sha256)

    def _unknown(self, conn: Connection, school_id: str, written: str) -> interface.UnknownModel:
        """What to say of a reference that means nothing to this school."""
        wanted = references.Reference.parse(written)
        numbers = store.numbers(conn, school_id, wanted.model) if wanted else []
        if wanted is None or not numbers:
            return references.unknown_model(written, store.models(conn, school_id, interface.runner_kinds()))
        return references.unknown_version(wanted, numbers, store.aliases(conn, school_id, wanted.model))
