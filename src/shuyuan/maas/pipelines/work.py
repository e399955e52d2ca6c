"""Do pipelines: durable turns, each at most one step or a look at its child job, the outcome recorded at its end."""

import contextlib
from collections.abc import Mapping
from typing import Any

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, durable, errors, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.pipelines import interface, release, stepping, steps, store

KIND = "pipeline"
MAX_TRIES, LOOK_AGAIN_S, LONGEST_PAUSE_S = 5, 15.0, 300.0
_ACTIONS: tuple[tuple[str, interface.State], ...] = (
    ("pipeline.finished", "finished"),
    ("pipeline.failed", "failed"),
    ("pipeline.cancelled", "cancelled"),
)
_logger = log.get("maas.pipelines")


class Work:
    """Runs pipelines in this process."""

    def __init__(
        self,
        db: db.Database,
        audit: kernel_audit.Audit,
        outbox: kernel_outbox.Outbox,
        durable: durable.Durable,
        rooms: stepping.Rooms,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._audit, self._outbox, self._durable = db, audit, outbox, durable
        self.rooms, self._now = rooms, now
        durable.register(KIND, self.turn)

    def on_created(self, event: kernel_outbox.Event) -> None:
        """Start the durable job of a new pipeline; a second delivery changes nothing."""
        pipeline_id = str(event.payload["pipeline_id"])
        workflow_id = f"{event.seq}-{pipeline_id}"
        self._db.write(lambda uow: store.change(uow, pipeline_id, workflow_id=workflow_id))
        self._durable.start(KIND, pipeline_id, workflow_id=workflow_id)

    def resume(self) -> None:
        """Go on with what an earlier process left."""
        with self._db.read() as conn:
            begun = [row for row in store.unfinished(conn) if row.workflow_id]
        if begun:
            self._durable.resume()
        for row in begun:  # what the tables of the jobs have lost begins again
            with contextlib.suppress(errors.Unavailable):
                self._durable.start(KIND, row.id, workflow_id=row.workflow_id)

    def turn(self, pipeline_id: str) -> float | None:
        """The next piece; None: the pipeline has ended; else seconds until the next turn."""
        if self._durable.stopping:
            raise durable.Stopping
        try:
            with self._db.read() as conn:
                pipeline = store.job(conn, pipeline_id)
            if pipeline is None or pipeline.state in interface.ENDED:
                return None
            return self._turn(pipeline)
        except Exception as blip:  # the database is away: raised, it would end the job and not the pipeline
            if self._durable.stopping:
                raise durable.Stopping from blip
            _logger.error("pipeline_turn_put_off", pipeline=pipeline_id, error=repr(blip))
            return LOOK_AGAIN_S

    def _turn(self, pipeline: interface.Pipeline) -> float | None:
        task = self._task(pipeline)
        if task is None:  # also where somebody wanted its end while the last step was done: all of it has happened
            self._end(pipeline, "finished", "")
            return None
        if pipeline.cancelling:
            steps.stop(task)
            self._end(pipeline, "cancelled", "")
            return None
        try:
            outcome = steps.do(task)
        except (errors.Unavailable, errors.RateLimited) as passing:
            return min(LONGEST_PAUSE_S, max(LOOK_AGAIN_S, passing.retry_after_s))
        except errors.ShuyuanError as failure:
            self._failed(task, failure)
            return None
        except Exception as defect:
            return self._after_defect(task, defect)
        return self._record(pipeline, task.step, outcome)

    def _task(self, pipeline: interface.Pipeline) -> stepping.Task | None:
        """The first step that is not over, with what those before it gave."""
        made = dict[str, Any]()
        for step in pipeline.steps:
            if step.state != "done":
                return stepping.Task(self.rooms, pipeline, step, made, self._progress, self._now)
            made |= step.output
        return None

    def _record(
        self, pipeline: interface.Pipeline, step: interface.Step, outcome: stepping.Done | stepping.Wait
    ) -> float:
        def work(uow: db.UnitOfWork) -> None:
            begun = {} if step.started_at else {"started_at": uow.now}
            if isinstance(outcome, stepping.Done):
                values: dict[str, Any] = {"state": "done", "ended_at": uow.now}
                store.change(uow, pipeline.id, state="running", reason="")
            else:
                values = {"state": "running"}
                held = {"state": "held" if outcome.held else "running", "reason": outcome.held}
                store.change(uow, pipeline.id, **held)
            store.change_step(uow, pipeline.id, step.position, output=dict(outcome.output), **values, **begun)

        self._db.write(work)
        if isinstance(outcome, stepping.Done):
            return 0.0
        return stepping.LOOK_EVERY_S if outcome.seconds is None else outcome.seconds

    def _failed(self, task: stepping.Task, failure: errors.ShuyuanError) -> None:
        pipeline, step = task.pipeline, task.step
        release.withdraw(task, f"{release.named(task)} failed")
        output = failure.output if isinstance(failure, stepping.StepFailedWith) else step.output

        def work(uow: db.UnitOfWork) -> None:
            began = step.started_at or uow.now
            values = {"state": "failed", "error": _told(failure, pipeline), "ended_at": uow.now, "started_at": began}
            store.change_step(uow, pipeline.id, step.position, output=dict(output), **values)
            self._close(uow, pipeline, "failed", failure.message)

        self._db.write(work)

    def _after_defect(self, task: stepping.Task, defect: Exception) -> float | None:
        """Try again a few times, then end: it must not stand there for ever."""
        if self._durable.stopping:
            raise durable.Stopping from defect
        pipeline, step = task.pipeline, task.step
        tries = self._db.write(lambda uow: store.tried(uow, pipeline.id, step.position))
        _logger.error("pipeline_step_broke", pipeline=pipeline.id, step=step.name, tries=tries, exc_info=defect)
        if tries < MAX_TRIES:
            return float(2**tries)
        broken = errors.ShuyuanError("something broke on our side", fix="the log has the details", code="internal")
        self._failed(task, broken)
        return None

    def _end(self, pipeline: interface.Pipeline, state: interface.State, reason: str) -> None:
        self._db.write(lambda uow: self._close(uow, pipeline, state, reason))

    def _close(self, uow: db.UnitOfWork, pipeline: interface.Pipeline, state: interface.State, reason: str) -> None:
        if not store.change(uow, pipeline.id, state=state, reason=reason[:400], ended_at=uow.now):
            return
        store.cancel_rest(uow, pipeline.id)
        action = next(action for action, of in _ACTIONS if of == state)
        self._audit.record(
            uow,
            school_id=pipeline.school_id,
            actor_id=pipeline.created_by,
            action=action,
            object_id=pipeline.id,
            number=pipeline.number,
        )
        self._outbox.emit(
            uow,
            interface.OVER,
            school_id=pipeline.school_id,
            subject_id=pipeline.id,
            pipeline_id=pipeline.id,
            state=state,
        )

    def _progress(self, _told: Mapping[str, object]) -> None:
        """Called now and then by long work inside a turn: the process may want to stop."""
        if self._durable.stopping:
            raise durable.Stopping


def _told(failure: errors.ShuyuanError, pipeline: interface.Pipeline) -> dict[str, Any]:  # Any: JSON
    """The error, with the versions that stay."""
    told = failure.to_dict()
    if left := pipeline.model_copy(update={"state": "failed"}).left:
        told["fix"] = f"{told['fix']}; {', '.join(left)} stay, served to nobody, until they are deleted".lstrip("; ")
    return told
