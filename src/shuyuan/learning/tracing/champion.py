"""The tracer version a school is served with: read once, kept, replaced when another is adopted."""

import threading
from dataclasses import dataclass

import safetensors
import safetensors.numpy
from sqlalchemy import Connection

from shuyuan.kernel import db, errors
from shuyuan.learning.tracing import store
from shuyuan.science.tracing import online

PRIOR_VERSION = "prior-1"


@dataclass(frozen=True)
class Champion:
    """A version and its numbers."""

    version: str
    params: online.Params


PRIOR = Champion(PRIOR_VERSION, online.Params())


class Champions:
    """One champion per school, cached."""

    def __init__(self) -> None:
        self._of_school: dict[str, Champion] = {}
        self._lock = threading.Lock()

    def of(self, conn: Connection, school_id: str) -> Champion:
        """The school's champion; the built-in numbers where nothing was adopted."""
        if (known := self._of_school.get(school_id)) is not None:
            return known
        found = store.adopted_version(conn, school_id)
        with self._lock:
            fresh = PRIOR if found is None else Champion(found[0], read(found[1]))
            return self._of_school.setdefault(school_id, fresh)

    def adopt(self, uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes) -> None:
        """Serve `version` from the next answer after the commit on."""
        champion = Champion(version, read(arrays))
        store.adopt(uow, school_id, version, arrays)
        uow.after_commit(lambda: self._put(school_id, champion))

    def _put(self, school_id: str, champion: Champion) -> None:
        with self._lock:
            self._of_school[school_id] = champion


def read(raw: bytes) -> online.Params:
    """Numbers out of safetensors bytes. Raises BadInput when they are no tracer of this release."""
    try:
        return online.Params.from_arrays(safetensors.numpy.load(raw))
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, IndexError) as wrong:
        raise errors.BadInput(f"no tracer in these {len(raw)} bytes: {wrong}", fix="fit and export it again") from wrong
