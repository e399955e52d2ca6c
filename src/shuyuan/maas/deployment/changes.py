"""Writing a change of what is served: the row, the alias, history, activity log and event, in one unit of work."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import interface, store

_ACTIONS: tuple[tuple[str, interface.ChangeKind], ...] = (
    ("deployment.canary_started", "canary"),
    ("deployment.shadow_started", "shadow"),
    ("deployment.stopped", "stopped"),
    ("deployment.promoted", "promoted"),
    ("deployment.rolled_back", "rolled_back"),
)


class Changes:
    """Every method writes within the caller's unit."""

    def __init__(
        self, catalogue: catalogue_api.Catalogue, audit: kernel_audit.Audit, outbox: kernel_outbox.Outbox
    ) -> None:
        self._catalogue, self._audit, self._outbox = catalogue, audit, outbox

    def take_back(
        self,
        uow: db.UnitOfWork,
        row: Row[Any],  # Any: its columns
        champion: int | None,
        actor_id: str,
        reason: str,
        *,
        automatic: bool = False,
    ) -> None:
        """End a canary; a shadow beside it ends too."""
        self.steady(uow, row.school_id, actor_id, row.model, "rolled_back", reason)
        of, tried = row.school_id, row.canary_version
        self.note(uow, of, actor_id, row.model, "rolled_back", champion, tried, reason, automatic=automatic)

    def steady(
        self, uow: db.UnitOfWork, school_id: str, actor_id: str, model: str, state: interface.State, reason: str
    ) -> None:
        """Nothing is tried any more. `started` stays: what was counted can still be looked at."""
        quiet = {"canary_version": None, "canary_share": 0.0, "shadow_version": None}
        store.put(uow, school_id, model, actor_id, state=state, reason=reason, **quiet)

    def move(self, uow: db.UnitOfWork, school_id: str, actor_id: str, model: str, version: int, reason: str) -> None:
        """Point the champion's alias at a version."""
        self._catalogue.promote(
            uow,
            school_id=school_id,
            actor_id=actor_id,
            model=model,
            alias=catalogue_api.CHAMPION,
            version=version,
            reason=reason,
        )

    def note(
        self,
        uow: db.UnitOfWork,
        school_id: str,
        actor_id: str,
        model: str,
        kind: interface.ChangeKind,
        version: int | None,
        previous: int | None,
        reason: str,
        *,
        automatic: bool = False,
        verdict: Mapping[str, object] | None = None,
    ) -> None:
        """History, activity log and event, with the change itself."""
        automatic = automatic or actor_id == kernel_audit.SYSTEM
        changed = store.add_change(
            uow,
            school_id,
            actor_id,
            model=model,
            kind=kind,
            version=version,
            previous=previous,
            automatic=automatic,
            reason=reason,
            verdict=verdict,
        )
        self._audit.record(
            uow,
            school_id=school_id,
            actor_id=actor_id,
            action=next(action for action, of in _ACTIONS if of == kind),
            object_id=changed.id,
            version_number=version,
            automatic=automatic,
            gate_passed=None if verdict is None else bool(verdict["passed"]),
        )
        self._outbox.emit(
            uow,
            interface.CHANGED,
            school_id=school_id,
            subject_id=changed.id,
            model=model,
            change=kind,
            version=version,
            automatic=automatic,
        )
