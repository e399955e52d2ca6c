"""The verbs of deployments: deploy, stop, promote, roll back, look."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from shuyuan.identity import interface as identity_api
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, crypto, db, errors, ids
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import (
    bundles,
    changes,
    checks,
    interface,
    judging,
    lineages,
    proofs,
    routing,
    store,
    watching,
)
from shuyuan.maas.evaluation import interface as evaluation_api

_MAX_REASON = 400


class DeploymentService(watching.Watched):
    """Implements `interface.Deployments`. Inherits what every call asks (`interface.Rollout`), and the watch."""

    def __init__(
        self,
        db: db.Database,
        catalogue: catalogue_api.Catalogue,
        identity: identity_api.Identity,
        audit: kernel_audit.Audit,
        outbox: kernel_outbox.Outbox,
        vault: crypto.Vault,
        settings: kernel_settings.Settings,
        evaluation: evaluation_api.Evaluation | None = None,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        super().__init__(db, catalogue, vault, now)
        self._identity = identity
        self._proofs = proofs.Proofs(identity, evaluation)
        self._changes = changes.Changes(catalogue, audit, outbox)
        self._school_time = ZoneInfo(settings.timezone)
        self._bundles = bundles.Bundles(db, catalogue, vault, audit)
        self._lineages = lineages.Lineages(db, catalogue, evaluation)
        if isinstance(catalogue, catalogue_api.Deletable):
            catalogue.know_users(store.tried)

    # --- verbs -------------------------------------------------------------------------------------------

    def deploy(
        self,
        school_id: str,
        actor_id: str,
        model: str,
        version: int,
        *,
        share: float | None = None,
        shadow: bool = False,
        rules: interface.Rules | None = None,
        reason: str = "",
        automatic: bool = False,
    ) -> interface.Deployment:
        """See Deployments.deploy."""
        if automatic:
            checks.thawed(self.frozen(school_id), self.thaws_at(school_id))
        champion, candidate = self._champion(school_id, model), self._version(school_id, model, version)
        checks.deployable(model, champion, candidate, share=share, shadow=shadow)
        if share is not None:
            self._proofs.require_trial(school_id, actor_id, candidate, champion, reason, automatic=automatic)
        said = reason.strip()[:_MAX_REASON] or f"version {version} is tried"
        chosen = {} if rules is None else {"rules": rules.model_dump()}

        def work(uow: db.UnitOfWork) -> None:
            before = store.row(uow.conn, school_id, model)
            tried = checks.beside(before, version, share=share, shadow=shadow)
            store.put(uow, school_id, model, actor_id, started=ids.new_id(), reason=said, **tried, **chosen)
            kind: interface.ChangeKind = "canary" if share is not None else "shadow"
            self._changes.note(uow, school_id, actor_id, model, kind, version, None, said, automatic=automatic)

        return self._changed(school_id, model, work)

    def stop(self, school_id: str, actor_id: str, model: str, reason: str) -> interface.Deployment:
        """See Deployments.stop."""
        said = _reason(reason)

        def work(uow: db.UnitOfWork) -> None:
            before = self._at_work(uow.conn, school_id, model)
            tried = before.canary_version if before.canary_version is not None else before.shadow_version
            self._changes.steady(uow, school_id, actor_id, model, "steady", said)
            self._changes.note(uow, school_id, actor_id, model, "stopped", None, tried, said)

        return self._changed(school_id, model, work)

    def promote(
        self,
        school_id: str,
        actor_id: str,
        model: str,
        version: int,
        verdict: evaluation_api.Verdict | None = None,
        reason: str = "",
        *,
        automatic: bool = False,
    ) -> interface.Deployment:
        """See Deployments.promote."""
        if automatic:
            checks.thawed(self.frozen(school_id), self.thaws_at(school_id))
        candidate, before = self._version(school_id, model, version), self._champion(school_id, model)
        checks.served(candidate)
        checks.not_champion(candidate, before)
        held = self._proofs.on_record(school_id, candidate, verdict)
        doubt = self._proofs.doubt(school_id, held, candidate, before)
        admin = self._proofs.is_admin(school_id, actor_id)
        said = checks.serving_reason(held, doubt, reason, by_admin=admin, automatic=automatic)[:_MAX_REASON]
        told = checks.told_of(held)

        def work(uow: db.UnitOfWork) -> None:
            self._changes.move(uow, school_id, actor_id, model, version, said)
            self._changes.steady(uow, school_id, actor_id, model, "steady", said)
            previous = before.number if before else None
            self._changes.note(
                uow, school_id, actor_id, model, "promoted", version, previous, said, automatic=automatic, verdict=told
            )

        return self._changed(school_id, model, work)

    def rollback(self, school_id: str, actor_id: str, model: str, reason: str) -> interface.Deployment:
        """See Deployments.rollback."""
        said, champion = _reason(reason), self.deployment(school_id, model).champion
        for newest in self._catalogue.versions(school_id, model)[:1]:
            checks.served(newest)
        history = self._champions(school_id, model)

        def work(uow: db.UnitOfWork) -> None:
            row = store.row(uow.conn, school_id, model)
            if row is not None and row.canary_version is not None:
                self._changes.take_back(uow, row, champion, actor_id, said)
                return
            back = checks.champion_before(model, history)
            self._changes.move(uow, school_id, actor_id, model, back, said)
            self._changes.steady(uow, school_id, actor_id, model, "rolled_back", said)
            self._changes.note(uow, school_id, actor_id, model, "rolled_back", back, history[0].version_number, said)

        return self._changed(school_id, model, work)

    # --- looking -----------------------------------------------------------------------------------------

    def deployment(self, school_id: str, model: str) -> interface.Deployment:
        """See Deployments.deployment."""
        champion = self._champion(school_id, model)
        with self._db.read() as conn:
            row = store.row(conn, school_id, model)
        if row is None and champion is None and not self._catalogue.versions(school_id, model):
            raise catalogue_api.UnknownModel(f"there is no model {model[:120]!r}", fix="name a registered model")
        return _deployment(school_id, model, row, champion)

    def deployments(self, school_id: str) -> list[interface.Deployment]:
        """See Deployments.deployments."""
        with self._db.read() as conn:
            rows = store.rows(conn, school_id)
        return [_deployment(school_id, row.model, row, self._champion(school_id, row.model)) for row in rows]

    def history(self, school_id: str, model: str) -> list[interface.Change]:
        """See Deployments.history."""
        with self._db.read() as conn:
            return store.history(conn, school_id, model)

    def standing(self, school_id: str, model: str) -> list[interface.Standing]:
        """See Deployments.standing."""
        self._write_counts()
        with self._db.read() as conn:
            row = store.row(conn, school_id, model)
            return judging.standing(conn, row, self._now().timestamp()) if row is not None and row.started else []

    def frozen(self, school_id: str) -> str:
        """See Deployments.frozen."""
        now = self._now()
        exam = self._identity.exam_until(school_id)
        if exam is not None and exam > now:
            return "exam"
        return "school_hours" if clock.in_school_hours(now.astimezone(self._school_time)) else ""

    def thaws_at(self, school_id: str) -> datetime | None:
        """See Deployments.thaws_at."""
        return checks.thaws_at(self._now().astimezone(self._school_time), self._identity.exam_until(school_id))

    def way_back(self, school_id: str, model: str) -> int | None:
        """See Deployments.way_back."""
        return checks.way_back(self._champions(school_id, model))

    def spoken(self, school_id: str, model: str, version: int) -> evaluation_api.Verdict | None:
        """See Deployments.spoken."""
        candidate = self._version(school_id, model, version)
        return self._proofs.spoken(school_id, candidate, self._champion(school_id, model))

    def verdict(self, school_id: str, verdict_id: str | None) -> evaluation_api.Verdict | None:
        """What a gate said, by its id. Raises NotFound."""
        return self._proofs.verdict(school_id, verdict_id)

    def lineage(self, school_id: str, model: str, version: int) -> interface.Graph:
        """See Deployments.lineage."""
        return self._lineages.graph(
            school_id, self._version(school_id, model, version), self.deployment(school_id, model)
        )

    def bundle(self, school_id: str, actor_id: str, model: str, version: int, target: Path) -> Path:
        """See Deployments.bundle."""
        return self._bundles.write(school_id, actor_id, self._version(school_id, model, version), target)

    def take_report(self, school_id: str, sent: bytes) -> Sequence[str]:
        """See Deployments.take_report."""
        return self._bundles.take(school_id, sent)

    def take_back(self, row: Row[Any], reason: str) -> bool:
        """See Watched.take_back."""
        champion = self._champion(row.school_id, row.model)

        def work(uow: db.UnitOfWork) -> bool:
            if not store.is_running(uow.conn, row.school_id, row.model, row.started):
                return False
            number = champion.number if champion else None
            self._changes.take_back(uow, row, number, kernel_audit.SYSTEM, reason, automatic=True)
            return True

        return self._db.write(work)

    # --- inside ------------------------------------------------------------------------------------------

    def _changed(self, school_id: str, model: str, work: Callable[[db.UnitOfWork], None]) -> interface.Deployment:
        self._db.write(work)
        self.read()
        return self.deployment(school_id, model)

    def _version(self, school_id: str, model: str, version: int) -> catalogue_api.Version:
        return self._catalogue.resolve(school_id, routing.reference(model, version))

    def _champions(self, school_id: str, model: str) -> list[catalogue_api.Alias]:
        """Moves of the champion's alias to versions that are still there, newest first."""
        there = {one.id for one in self._catalogue.versions(school_id, model)}
        return [one for one in self._catalogue.alias_history(school_id, model) if one.version_id in there]

    def _at_work(self, conn: Connection, school_id: str, model: str) -> Row[Any]:
        row = store.row(conn, school_id, model)
        if row is None or (row.canary_version is None and row.shadow_version is None):
            said = f"nothing of {model[:120]!r} is being tried"
            raise errors.Conflict(said, fix="see its deployment", code="nothing_tried")
        return row


def _reason(reason: str) -> str:
    if not reason.strip():
        raise errors.BadInput("no reason is given", fix="say why, in a sentence")
    return reason.strip()[:_MAX_REASON]


def _deployment(
    school_id: str, model: str, row: Row[Any] | None, champion: catalogue_api.Version | None
) -> interface.Deployment:
    """row: None where nothing was ever deployed: then it is as whoever registered the champion left it."""
    number = champion.number if champion else None
    if row is None:
        return interface.Deployment(
            id="",
            school_id=school_id,
            model=model,
            champion=number,
            canary=None,
            shadow=None,
            rules=interface.Rules(),
            state="steady",
            reason="",
            changed_by=champion.created_by if champion else kernel_audit.SYSTEM,
            changed_at=champion.created_at if champion else datetime.fromtimestamp(0, UTC),
        )
    tried = row.canary_version is not None
    return interface.Deployment(
        id=row.id,
        school_id=school_id,
        model=model,
        champion=number,
        canary=interface.Canary(version=row.canary_version, share=row.canary_share) if tried else None,
        shadow=row.shadow_version,
        rules=interface.Rules.model_validate(row.rules),
        state=row.state,
        reason=row.reason,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
