"""The verbs of compression: queue, look, cancel, wait. `working` does them, `registering` keeps what they make."""

import time
from collections.abc import Mapping

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import durable, errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface, methods, registering, store, working, writing
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import interface as training_api

_MOST_WAITING = 50  # of one school
_LOOK_EVERY_S = 0.1


class CompressionService:
    """Implements `interface.Compressing`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
        training: training_api.TrainingWork,
    ) -> None:
        self._db, self._catalogue, self._datasets = db, catalogue, datasets
        self._home_id = durable.executor_of(settings.home)
        self._registry = registering.Registry(db, storage, audit, catalogue, datasets, training)
        whose = None if db.dialect == "sqlite" else self._home_id  # a file belongs to one home alone
        folders = settings.home / "compressions"
        self._works = working.Works(db, self._registry, catalogue, datasets, folders, whose)

    def methods(self) -> list[interface.MethodInfo]:
        """See Compressing.methods."""
        return [methods.method_of(name).info() for name in methods.METHODS]

    def check(self, method: str, config: Mapping[str, object]) -> None:
        """See Compressing.check."""
        methods.config_of(method, config)

    def start(self, principal: Principal, new: interface.NewCompression) -> interface.Compression:
        """See Compressing.start."""
        principal.require("admin", "developer")
        return self.start_for(principal.school_id, principal.account_id, new)

    def start_for(self, school_id: str, actor_id: str, new: interface.NewCompression) -> interface.Compression:
        """See Compressing.start_for."""
        config = methods.config_of(new.method, new.config)
        if "data" in methods.method_of(new.method).NEEDS and new.data is None:
            raise interface.DataNeeded(
                f"{new.method} calibrates or learns on examples", fix="name a data set: data:/name/3"
            )
        parent = self._compressible(school_id, new.version)
        data = self._trainable(school_id, new.data)

        def work(uow: kernel_db.UnitOfWork) -> interface.Compression:
            if (count := store.waiting(uow.conn, school_id)) >= _MOST_WAITING:
                raise errors.RateLimited(
                    f"{count} compressions wait", fix="wait until some are done", retry_after_s=60.0
                )
            added = store.add(
                uow,
                school_id,
                method=new.method,
                config=config.model_dump(mode="json"),
                parent_id=parent.id,
                parent=parent.uri,
                data=data.uri if data else None,
                data_sha256=data.sha256 if data else None,
                seed=new.seed,
                home_id=self._home_id,
                created_by=actor_id,
            )
            self._registry.record(uow, added, "compression.started", actor_id, method=added.method)
            return added

        added = self._db.write(work)
        self._works.enqueue(added.id)
        return added

    def compression(self, school_id: str, compression_id: str) -> interface.Compression:
        """See Compressing.compression."""
        with self._db.read() as conn:
            found = store.one(conn, school_id, compression_id)
        if found is None:
            raise errors.NotFound(f"there is no compression {compression_id[:40]!r}", fix="see /api/compressions")
        return self._at_work(found)

    def compressions(
        self, school_id: str, *, parent: str | None = None, limit: int = 100
    ) -> list[interface.Compression]:
        """See Compressing.compressions."""
        with self._db.read() as conn:
            found = store.newest_first(conn, school_id, parent, limit)
        return [self._at_work(one) for one in found]

    def cancel(self, school_id: str, actor_id: str, compression_id: str) -> interface.Compression:
        """See Compressing.cancel."""
        found = self.compression(school_id, compression_id)

        def work(uow: kernel_db.UnitOfWork) -> interface.Compression:
            ended = store.cancel(uow, school_id, compression_id)
            if ended is None:
                raise errors.Conflict(f"compression {found.number} has ended already", fix="nothing is left to stop")
            self._registry.record(uow, ended, "compression.cancelled", actor_id)
            return ended

        ended = self._db.write(work)
        self._works.stop(compression_id)
        return ended

    def wait(
        self,
        school_id: str,
        compression_id: str,
        *,
        timeout_s: float = 3600.0,
        on_change: interface.OnChange | None = None,
    ) -> interface.Compression:
        """See Compressing.wait."""
        end, before = time.monotonic() + timeout_s, None
        while not (now := self.compression(school_id, compression_id)).ended or self._works.has(compression_id):
            if on_change is not None and now != before:
                on_change(now)
            before = now
            if time.monotonic() > end:
                raise errors.Unavailable(f"compression {now.number} is still {now.state}", fix="ask again later")
            time.sleep(_LOOK_EVERY_S)
        return now

    def resume(self) -> int:
        """After a start: take up what an earlier process of this home left; how many."""
        return self._works.resume()

    def close(self) -> None:
        """End the child in work; it is begun again by the next process."""
        self._works.close()

    def _at_work(self, found: interface.Compression) -> interface.Compression:
        """With how far it is, where this home does it."""
        told = writing.read(self._works.files(found.id).progress) if found.state == "running" else None
        return found.model_copy(update=told) if told else found

    def _compressible(self, school_id: str, reference: str) -> catalogue_api.Version:
        parent = self._catalogue.resolve(school_id, reference)
        if parent.runner not in ("onnx", "torch"):
            raise interface.CannotCompress(
                f"{parent.uri} is run by {parent.runner!r}; only ONNX graphs and our own nets are compressed",
                fix="choose a version of runner onnx or torch",
            )
        self._registry.require_agreed(school_id, parent.uri)
        return parent

    def _trainable(self, school_id: str, reference: str | None) -> datasets_api.DataSetVersion | None:
        if reference is None:
            return None
        data = self._datasets.version(school_id, reference)
        self._datasets.require_trainable(data)
        return data
