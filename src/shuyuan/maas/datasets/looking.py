"""The verbs of data sets that look: versions, parts, works, and whether a version may be trained on."""

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.datasets import consents, interface, parts, splittable, steps, store, working
from shuyuan.maas.datasets.pool import raised

_REFERENCE = re.compile(r"(?:data:/)?(?P<name>[a-z0-9][a-z0-9_.-]{0,79})(?:/(?P<number>[0-9]{1,9}))?")
_POLL_S = 0.05


class Looking:
    """The looking verbs of `interface.DataSets`. A school sees its own and no other's."""

    def __init__(self, db: kernel_db.Database, kept: parts.Parts, works: working.Works) -> None:
        self._db, self._parts, self._works = db, kept, works

    def version(self, school_id: str, reference: str) -> interface.DataSetVersion:
        """See DataSets.version."""
        said = _REFERENCE.fullmatch(reference)
        number = int(said["number"]) if said and said["number"] else None
        found = None
        if said:
            with self._db.read() as conn:
                found = store.version(conn, school_id, said["name"], number)
        if found is None:
            raise unknown(reference)
        return found

    def version_by_id(self, school_id: str, version_id: str) -> interface.DataSetVersion:
        """See DataSets.version_by_id."""
        with self._db.read() as conn:
            found = store.version_by_id(conn, school_id, version_id)
        if found is None:
            raise unknown(version_id)
        return found

    def versions(self, school_id: str, name: str | None = None) -> list[interface.DataSetVersion]:
        """See DataSets.versions."""
        with self._db.read() as conn:
            return store.versions(conn, school_id, name)

    def newest(self, school_id: str, *, limit: int = 50, after: str = "") -> list[interface.DataSetVersion]:
        """See DataSets.newest."""
        with self._db.read() as conn:
            return store.newest(conn, school_id, limit=limit, after=after)

    def count(self, school_id: str) -> tuple[int, int]:
        """How many data sets and how many versions there are."""
        with self._db.read() as conn:
            return store.count_names(conn, school_id)

    def holding(self, school_id: str, sha256: str) -> list[interface.DataSetVersion]:
        """See DataSets.holding."""
        with self._db.read() as conn:
            return store.holding(conn, school_id, sha256)

    def users(self, version: interface.DataSetVersion) -> list[str]:
        """See DataSets.users."""
        with self._db.read() as conn:
            return store.users(conn, [version.id])

    def preview(self, version: interface.DataSetVersion, rows: int = 20) -> Sequence[Mapping[str, interface.Option]]:
        """See DataSets.preview."""
        with self._db.read() as conn:
            return store.preview(conn, version.school_id, version.id)[:rows]

    def open_part(self, version: interface.DataSetVersion, part: interface.Part) -> Path:
        """See DataSets.open_part."""
        consents.require_rows(version)
        return self._parts.open(version, part)

    def require_each_row_once(self, version: interface.DataSetVersion) -> None:
        """See DataSets.require_each_row_once."""
        splittable.require_each_once(version, self._lineage(version))

    def require_trainable(self, version: interface.DataSetVersion) -> None:
        """See DataSets.require_trainable."""
        consents.require_rows(version)
        if version.personal and not version.consent:
            raise interface.ConsentMissing(
                f"{version.uri} tells of persons who have not agreed to training",
                fix="ask them; an administrator then notes their consent: PUT /api/datasets/{name}/{number}/consent",
            )
        with self._db.read() as conn:
            kin = store.sharing(conn, version.school_id, version.id)
        consents.require_pseudonyms(version, kin)

    def steps(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See DataSets.steps."""
        return steps.described()

    def work(self, school_id: str, work_id: str) -> interface.Work:
        """See DataSets.work."""
        with self._db.read() as conn:
            row = store.work(conn, school_id, work_id)
        if row is None:
            raise unknown(work_id)
        return self._works.told(row)

    def works(self, school_id: str) -> list[interface.Work]:
        """The last fifty, newest first."""
        with self._db.read() as conn:
            rows = store.works(conn, school_id)
        return [self._works.told(row) for row in rows]

    def wait(self, school_id: str, work_id: str, timeout_s: float = 600.0) -> interface.DataSetVersion:
        """See DataSets.wait."""
        until = time.monotonic() + timeout_s
        while not (found := self.work(school_id, work_id)).ended:
            if time.monotonic() > until:
                raise errors.Unavailable(f"work {work_id} is not finished after {timeout_s:g} s", fix="wait longer")
            time.sleep(_POLL_S)
        if found.error is not None:
            raise raised(found.error)
        if found.state == "cancelled":
            raise errors.Conflict(f"work {work_id} was cancelled", fix="start it again")
        return self.version(school_id, found.version)

    def has_rows(self, school_id: str, reference: str) -> bool:
        """Whether there is such a version, and its rows are still kept."""
        try:
            return self.version(school_id, reference).purged_at is None
        except interface.UnknownDataSet:
            return False

    def _may_be_read(self, school_id: str, reference: str) -> bool:
        if not self.has_rows(school_id, reference):
            return False
        found = self.version(school_id, reference)
        return found.consent or not found.personal

    def _lineage(self, version: interface.DataSetVersion) -> list[interface.DataSetVersion]:
        """What it was made from, the nearest first."""
        found: list[interface.DataSetVersion] = []
        while (parent_id := (found[-1] if found else version).parent_id) is not None:
            found.append(self.version_by_id(version.school_id, parent_id))
        return found


def unknown(reference: str) -> interface.UnknownDataSet:
    """What to say of a reference that means nothing here."""
    return interface.UnknownDataSet(
        f"there is no data set {reference[:120]!r}", fix="list what there is: /api/datasets"
    )
