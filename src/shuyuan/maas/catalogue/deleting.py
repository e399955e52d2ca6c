"""A version, or a whole model, is deleted for a reason; refused, and by whom is said, while something stands on it.

What stays is the row, marked: numbers are never given twice, and moves of aliases keep their meaning. Files go once the
server hears of it, where no version and no run refers to them any more. An alias is taken off in the same manner.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.catalogue import interface, references, store

Users = Callable[[Connection, str, str], Sequence[tuple[int, str]]]


class Deleting:
    """Deletes versions of one school at a time."""

    def __init__(self, db: kernel_db.Database, audit: kernel_audit.Audit, outbox: kernel_outbox.Outbox | None) -> None:
        """outbox: who removes files hears of it there; None: nobody does here."""
        self._db, self._audit, self._outbox = db, audit, outbox
        self.users: list[Users] = []  # of rooms above: (number, in words) of what stands on a school's model
        self.changed: Callable[[], None] = lambda: None

    def delete(
        self, school_id: str, actor_id: str, model: str, number: int | None, reason: str
    ) -> list[interface.Version]:
        """See Catalogue.delete. number: None: every version."""
        _require_reason(f"deleting {references.short(model, number) if number else model}", reason)

        def work(uow: kernel_db.UnitOfWork) -> list[interface.Version]:
            gone = self._meant(uow.conn, school_id, model, number)
            self._require_free(uow.conn, school_id, model, gone)
            for one in gone:
                store.bury(uow, one.id, actor_id, reason[:400])
                self._record(uow, school_id, actor_id, "model_version.deleted", one.id, one.number)
            if self._outbox is not None:
                files = sorted({one.artefact_sha256 for one in gone})
                self._outbox.emit(uow, interface.DELETED, school_id=school_id, subject_id=gone[0].id, files=files)
            uow.after_commit(self.changed)
            return gone

        return self._db.write(work)

    def take_off(self, school_id: str, actor_id: str, model: str, alias: str, reason: str) -> None:
        """See Catalogue.remove_alias."""
        _require_reason(f"taking off the alias {alias[:64]!r}", reason)

        def work(uow: kernel_db.UnitOfWork) -> None:
            found = store.own_alias(uow.conn, school_id, model, alias)
            if found is None:
                raise interface.UnknownModel(
                    f"{model[:120]!r} has no alias {alias[:64]!r} of this school", fix="see the aliases of its versions"
                )
            if alias == interface.CHAMPION and (tried := self._users(uow.conn, school_id, model)):
                raise interface.VersionInUse(f"{_listed(tried)} beside the champion", fix="stop that first")
            store.take_off_alias(uow, school_id, actor_id, found, alias, reason[:400])
            self._record(uow, school_id, actor_id, "model_alias.removed", found.id, found.number)
            uow.after_commit(self.changed)

        self._db.write(work)

    def _meant(self, conn: Connection, school_id: str, model: str, number: int | None) -> list[interface.Version]:
        own = [one for one in store.versions(conn, school_id, model) if one.school_id == school_id]
        found = [one for one in own if number in (None, one.number)]
        if not found:
            known = ", ".join(str(one.number) for one in reversed(own)) or "none"
            raise interface.UnknownModel(
                f"this school has no version {number or 'at all'} of {model[:120]!r}", fix=f"its versions are: {known}"
            )
        if other := next((one.runner for one in found if one.runner not in interface.runner_kinds()), None):
            raise interface.VersionInUse(
                f"{model!r} is run by {other!r}, which keeps its own versions", fix="use the page of that module"
            )
        return found

    def _require_free(self, conn: Connection, school_id: str, model: str, gone: Sequence[interface.Version]) -> None:
        """Raises VersionInUse, which says every one that stands on it."""
        numbers, ids = {one.number for one in gone}, {one.id for one in gone}
        standing = [
            f"alias {alias} → version {number}"
            for alias, number in store.own_aliases(conn, school_id, model).items()
            if number in numbers
        ]
        standing += [words for number, words in self._users(conn, school_id, model) if number in numbers]
        standing += [f"{one.uri} was made from it" for one in store.children(conn, ids) if one.id not in ids]
        if standing:
            raise interface.VersionInUse(
                f"{gone[0].uri if len(gone) == 1 else model} cannot be deleted: {', '.join(standing)}",
                fix="move or take off the alias, end what is being tried, delete what was made from it",
            )

    def _users(self, conn: Connection, school_id: str, model: str) -> list[tuple[int, str]]:
        return [one for users in self.users for one in users(conn, school_id, model)]

    def _record(
        self, uow: kernel_db.UnitOfWork, school_id: str, actor_id: str, action: str, object_id: str, number: int
    ) -> None:
        told = {"school_id": school_id, "actor_id": actor_id, "object_id": object_id}
        self._audit.record(uow, action=action, version_number=number, **told)


def _listed(users: Sequence[tuple[int, str]]) -> str:
    return ", ".join(words for _, words in users)


def _require_reason(what: str, reason: str) -> None:
    if not reason.strip():
        raise errors.BadInput(f"{what} came without a reason", fix="say why; it stays on record with your name")
