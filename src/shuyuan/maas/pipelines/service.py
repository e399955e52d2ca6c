"""The verbs of pipelines: start, look, cancel, schedule."""

from datetime import datetime
from zoneinfo import ZoneInfo

from shuyuan.identity import interface as identity_api
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors, log
from shuyuan.kernel import durable as kernel_durable
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.pipelines import interface, pictures, steps, store
from shuyuan.maas.pipelines.work import Work
from shuyuan.maas.training import interface as training_api

MAX_ACTIVE, MAX_SCHEDULES = 10, 50
_logger = log.get("maas.pipelines")


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
        training: training_api.TrainingWork,
        evaluation: evaluation_api.Evaluation,
        catalogue: catalogue_api.Catalogue,
        deployment: deployment_api.Deployments,
        identity: identity_api.Identity,
        compression: compression_api.Compressing | None = None,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._audit, self._outbox, self._now = db, audit, outbox, now
        self._datasets, self._deployment, self._identity = datasets, deployment, identity
        self._school_time = ZoneInfo(settings.timezone)
        rooms = steps.Rooms(datasets, training, evaluation, compression, catalogue, deployment)
        self.work = Work(db, audit, outbox, durable, rooms, now=now)

    def start(self, school_id: str, actor_id: str, spec: interface.Spec) -> interface.Pipeline:
        """See Pipelines.start."""
        spec = self._checked(school_id, spec)
        return self.pipeline(school_id, self._db.write(lambda uow: self._add(uow, school_id, actor_id, spec, None)))

    def pipeline(self, school_id: str, pipeline_id: str) -> interface.Pipeline:
        """See Pipelines.pipeline."""
        with self._db.read() as conn:
            found = store.one(conn, school_id, pipeline_id)
        if found is None:
            raise _unknown("pipeline", pipeline_id)
        return found

    def pipelines(self, school_id: str, *, limit: int = 50, before: int | None = None) -> list[interface.Pipeline]:
        """See Pipelines.pipelines."""
        with self._db.read() as conn:
            return store.listed(conn, school_id, limit=limit, before=before)

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

    def schedule(self, school_id: str, actor_id: str, new: interface.NewSchedule) -> interface.Schedule:
        """See Pipelines.schedule."""
        self._checked(school_id, new.spec)
        last = self._due_for(school_id, new.spec, new.every, new.hour, new.weekday)

        def work(uow: db.UnitOfWork) -> str:
            if len(store.schedules(uow.conn, school_id)) >= MAX_SCHEDULES:
                raise interface.TooManyPipelines(f"{MAX_SCHEDULES} schedules are there", fix="delete one first")
            made = store.add_schedule(uow, school_id, actor_id, new, last)
            self._audit.record(uow, school_id=school_id, actor_id=actor_id, action="pipeline.scheduled", object_id=made)
            return made

        schedule_id = self._db.write(work)
        return next(one for one in self.schedules(school_id) if one.id == schedule_id)

    def schedules(self, school_id: str) -> list[interface.Schedule]:
        """See Pipelines.schedules."""
        with self._db.read() as conn:
            return store.schedules(conn, school_id)

    def unschedule(self, school_id: str, actor_id: str, schedule_id: str) -> None:
        """See Pipelines.unschedule."""

        def work(uow: db.UnitOfWork) -> None:
            if not store.drop_schedule(uow, school_id, schedule_id):
                raise _unknown("schedule", schedule_id)
            self._audit.record(
                uow, school_id=school_id, actor_id=actor_id, action="pipeline.unscheduled", object_id=schedule_id
            )

        self._db.write(work)

    def start_due(self) -> int:
        """Start what its schedule says; returns how many. Every minute; safe in several processes."""
        with self._db.read() as conn:
            all_schedules = store.schedules(conn, None)
        return sum(self._start_if_due(schedule) for schedule in all_schedules)

    def _start_if_due(self, schedule: interface.Schedule) -> bool:
        school_id, spec = schedule.school_id, schedule.spec
        try:
            due = self._due_for(school_id, spec, schedule.every, schedule.hour, schedule.weekday)
            if due == schedule.last or self._deployment.frozen(school_id):
                return False
            self._require_author(schedule)
            spec = self._checked(school_id, spec)
        except errors.ShuyuanError as why:
            self._note_error(schedule, why.message[:400])
            return False

        def work(uow: db.UnitOfWork) -> bool:
            if not store.claim(uow, schedule, due):
                return False
            made = self._add(uow, school_id, schedule.created_by, spec, schedule.id)
            store.note_schedule(uow, schedule.id, last_pipeline=made)
            return True

        return self._db.write(work)

    def _require_author(self, schedule: interface.Schedule) -> None:
        """Raise Forbidden when whoever made it could not start a pipeline by hand any more."""
        asks = identity_api.Principal(kernel_audit.SYSTEM, schedule.school_id, "admin")
        author = self._identity.account(asks, schedule.created_by)
        if not author.active or author.role not in ("admin", "developer"):
            raise errors.Forbidden(
                "who made this schedule may start no pipelines any more", fix="delete it, and make it anew"
            )

    def _note_error(self, schedule: interface.Schedule, said: str) -> None:
        if said != schedule.error:
            self._db.write(lambda uow: store.note_schedule(uow, schedule.id, error=said))

    def _due_for(self, school_id: str, spec: interface.Spec, every: interface.Every, hour: int, weekday: int) -> str:
        """What a schedule has to have started for by now: a day, a week, or a data version."""
        if every == "new_data":
            return self._datasets.version(school_id, spec.data).uri
        local = self._now().astimezone(self._school_time)
        return _last_day(local, every, hour, weekday)

    def _checked(self, school_id: str, spec: interface.Spec) -> interface.Spec:
        """What can be known before anything is done. The data version is fixed now: done again, it is the same."""
        version = self._datasets.version(school_id, spec.data)
        if spec.compress is not None and self.work.rooms.compression is None:
            raise errors.Unavailable("compression is not part of this server", fix="leave `compress` out")
        if spec.prepare is None:
            self._datasets.require_trainable(version)
        else:
            steps.plan_of(spec.prepare)
        return spec.model_copy(update={"data": version.uri})

    def _add(
        self, uow: db.UnitOfWork, school_id: str, actor_id: str, spec: interface.Spec, schedule_id: str | None
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


def _last_day(local: datetime, every: interface.Every, hour: int, weekday: int) -> str:
    """The last day, not in the future, on which the hour had come; of the weekday, for `weekly`.

    >>> _last_day(datetime(2026, 9, 7, 1), "daily", 2, 0), _last_day(datetime(2026, 9, 7, 3), "weekly", 2, 0)
    ('2026-09-06', '2026-09-07')
    """
    ordinal = local.toordinal() - (local.hour < hour)
    if every == "weekly":
        ordinal -= (datetime.fromordinal(ordinal).weekday() - weekday) % 7
    return datetime.fromordinal(ordinal).date().isoformat()


def _unknown(what: str, named: str) -> interface.UnknownPipeline:
    return interface.UnknownPipeline(f"there is no {what} {named[:60]!r} in this school", fix="see GET /api/pipelines")
