"""Who agreed, who no longer does, and what is removed then: consent with its basis, and purges that leave a tombstone.

Consent is given to one version; it is taken back from all that share its rows (what it was made from, what was made of
that, other imports of them), and an event says so: whoever reads those rows stops. A purge removes rows, first rows and
examples, and says what it could not reach.
"""

from collections.abc import Sequence

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.datasets import interface, store
from shuyuan.maas.datasets import parts as datasets_parts
from shuyuan.science.features import pseudonyms

Version = interface.DataSetVersion


class Consents:
    """Consent and purges of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        outbox: kernel_outbox.Outbox,
        parts: datasets_parts.Parts,
    ) -> None:
        self._db, self._audit, self._outbox, self._parts = db, audit, outbox, parts

    def change(self, found: Version, actor_id: str, consent: bool, reason: str) -> None:
        """See DataSets.set_consent."""
        require_rows(found)
        basis = " ".join(reason.split())[:400]

        def change(uow: kernel_db.UnitOfWork) -> None:
            touched = [found] if consent else store.sharing(uow.conn, found.school_id, found.id)
            changed = store.set_consent(uow, found.school_id, [one.id for one in touched], consent, basis)
            told = {"school_id": found.school_id, "actor_id": actor_id, "object_id": found.id}
            action = "data_set.consent_given" if consent else "data_set.consent_withdrawn"
            self._audit.record(uow, action=action, name=found.name, versions=changed, **told)
            if not consent:
                data = [one.uri for one in touched]
                self._outbox.emit(
                    uow,
                    interface.WITHDRAWN,
                    school_id=found.school_id,
                    subject_id=found.id,
                    data=data,
                    actor_id=actor_id,
                )

        self._db.write(change)

    def purge(self, found: Version, actor_id: str, reason: str) -> interface.Purged:
        """See DataSets.purge."""
        require_rows(found)
        why = said(reason)

        def forget(uow: kernel_db.UnitOfWork) -> tuple[interface.Purged, list[str]]:
            every = store.by_ids(uow.conn, found.school_id, store.family(uow.conn, found.school_id, found.id))
            for one in every:
                if one.personal and one.consent:
                    raise interface.StillAgreed(
                        f"the persons in {one.uri} agree to training", fix="take the consent back first"
                    )
                if not one.personal and not store.is_withdrawn(uow.conn, one.school_id, set(), one.id):
                    raise interface.StillAgreed(
                        f"{one.uri} tells of no person: there is no consent to take back", fix="delete it instead"
                    )
            return self.bury(uow, every, actor_id, why)

        purged, gone = self._db.write(forget)
        self._parts.forget(gone)
        return purged

    def forget_left(self) -> None:
        """Remove the files of tombstones that are still there: a process was killed between the row and its files."""
        with self._db.read() as conn:
            left = store.buried_parts(conn)
        for sha256 in left:
            if not self.is_held(sha256):
                self._parts.forget([sha256])
        self._parts.sweep(self.is_held)

    def is_held(self, sha256: str) -> bool:
        """Whether a version of any school has this file as a part."""
        with self._db.read() as conn:
            return bool(store.holders(conn, sha256))

    def bury(
        self, uow: kernel_db.UnitOfWork, versions: Sequence[Version], actor_id: str, why: str
    ) -> tuple[interface.Purged, list[str]]:
        """Tombstones for these versions, inside a unit; and the files that no version holds any more.

        Raises DataSetInUse while a work reads one of them.
        """
        for one in versions:
            if store.sources_of_open_work(uow.conn, one.school_id, one.id):
                raise interface.DataSetInUse(f"a work reads {one.uri}", fix="cancel the work, or wait until it ends")
        for one in versions:
            store.bury(uow, one, actor_id, why)
            told = {"school_id": one.school_id, "actor_id": actor_id, "object_id": one.id}
            self._audit.record(uow, action="data_set.purged", name=one.name, number=one.number, rows=one.rows, **told)
        held = {part.sha256 for one in versions for part in one.parts.values()}
        school_id, data = versions[0].school_id, [one.uri for one in versions]
        self._outbox.emit(
            uow, interface.PURGED, school_id=school_id, subject_id=versions[0].id, data=data, actor_id=actor_id
        )
        purged = interface.Purged(
            versions=tuple(data),
            used_by=tuple(store.users(uow.conn, [one.id for one in versions])),
            shared_with=tuple(
                sorted({one.uri for sha256 in held for one in store.holding(uow.conn, school_id, sha256)})
            ),
        )
        return purged, sorted(sha256 for sha256 in held if not store.holders(uow.conn, sha256))


def require_rows(version: Version) -> None:
    """Raises DataSetPurged for a tombstone."""
    if version.purged_at is not None:
        raise interface.DataSetPurged(
            f"the rows of {version.uri} were removed on {version.purged_at:%Y-%m-%d}: {version.purged_why}",
            fix="choose another version",
        )


def require_pseudonyms(version: Version, kin: Sequence[Version] = ()) -> None:
    """Raises RawPersons where a column of persons, as far as its examples tell, still holds what they are called.

    kin: versions that share its rows; what one of them calls a person is one here too, if it is read. Versions read
    today have pseudonyms, every value; a net that is fitted on an older one would carry names and numbers. Values of
    which no example is kept are not vouched for.
    """
    persons = {column.name for one in (version, *kin) for column in one.with_role("person")}
    for column in version.columns:
        if column.name not in persons or column.role == "ignore":
            continue
        are_hidden = all(pseudonyms.is_one(one, version.created_at) for one in column.examples)
        if not are_hidden or (column.distinct and not column.examples):
            raise interface.RawPersons(
                f"column {column.name!r} of {version.uri} holds persons as they are called, not pseudonyms",
                fix="prepare it again with the role person there: the version made then holds pseudonyms",
            )


def said(reason: str) -> str:
    """A reason in one line. Raises BadInput for none."""
    if not (told := " ".join(reason.split())[:400]):
        raise errors.BadInput("no reason was given", fix="say in a sentence why; it stays with the version")
    return told
