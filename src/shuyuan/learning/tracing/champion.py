"""The tracer version a school is served with: read once, kept, replaced when another is adopted."""

import json
import struct
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from shuyuan.kernel import db, errors
from shuyuan.learning.tracing import store
from shuyuan.science.tracing import online

PRIOR_VERSION = "prior-1"
_DTYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64, "U8": np.uint8}


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
        return online.Params.from_arrays(_arrays(raw))
    except (ValueError, KeyError, TypeError, IndexError, struct.error) as wrong:
        raise errors.BadInput(f"no tracer in these {len(raw)} bytes: {wrong}", fix="fit and export it again") from wrong


def _arrays(raw: bytes) -> dict[str, npt.NDArray[Any]]:  # Any: each tensor has its own type
    """The safetensors layout: header length, JSON header, then the tensors' bytes."""
    (length,) = struct.unpack_from("<Q", raw)
    header: dict[str, dict[str, Any]] = json.loads(raw[8 : 8 + length])  # Any: JSON
    body = memoryview(raw)[8 + length :]
    return {
        name: np.frombuffer(body[slice(*told["data_offsets"])], dtype=_DTYPES[told["dtype"]]).reshape(told["shape"])
        for name, told in header.items() if name != "__metadata__"
    }
