"""The verbs of the catalogue that change something: pull, register, promote."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import (
    artefacts,
    deleting,
    extras,
    formats,
    importing,
    interface,
    puller,
    reading,
    references,
    remotes,
    specs,
    starters,
    store,
    widths,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,119}")
_ALIAS = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class CatalogueService(reading.Reading):
    """Implements `interface.Catalogue`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
        outbox: kernel_outbox.Outbox | None = None,
    ) -> None:
        """outbox: where it is told that files of deleted versions may go; None: they stay."""
        super().__init__(db, storage, puller.Puller(settings.cache))
        self._audit = audit
        self._deleting = deleting.Deleting(db, audit, outbox)
        self._deleting.changed = self._changed
        self.on_change: list[Callable[[], None]] = []
        self._remote_upstreams = tuple(settings.remote_upstreams)
        self.incoming_dir, self.max_model_bytes = settings.cache / "incoming", settings.max_model_bytes

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

    def register_version(
        self, uow: kernel_db.UnitOfWork, *, school_id: str, actor_id: str, version: interface.NewVersion
    ) -> interface.Version:
        """See Catalogue.register_version."""
        _check_name(version.model)
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
        uow.after_commit(self._changed)
        return added

    def add_file(
        self,
        school_id: str,
        actor_id: str,
        *,
        model: str,
        source: Path | IO[bytes],
        runner: str,
        tasks: Sequence[str] = (),
        spec: Mapping[str, object] = {},
        card: interface.LocalText | None = None,
        context_tokens: int = 0,
        champion: bool = False,
        reason: str = "",
        trusted: bool = False,
    ) -> interface.Version:
        """See Catalogue.add_file."""
        claimed = self.check_claims(
            school_id, model=model, runner=runner, tasks=tasks, spec=spec, champion=champion, reason=reason
        )
        card = card or interface.LocalText(zh=model, en=model)
        specs.check_card(card)
        with importing.on_disk(source, self.incoming_dir, self.max_model_bytes) as path:
            formats.check(path, runner)
            if runner == "onnx":
                widths.check(path, spec, claimed)
            if runner == "remote" and not trusted:
                remotes.check_listed(path, self._remote_upstreams)
            version = interface.NewVersion(
                model=model,
                runner=runner,
                artefact_sha256=self._storage.put_file(path),
                size_bytes=path.stat().st_size,
                card=card,
                tasks=claimed,
                context_tokens=specs.context_of(runner, context_tokens),
                spec=dict(spec),
            )

        def register(uow: kernel_db.UnitOfWork) -> interface.Version:
            added = self.register_version(uow, school_id=school_id, actor_id=actor_id, version=version)
            if champion:
                self.promote(
                    uow,
                    school_id=school_id,
                    actor_id=actor_id,
                    model=model,
                    alias=interface.CHAMPION,
                    version=added.number,
                    reason=reason,
                )
            return added

        return self._db.write(register)

    def check_claims(
        self,
        school_id: str,
        *,
        model: str,
        runner: str,
        tasks: Sequence[str],
        spec: Mapping[str, object],
        champion: bool = False,
        reason: str = "",
    ) -> tuple[str, ...]:
        """What `add_file` refuses before it looks at the file; returns the tasks it will register."""
        _check_name(model)
        specs.check_runner(runner)
        specs.check_spec(spec)
        if champion:
            specs.check_reason("champion", reason)
        self._require_served_here(school_id, model)
        return specs.tasks_of(runner, tasks, spec)

    def move_alias(
        self, school_id: str, actor_id: str, *, model: str, alias: str, version: int, reason: str
    ) -> interface.Alias:
        """See Catalogue.move_alias."""
        self._require_served_here(school_id, model)
        return self._db.write(
            lambda uow: self.promote(
                uow,
                school_id=school_id,
                actor_id=actor_id,
                model=model,
                alias=alias,
                version=version,
                reason=reason,
            )
        )

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
        specs.check_reason(f"alias {alias[:64]!r}", reason)
        if not _ALIAS.fullmatch(alias):
            raise errors.BadInput(f"an alias cannot be named {alias[:80]!r}", fix="use a-z 0-9 . _ -, up to 64")
        found = store.version_by_number(uow.conn, school_id, model, version)
        if found is None:
            raise self._unknown(uow.conn, school_id, references.short(model, version))
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
        uow.after_commit(self._changed)
        return moved

    def delete(
        self, school_id: str, actor_id: str, model: str, number: int | None, reason: str
    ) -> list[interface.Version]:
        """See Catalogue.delete."""
        return self._deleting.delete(school_id, actor_id, model, number, reason)

    def remove_alias(self, school_id: str, actor_id: str, *, model: str, alias: str, reason: str) -> None:
        """See Catalogue.remove_alias."""
        self._deleting.take_off(school_id, actor_id, model, alias, reason)

    def know_users(self, users: deleting.Users) -> None:
        """Who stands on versions, told by whoever knows the deployments."""
        self._deleting.users.append(users)

    def forget_file(self, sha256: str) -> bool:
        """Remove a file that no version refers to, here and in the store; False where one does."""
        with self._db.read() as conn:
            if store.refers(conn, sha256):
                return False
        artefacts.forget(self._puller.cache_dir, sha256)
        self._storage.remove(sha256)
        return True

    def close(self) -> None:
        """Stop running pulls; what they verified stays."""
        self._puller.close()

    def _changed(self) -> None:
        for told in self.on_change:
            told()

    def _info(self, entry: interface.Entry) -> interface.ModelInfo:
        try:
            self._puller.locate(entry.name)
        except (interface.NotPulled, interface.HashMismatch):
            here = False
        else:
            here = True
        return interface.ModelInfo(
            entry=entry,
            here=here,
            missing_extra=extras.missing(entry.runner),
            progress=self._puller.pull_progress(entry.name),
        )

    def _require_served_here(self, school_id: str, model: str) -> None:
        """Raise Conflict when the name belongs to a reader of its own (such as the tracer)."""
        for version in self.versions(school_id, model):
            if version.runner not in interface.runner_kinds():
                raise errors.Conflict(
                    f"{model!r} is run by {version.runner!r}, which chooses its own versions",
                    fix="use another name, or the page of the module that runs it",
                )


def _check_name(model: str) -> None:
    if not _NAME.fullmatch(model) or model in starters.ENTRIES:
        raise errors.BadInput(
            f"a model cannot be named {model[:120]!r}", fix="use a-z 0-9 . _ - and no starter entry's name"
        )
