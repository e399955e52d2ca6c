"""The answers a version was fitted on: stored beside it with pseudonyms, and deleted when one of them says no.

A set is noted before its bytes are stored, so that none lies in the store unknown. Where no version comes of it, it
goes at once; what a killed process left goes when the next set is kept. One learner who withdraws or is erased ends
the whole set: without their rows it would no longer be what its address says. The version goes on serving, for its
weights are nobody's answers; it keeps the hash, and says when the answers went.
"""

import functools
import hashlib
import io
import json
import tempfile
import threading
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, crypto, log
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import storage as kernel_storage
from shuyuan.learning.improvement import dataset
from shuyuan.learning.improvement import keptstore as store
from shuyuan.learning.people.interface import People

LEFT_AFTER = timedelta(hours=1)  # from storing a set to registering its version it takes seconds
_logger = log.get("improvement.keptanswers")
# Any below: a row's values


class KeptAnswers:
    """Implements `interface.KeptAnswers`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        people: People,
    ) -> None:
        self._db, self._storage, self._vault, self._audit, self._people = db, storage, vault, audit, people
        self._one_at_a_time = threading.Lock()  # an event and the clock may come together
        self._found_well: dict[str, object] = {}  # school → its sets and who agreed, when nothing was left to do

    def keep(self, school_id: str, raw: bytes) -> str:
        """Store a set of learners who agreed; its address."""
        self._sweep(school_id)
        address, persons = hashlib.sha256(raw).hexdigest(), _persons(io.BytesIO(raw))
        self._db.write(lambda uow: store.note(uow, school_id, address, persons))
        return self._storage.put(raw)

    def let_go(self, school_id: str, sha256: str) -> None:
        """Forget a set, unless a version was fitted on it. What the store refuses, the next set that is kept sweeps."""
        try:
            with self._one_at_a_time:
                with self._db.read() as conn:
                    mine = next((one for one in store.unused(conn, school_id) if one.sha256 == sha256), None)
                    alone = len(store.holding(conn, sha256)) == 1
                if mine is None:
                    return
                if alone:
                    self._storage.remove(sha256)
                self._db.write(lambda uow: store.forget(uow, school_id, sha256, mine.kept_at))
        except Exception as failure:  # what happened before is told instead
            _logger.warning("kept_answers_wait", school=school_id, set=sha256[:12], error=repr(failure))

    def _sweep(self, school_id: str) -> None:
        with self._db.read() as conn:
            old = [one for one in store.unused(conn, school_id) if one.kept_at < clock.now() - LEFT_AFTER]
        for row in old:
            self.let_go(school_id, row.sha256)

    def keep_promises(self, school_id: str | None = None) -> int:
        """See KeptAnswers.keep_promises."""
        deleted, schools = 0, dict[str, list[Row[Any]]]()
        with self._one_at_a_time:
            with self._db.read() as conn:
                for row in store.standing(conn, school_id):
                    schools.setdefault(row.school_id, []).append(row)
            for one, sets in schools.items():
                deleted += self._looked_at(one, sets)
        return deleted

    def _looked_at(self, school_id: str, sets: Sequence[Row[Any]]) -> int:
        """How many were deleted. What the store refuses is tried again at the next call."""
        agreed, deleted = self._people.consented(school_id, "improvement"), 0
        now = (agreed, frozenset(map(tuple, sets)))
        if self._found_well.get(school_id) == now:
            return 0
        pseudonyms, well = {dataset.pseudonym(self._vault, one) for one in agreed}, True
        for row in sets:
            try:
                if set(self._whose(row)) - pseudonyms:
                    deleted += self._delete(row.sha256)
            except Exception as failure:  # of whatever the store is made: a disk, a network
                well = False
                _logger.warning("kept_answers_wait", school=school_id, set=row.sha256[:12], error=repr(failure))
        if well:
            self._found_well[school_id] = now
        return deleted

    def _whose(self, row: Row[Any]) -> list[str]:
        """Pseudonyms. Of a set from before they were noted, its lines are read once; many such were never stored."""
        with self._db.read() as conn:
            noted = store.persons(conn, row.school_id, row.sha256)
        if noted is not None or not self._storage.has(row.sha256):
            return noted or []
        with tempfile.TemporaryFile() as lines:
            self._storage.copy_to(row.sha256, lines)
            lines.seek(0)
            persons = _persons(lines)
        self._db.write(lambda uow: store.note_persons(uow, row.school_id, row.sha256, persons))
        return persons

    def _delete(self, sha256: str) -> int:
        """The bytes first: should this process end now, the next call finds the set still standing."""
        with self._db.read() as conn:
            holding = store.holding(conn, sha256)
        self._storage.remove(sha256)
        return sum(self._db.write(functools.partial(self._note_deleted, row)) for row in holding)

    def _note_deleted(self, row: Row[Any], uow: kernel_db.UnitOfWork) -> bool:
        if not store.note_deleted(uow, row.school_id, row.sha256, row.kept_at):
            return False
        self._audit.record(
            uow,
            school_id=row.school_id,
            actor_id=kernel_audit.SYSTEM,
            action="tracer.answers_deleted",
            object_id=row.sha256,
            number=", ".join(map(str, store.numbers(uow.conn, row.school_id, row.sha256))),
        )
        return True


def _persons(lines: Iterable[bytes]) -> list[str]:
    """Whose answers the lines of a set are: what stands first in each."""
    return sorted({json.loads(line)[0] for line in lines})
