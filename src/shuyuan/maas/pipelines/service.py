"""The verbs of pipelines: start, look, cancel, schedule."""

from shuyuan.identity import interface as identity_api
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors
from shuyuan.kernel import durable as kernel_durable
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.pipelines import abilities, checking, interface, pictures, schedules, stepping, store
from shuyuan.maas.pipelines.work import Work

MAX_ACTIVE = 10


class PipelinesService:
    """Implements `interface.Pipelines`."""

    def __init__(
        self,
        db: db.Database,
        audit: kernel_audit.Audit,
        outbox: kernel_outbox.Outbox,
        durable: kernel_durable.Durable,
        settings: kernel_settings.Settings,
        datasets: datasets_api.DataSets,
        training: checking.Trains,
        evaluation: evaluation_api.Evaluation,
        catalogue: catalogue_api.Catalogue,
        deployment: deployment_api.Deployments,
        identity: identity_api.Identity,
        compression: compression_api.Compressing | None = None,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._audit, self._outbox = db, audit, outbox
        self._training = training
        rooms = stepping.Rooms(datasets, training, evaluation, compression, catalogue, deployment)
        self.work = Work(db, audit, outbox, durable, rooms, now=now)
        self._schedules = schedules.Schedules(
            db, audit, identity, datasets, deployment, settings.timezone, self._checked, self._add, now
        )

    def start(self, school_id: str, actor_id: str, spec: interface.Spec) -> interface.Pipeline:
        """See Pipelines.start."""
        spec = self._checked(school_id, spec)
        return self.pipeline(school_id, self._db.write(lambda uow: self._add(uow, school_id, actor_id, spec)))

    def pipeline(self, school_id: str, pipeline_id: str) -> interface.Pipeline:
        """See Pipelines.pipeline."""
        with self._db.read() as conn:
            found = store.one(conn, school_id, pipeline_id)
        if found is None:
            raise interface.UnknownPipeline(
                f"there is no pipeline {pipeline_id[:60]!r} in this school", fix="see GET /api/pipelines"
            )
        return found

    def pipelines(self, school_id: str, *, limit: int = 50, before: int | None = None) -> list[interface.Pipeline]:
        """See Pipelines.pipelines."""
        with self._db.read() as conn:
            return store.listed(conn, school_id, limit=limit, before=before)

    def under_way(self, school_id: str) -> list[interface.Pipeline]:
        """See Pipelines.under_way."""
        with self._db.read() as conn:
            return store.active(conn, school_id)

    def cancel(self, school_id: str, actor_id: str, pipeline_id: str) -> interface.Pipeline:
        """See Pipelines.cancel."""
        found = self.pipeline(school_id, pipeline_id)

        def work(uow: db.UnitOfWork) -> None:
            if not store.change(uow, found.id, cancelling=True):
                raise errors.Conflict(f"pipeline {found.number} has ended", fix="nothing is left to cancel")
            self._audit.record(
                uow,
                school_id=school_id,
                actor_id=actor_id,
                action="pipeline.cancel_asked",
                object_id=found.id,
                number=found.number,
            )

        self._db.write(work)
        return self.pipeline(school_id, found.id)

    def graph(self, pipeline: interface.Pipeline) -> deployment_api.Graph:
        """See Pipelines.graph."""
        return pictures.graph(pipeline)

    def abilities(self) -> list[interface.Abilities]:
        """See Pipelines.abilities."""
        return [abilities.of(one.name, {}) for one in self._training.tasks()]

    def settled(self, spec: interface.Spec) -> interface.Spec:
        """See Pipelines.settled."""
        return abilities.settled(spec)

    def schedule(self, school_id: str, actor_id: str, new: interface.NewSchedule) -> interface.Schedule:
        """See Pipelines.schedule."""
        return self._schedules.schedule(school_id, actor_id, new)

    def schedules(self, school_id: str) -> list[interface.Schedule]:
        """See Pipelines.schedules."""
        return self._schedules.schedules(school_id)

    def pause(self, school_id: str, actor_id: str, schedule_id: str, paused: bool) -> interface.Schedule:
        """See Pipelines.pause."""
        return self._schedules.pause(school_id, actor_id, schedule_id, paused)

    def unschedule(self, school_id: str, actor_id: str, schedule_id: str) -> None:
        """See Pipelines.unschedule."""
        self._schedules.unschedule(school_id, actor_id, schedule_id)

    def start_due(self) -> int:
        """Start what its schedule says; returns how many."""
        return self._schedules.start_due()

    def _checked(self, school_id: str, spec: interface.Spec) -> interface.Spec:
        return checking.checked(self.work.rooms, self._training, school_id, spec)

    def _add(
        self, uow: db.UnitOfWork, school_id: str, actor_id: str, spec: interface.Spec, schedule_id: str | None = None
    ) -> str:
        if (under_way := store.under_way(uow.conn, school_id)) >= MAX_ACTIVE:
            raise interface.TooManyPipelines(
                f"{under_way} pipelines are under way; at most {MAX_ACTIVE} at a time",
                fix="wait for one to end, or cancel one",
                retry_after_s=60,
            )
        made = store.add(uow, school_id, actor_id, spec, schedule_id)
        self._audit.record(uow, school_id=school_id, actor_id=actor_id, action="pipeline.started", object_id=made)
        self._outbox.emit(uow, interface.CREATED, school_id=school_id, subject_id=made, pipeline_id=made)
        return made
