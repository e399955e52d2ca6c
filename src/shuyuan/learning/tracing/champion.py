"""What a school is served with, and what is tried beside it: read once, kept, replaced when another is adopted."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from shuyuan.kernel import db, errors, log
from shuyuan.learning.tracing import memorystore, store
from shuyuan.learning.tracing.interface import BUILT_IN
from shuyuan.science.tracing import online, serving

_logger = log.get("tracing.champion")


@dataclass(frozen=True)
class Champion:
    """A version and its numbers."""

    version: str
    tracer: serving.Tracer

    @property
    def params(self) -> online.Params:
        """The numbers of the Kalman step, from which mastery is read."""
        return self.tracer.params


@dataclass(frozen=True)
class Canary(Champion):
    """A version that foretells answers of some learners unseen, beside the one in use."""

    learners: frozenset[str]


@dataclass(frozen=True)
class Serving:
    """What answers of a school meet."""

    champion: Champion
    canary: Canary | None = None


PRIOR_VERSION = BUILT_IN
PRIOR = Champion(PRIOR_VERSION, serving.PRIOR)


class Champions:
    """One champion per school, and its canary, cached."""

    def __init__(self) -> None:
        self._of_school: dict[str, Serving] = {}
        self._lock = threading.Lock()

    def of(self, conn: Connection, school_id: str) -> Champion:
        """The school's champion; the built-in numbers where nothing was adopted."""
        return self.serving(conn, school_id).champion

    def serving(self, conn: Connection, school_id: str) -> Serving:
        """Champion and canary."""
        if (known := self._of_school.get(school_id)) is not None:
            return known
        fresh = Serving(_adopted(conn, school_id), _tried(conn, school_id))
        with self._lock:
            return self._of_school.setdefault(school_id, fresh)

    def adopt(self, uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes) -> None:
        """Serve `version` from the next answer after the commit on. What is tried goes on being tried."""
        champion = Champion(version, read(arrays))
        self.serving(uow.conn, school_id)
        store.adopt(uow, school_id, version, arrays, digest(arrays))
        uow.after_commit(lambda: self._change(school_id, lambda now: replace(now, champion=champion)))

    def adopt_built_in(self, uow: db.UnitOfWork, school_id: str) -> None:
        """Serve the built-in numbers again."""
        self.adopt(uow, school_id, BUILT_IN, serving.write(PRIOR.params.to_arrays()))

    def begin(self, uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes, learners: Iterable[str]) -> None:
        """Try `version` on the answers of `learners`."""
        canary = Canary(version, read(arrays), frozenset(learners))
        self.serving(uow.conn, school_id)
        memorystore.end(uow.conn, school_id)
        told = {"version": version, "arrays": arrays, "sha256": digest(arrays), "learner_ids": sorted(canary.learners)}
        memorystore.begin(uow, school_id, told)
        uow.after_commit(lambda: self._change(school_id, lambda now: replace(now, canary=canary)))

    def end(self, uow: db.UnitOfWork, school_id: str) -> None:
        """Nothing is tried any longer."""
        self.serving(uow.conn, school_id)
        memorystore.end(uow.conn, school_id)
        uow.after_commit(lambda: self._change(school_id, lambda now: replace(now, canary=None)))

    def keep_in_canary(self, uow: db.UnitOfWork, school_id: str, kept: frozenset[str]) -> int | None:
        """Nobody else's answers are foretold from now on; how many learners are left, None where nobody leaves."""
        canary = self.serving(uow.conn, school_id).canary
        if canary is None or canary.learners <= kept:
            return None
        gone, left = canary.learners - kept, canary.learners & kept
        memorystore.leave(uow.conn, school_id, canary.version, sorted(gone), sorted(left))
        uow.after_commit(lambda: self._change(school_id, lambda now: _without(now, gone)))
        return len(left)

    def _change(self, school_id: str, changed: Callable[[Serving], Serving]) -> None:
        with self._lock:
            self._of_school[school_id] = changed(self._of_school[school_id])


def _without(now: Serving, gone: frozenset[str]) -> Serving:
    """Those who leave in one commit leave together."""
    if now.canary is None:
        return now
    return replace(now, canary=replace(now.canary, learners=now.canary.learners - gone))


def read(raw: bytes) -> serving.Tracer:
    """Numbers out of safetensors bytes. Raises BadInput when they are no tracer of this release."""
    try:
        return serving.read(raw)
    except ValueError as wrong:
        raise errors.BadInput(str(wrong), fix="fit and export it again") from wrong


def digest(raw: bytes) -> str:
    """The address of weights: that of the artefact in the catalogue."""
    return hashlib.sha256(raw).hexdigest()


def _adopted(conn: Connection, school_id: str) -> Champion:
    """The built-in numbers also where the stored ones are broken: a pupil's answer is taken all the same."""
    row = store.adopted_version(conn, school_id)
    if row is None:
        return PRIOR
    tracer = _whole(row.version, row.arrays, row.sha256)
    return PRIOR if tracer is None else Champion(row.version, tracer)


def _tried(conn: Connection, school_id: str) -> Canary | None:
    row = memorystore.tried(conn, school_id)
    tracer = None if row is None else _whole(row.version, row.arrays, row.sha256)
    return None if row is None or tracer is None else Canary(row.version, tracer, frozenset(row.learner_ids))


def _whole(version: str, arrays: bytes, sha256: str | None) -> serving.Tracer | None:
    """None where they are not those of their hash, or none of this release: every answer of the school would fail."""
    if sha256 not in (None, digest(arrays)):
        _logger.error("tracer_broken", version=version, sha256=sha256)
        return None
    try:
        return read(arrays)
    except errors.BadInput as wrong:
        _logger.error("tracer_broken", version=version, error=wrong.message)
        return None
