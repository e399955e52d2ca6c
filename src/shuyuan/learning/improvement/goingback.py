"""Back to the built-in tracer, and which version really served before another one did."""

import contextlib
from collections.abc import Mapping

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.improvement import candidates, store, watchstore
from shuyuan.learning.improvement.interface import TracerVersion
from shuyuan.learning.tracing.interface import BUILT_IN, Tracing
from shuyuan.maas.catalogue.interface import CHAMPION, Catalogue, UnknownModel


class GoingBack:
    """Of one installation. The built-in tracer is no version of the catalogue: there, no alias points anywhere then."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        tracing: Tracing,
        catalogue: Catalogue,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._audit, self._tracing, self._catalogue, self._clock = db, audit, tracing, catalogue, clock

    def to_built_in(self, principal: Principal, reason: str) -> TracerVersion:
        """Serve what every school starts with, for this reason; a trial under way ends."""
        school_id, by = principal.school_id, principal.account_id
        if self._tracing.version(school_id) == BUILT_IN:
            raise errors.Conflict("the built-in tracer is in use already", fix="choose another version")
        with contextlib.suppress(UnknownModel):  # ended between the two steps before: the second is still to be done
            self._catalogue.remove_alias(school_id, by, model=candidates.MODEL, alias=CHAMPION, reason=reason)

        def work(uow: kernel_db.UnitOfWork) -> None:
            store.retire(uow, school_id)
            watchstore.end_all(uow, school_id)
            who = {"school_id": school_id, "actor_id": by}
            self._audit.record(uow, action="tracer.chosen", object_id=BUILT_IN, number=0, reason=reason, **who)
            self._tracing.adopt_built_in(uow, school_id)
            self._tracing.end_canary(uow, school_id)

        self._db.write(work)
        self._tracing.rebuild(school_id)
        return self._built_in(reason, by)

    def served_before(self, school_id: str) -> Mapping[str, str]:
        """See `Improvement.served_before`."""
        moves = self._catalogue.alias_history(school_id, candidates.MODEL)
        names = {one.version_id: f"models:/{candidates.MODEL}/{one.version_number}" for one in moves}
        found: dict[str, str] = {}
        if moves and self._tracing.version(school_id) == BUILT_IN:
            found[BUILT_IN] = names[moves[0].version_id]
        for one in moves:
            found.setdefault(names[one.version_id], names.get(one.previous_id or "", BUILT_IN))
        return found

    def _built_in(self, reason: str, by: str) -> TracerVersion:
        """As a version among the others: without a turn, a data set or figures."""
        return TracerVersion(
            id=BUILT_IN,
            number=0,
            version=BUILT_IN,
            state="champion",
            answers=0,
            learners=0,
            left_out=0,
            data_sha256="",
            parent="",
            figures={},
            conditions=(),
            reason=reason,
            by=by,
            seconds=0.0,
            at=self._clock(),
        )
