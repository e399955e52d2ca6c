"""Schedules: specs that start by themselves, outside school hours, once for what was missed."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from shuyuan.identity import interface as identity_api
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.pipelines import interface, store, timetable

MAX_SCHEDULES = 50
Check = Callable[[str, interface.Spec], interface.Spec]
Add = Callable[[db.UnitOfWork, str, str, interface.Spec, str], str]


class Schedules:
    """Keeps them, and starts what is due. check, add: how a pipeline is checked and stored."""

    def __init__(
        self,
        db: db.Database,
        audit: kernel_audit.Audit,
        identity: identity_api.Identity,
        datasets: datasets_api.DataSets,
        deployment: deployment_api.Deployments,
        time_zone: str,
        check: Check,
        add: Add,
        now: clock.Clock,
    ) -> None:
        self._db, self._audit, self._identity, self._now = db, audit, identity, now
        self._datasets, self._deployment = datasets, deployment
        self._time_zone, self._check, self._add = ZoneInfo(time_zone), check, add

    def schedule(self, school_id: str, actor_id: str, new: interface.NewSchedule) -> interface.Schedule:
        """See Pipelines.schedule."""
        if timetable.is_in_school(new.every, new.hour, new.weekday):
            raise errors.BadInput(
                f"{new.hour}:00 is within school hours, {clock.OPENS_HOUR}:00 to {clock.CLOSES_HOUR}:00 on weekdays",
                fix=f"choose an hour before {clock.OPENS_HOUR} or from {clock.CLOSES_HOUR} on",
            )
        _require_an_end(new.every, new.spec)
        self._check(school_id, new.spec)
        last = self._due_for(school_id, new.spec, new.every, new.hour, new.weekday)

        def work(uow: db.UnitOfWork) -> str:
            if len(store.schedules(uow.conn, school_id)) >= MAX_SCHEDULES:
                raise interface.TooManyPipelines(f"{MAX_SCHEDULES} schedules are there", fix="delete one first")
            made = store.add_schedule(uow, school_id, actor_id, new, last)
            self._record(uow, school_id, actor_id, "pipeline.scheduled", made)
            return made

        return self._one(school_id, self._db.write(work))

    def schedules(self, school_id: str) -> list[interface.Schedule]:
        """See Pipelines.schedules."""
        with self._db.read() as conn:
            return [self._timed(one) for one in store.schedules(conn, school_id)]

    def pause(self, school_id: str, actor_id: str, schedule_id: str, paused: bool) -> interface.Schedule:
        """See Pipelines.pause."""
        found = self._one(school_id, schedule_id)
        if paused == found.paused:
            return found
        last = found.last
        if not paused:  # what it missed meanwhile is not made up for
            last = self._due_for(school_id, found.spec, found.every, found.hour, found.weekday)
        action = "pipeline.schedule_paused" if paused else "pipeline.schedule_resumed"

        def work(uow: db.UnitOfWork) -> None:
            if not store.change_schedule(uow, school_id, schedule_id, paused=paused, last=last, error=""):
                raise _unknown(schedule_id)
            self._record(uow, school_id, actor_id, action, schedule_id)

        self._db.write(work)
        return self._one(school_id, schedule_id)

    def unschedule(self, school_id: str, actor_id: str, schedule_id: str) -> None:
        """See Pipelines.unschedule."""

        def work(uow: db.UnitOfWork) -> None:
            if not store.drop_schedule(uow, school_id, schedule_id):
                raise _unknown(schedule_id)
            self._record(uow, school_id, actor_id, "pipeline.unscheduled", schedule_id)

        self._db.write(work)

    def start_due(self) -> int:
        """Start what is due; returns how many. Every minute; safe in several processes."""
        with self._db.read() as conn:
            running = [one for one in store.schedules(conn, None) if not one.paused]
        return sum(self._start_if_due(schedule) for schedule in running)

    def _start_if_due(self, schedule: interface.Schedule) -> bool:
        """However many times it was missed: once."""
        school_id, spec = schedule.school_id, schedule.spec
        try:
            due = self._due_for(school_id, spec, schedule.every, schedule.hour, schedule.weekday)
            if not _is_later(schedule, due) or self._deployment.frozen(school_id):
                return False
            _require_an_end(schedule.every, spec)
            self._require_author(schedule)
            spec = self._check(school_id, spec)
        except errors.ShuyuanError as why:
            self._note_error(schedule, why.message[:400])
            return False

        def work(uow: db.UnitOfWork) -> bool:
            if not store.claim(uow, schedule, due):
                return False
            made = self._add(uow, school_id, schedule.created_by, spec, schedule.id)
            store.note_schedule(uow, schedule.id, last_pipeline=made)
            return True

        try:
            return self._db.write(work)
        except interface.TooManyPipelines as full:
            self._note_error(schedule, full.message[:400])
            return False

    def _require_author(self, schedule: interface.Schedule) -> None:
        """Raise Forbidden when whoever made it could not start a pipeline by hand any more."""
        if schedule.created_by == kernel_audit.SYSTEM:  # the owner of this machine, at its command line
            return
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
        return timetable.last_day(self._local(), every, hour, weekday)

    def _timed(self, one: interface.Schedule) -> interface.Schedule:
        """With its next start, as people of this school read a clock."""
        at = None if one.paused else timetable.next_start(self._local(), one.every, one.hour, one.weekday, one.last)
        return one.model_copy(update={"next_at": at, "time_zone": self._time_zone.key})

    def _local(self) -> datetime:
        return self._now().astimezone(self._time_zone)

    def _one(self, school_id: str, schedule_id: str) -> interface.Schedule:
        found = next((one for one in self.schedules(school_id) if one.id == schedule_id), None)
        if found is None:
            raise _unknown(schedule_id)
        return found

    def _record(self, uow: db.UnitOfWork, school_id: str, actor_id: str, action: str, schedule_id: str) -> None:
        self._audit.record(uow, school_id=school_id, actor_id=actor_id, action=action, object_id=schedule_id)


def _is_later(schedule: interface.Schedule, due: str) -> bool:
    """A clock set back, or a newest version that was taken away, is no reason to start again."""
    if schedule.every != "new_data":
        return due > schedule.last
    return _version(due) > _version(schedule.last)


def _version(uri: str) -> int:
    number = uri.rpartition("/")[2]
    return int(number) if number.isdigit() else 0


def _require_an_end(every: interface.Every, spec: interface.Spec) -> None:
    """Raise BadInput where what a pipeline prepares would be the new data that starts the next one."""
    if every != "new_data" or spec.prepare is None:
        return
    own = spec.data.removeprefix("data:/").partition("/")[0]
    if (spec.prepare.name or own) == own:
        raise errors.BadInput(
            f"it would prepare versions of {own!r}, and each would start it again",
            fix='give the prepared data a name of its own: "prepare": {"name": "…"}',
        )


def _unknown(schedule_id: str) -> interface.UnknownPipeline:
    return interface.UnknownPipeline(
        f"there is no schedule {schedule_id[:60]!r} in this school", fix="see GET /api/pipeline-schedules"
    )
