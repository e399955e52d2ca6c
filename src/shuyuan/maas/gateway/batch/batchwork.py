"""Do batches: durable turns of a few lines each, on the server's event loop, through the same routes as requests.

A line's answer is stored before the turn ends, and a turn leaves answered lines alone: after a crash only what was
being answered at that moment is asked again. A full quota or an exam pauses the batch; its hours run on.
"""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row

from shuyuan.identity import interface as identity_api
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, crypto, db, durable, errors, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway.batch import asked, direct, files, jobstore, jsonl, results
from shuyuan.maas.gateway.text import screening

KIND = "batch"
AT_ONCE, AT_ONCE_OF_A_BATCH = 8, 4  # lines
TRIES, LONGEST_WAIT_S, LOOK_AGAIN_S, MAX_DEFECTS = 20, 30.0, 15.0, 5
PAUSE_S = 60.0  # for what is still busy after so many tries
_BUSY = ("overloaded", "rate_limited", "too_many_at_once")  # never a line's last word: the batch waits
_PASSING = (
    *_BUSY,
    "model_loading",
    "worker_lost",
    "model_failed",
    "unavailable",
    "engine_closed",
)
_logger = log.get("gateway.batches")


@dataclass(frozen=True)
class _Full:
    """The quota is full, until then."""

    until: datetime
    code: str


class Work:
    """Runs batches in this process; `open` and `close` stand around the event loop that answers requests."""

    def __init__(
        self,
        db: db.Database,
        vault: crypto.Vault,
        files: files.Files,
        durable: durable.Durable,
        identity: identity_api.Identity,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self._vault, self._files, self._identity, self._now = db, vault, files, identity, now
        self._durable, self._results = durable, results.Results(db, vault, files)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._running: dict[str, concurrent.futures.Future[_Full | None]] = {}
        self._next: dict[str, int] = {}  # batch → its first line that may be unanswered
        self._defects: dict[str, int] = {}
        durable.register(KIND, self.turn)

    async def open(self, desk: desks.Desk, routes: direct.Direct, screen: screening.Screening) -> None:
        """Answer on this loop from now on, beginning with what an earlier process left."""
        self._desk, self._asker = desk, asked.Lines(desk, routes, screen, self._files)
        self._loop, self._lines = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)
        self._ready.set()
        await asyncio.to_thread(self._resume)

    async def close(self) -> None:
        """Stop at once: lines under way are asked again by the next process."""
        self._ready.set()
        closing = asyncio.create_task(asyncio.to_thread(self._durable.close))
        while not closing.done():
            for running in list(self._running.values()):
                running.cancel()
            await asyncio.wait([closing], timeout=0.05)
        await closing

    def on_created(self, event: kernel_outbox.Event) -> None:
        """Start the durable job of a new batch; a second delivery changes nothing."""
        batch_id = str(event.payload["batch_id"])
        workflow_id = f"{event.seq}-{batch_id}"
        self._db.write(lambda uow: jobstore.change(uow, batch_id, jobstore.ACTIVE, workflow_id=workflow_id))
        self._durable.start(KIND, batch_id, workflow_id=workflow_id)

    def interrupt(self, batch_id: str) -> None:
        """Stop the lines of a batch that are being answered here."""
        if running := self._running.get(batch_id):
            running.cancel()

    def turn(self, batch_id: str) -> float | None:
        """A few lines more; None: the batch has ended; else seconds until the next turn."""
        while not self._ready.wait(0.2):
            if self._durable.stopping:
                raise durable.Stopping
        if self._durable.stopping:
            raise durable.Stopping
        try:
            return self._guarded(batch_id)
        except Exception as blip:  # the database or the disk is away: raised, it would end the job and not the batch
            if self._durable.stopping:
                raise durable.Stopping from blip
            _logger.error("batch_turn_put_off", batch=batch_id, error=repr(blip))
            return LOOK_AGAIN_S

    def _guarded(self, batch_id: str) -> float | None:
        """One turn; what goes wrong in it ends the batch with the reason, at once or after a few tries."""
        with self._db.read() as conn:
            row = jobstore.job(conn, batch_id)
        if row is None or row.status not in jobstore.ACTIVE:
            self._next.pop(batch_id, None)
            return None
        try:
            return self._turn(row, self._owner(row))
        except errors.Unavailable as passing:
            return self._after_defect(row, passing)
        except errors.ShuyuanError as failure:
            return self._end(row, _person(row), "failed", failure.error_code, failure.message)
        except Exception as defect:
            return self._after_defect(row, defect)

    def _after_defect(self, row: Row[Any], defect: Exception) -> float | None:
        """Try again a few times, with growing pauses, then end the batch: it must not stand there for ever."""
        if self._durable.stopping:
            raise durable.Stopping from defect
        self._defects[row.id] = tries = self._defects.get(row.id, 0) + 1
        _logger.error("batch_turn_failed", batch=row.id, tries=tries, error=repr(defect))
        if tries < MAX_DEFECTS:
            return float(2**tries)
        told = "something broke on our side; the log has the details"
        return self._end(row, _person(row), "failed", "internal", told)

    def _turn(self, row: Row[Any], owner: Principal) -> float | None:
        now = self._now()
        if row.status == "cancelling":
            return self._end(row, owner, "cancelled")
        if row.expires_at <= now:
            return self._end(row, owner, "expired", "batch_expired", "the 24 hours of the batch were over")
        if problem := self._problem(owner):
            return self._end(row, owner, "failed", "account_closed", problem)
        if (exam := self._identity.exam_until(owner.school_id)) is not None and exam > now:
            return self._pause(row, _Full(exam, "suspended"))
        if row.status == "validating" or row.paused_until is not None:
            change = {"status": "in_progress"} if row.status == "validating" else {}
            self._change(row, **change, paused_until=None, pause_reason="")
        first = self._next.get(row.id) or self._gap(row)
        if first is None:
            return self._end(row, owner, "completed")
        full = self._on_loop(row.id, self._chunk(row, owner, first))
        self._defects.pop(row.id, None)
        if full is not None:
            return self._pause(row, full) if full.until < row.expires_at else self._give_up(row, owner, full)
        following = first + jsonl.CHUNK_LINES
        self._next[row.id] = following if following <= row.total else 0
        return 0.0

    async def _chunk(self, row: Row[Any], owner: Principal, first: int) -> _Full | None:
        """Answer the lines from `first` to the end of their chunk; _Full when a quota stopped some."""
        lines = await asyncio.to_thread(self._results.unanswered_of_chunk, row, owner, first)
        of_this_batch = asyncio.Semaphore(AT_ONCE_OF_A_BATCH)

        async def one(number: int, raw: bytes) -> _Full | None:
            async with of_this_batch, self._lines:
                return await self._line(row, owner, number, jsonl.read(raw, number))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number, raw)) for number, raw in lines]
        return max((full for task in tasks if (full := task.result())), key=lambda full: full.until, default=None)

    async def _line(self, row: Row[Any], owner: Principal, number: int, request: jsonl.Request) -> _Full | None:
        for attempt in range(TRIES):
            answer = await self._asker.ask(owner, request)
            if answer.error_code == "insufficient_quota":
                return _Full(self._now() + timedelta(seconds=answer.retry_after_s), answer.error_code)
            if answer.error_code not in _PASSING:
                break
            if attempt == TRIES - 1:
                if answer.error_code not in _BUSY:
                    break
                return _Full(self._now() + timedelta(seconds=PAUSE_S), answer.error_code)
            await asyncio.sleep(min(LONGEST_WAIT_S, answer.retry_after_s))
        await self._keep(row, number, asked.told(request, answer), ok=answer.status < 400)
        return None

    async def _keep(self, row: Row[Any], number: int, told: Mapping[str, Any], *, ok: bool) -> None:
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))

        def keep(uow: db.UnitOfWork) -> None:
            sealed = self._vault.seal(uow, row.account_id, results.ANSWER_FIELD, text)
            jobstore.add_line(uow, row.school_id, row.id, number, ok=ok, answer=sealed)

        self._desk.push()  # no crash leaves an answer that was kept and not paid for
        await self._db.write_async(keep)

    def _on_loop(self, batch_id: str, work: Any) -> _Full | None:  # Any: a coroutine
        assert self._loop is not None
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._running[batch_id] = cast(concurrent.futures.Future[_Full | None], running)
        try:
            if self._durable.stopping:
                running.cancel()
            return cast(_Full | None, running.result())
        except concurrent.futures.CancelledError:
            if self._durable.stopping:
                raise durable.Stopping from None
            return None  # cancelled by its owner: the next turn sees that
        finally:
            del self._running[batch_id]

    def _gap(self, row: Row[Any]) -> int | None:
        with self._db.read() as conn:
            return jobstore.first_gap(conn, row.id, jsonl.CHUNK_LINES, row.total)

    def _problem(self, owner: Principal) -> str:
        """Why this person may not go on; empty: they may."""
        try:
            account = self._identity.account(owner, owner.account_id)
        except errors.NotFound:
            return "the account is closed"
        if not account.active or account.role != owner.role:
            return "the account is closed or has another role now"
        revoked = owner.key_id and any(k.id == owner.key_id and k.revoked_at for k in self._identity.keys(owner))
        return "the key it was made with is revoked" if revoked else ""

    def _pause(self, row: Row[Any], full: _Full) -> float:
        if (row.paused_until, row.pause_reason) != (full.until, full.code):
            self._change(row, paused_until=full.until, pause_reason=full.code)
        return max(1.0, min(LOOK_AGAIN_S, (full.until - self._now()).total_seconds()))

    def _give_up(self, row: Row[Any], owner: Principal, full: _Full) -> float | None:
        return self._end(
            row, owner, "failed", full.code, f"the allowance is full until {full.until:%Y-%m-%d %H:%M} UTC"
        )

    def _end(self, row: Row[Any], owner: Principal, status: str, code: str = "", message: str = "") -> float | None:
        """Write the output and the error file, then close the batch. Done again after a crash, it gives the same."""
        self._next.pop(row.id, None)
        self._defects.pop(row.id, None)
        if row.status == "in_progress":
            self._change(row, status="finalizing")
        unasked = {"code": code, "message": message} if status in ("expired", "failed") else None
        self._results.write(row, owner, unasked)
        told = [{"code": code, "message": message, "line": None, "param": None}] if status == "failed" else []

        def close(uow: db.UnitOfWork) -> None:
            now = jobstore.job(uow.conn, row.id)
            failed = now.total - now.completed if unasked and now else now.failed if now else 0
            values = {"status": status, "errors": told, "failed": failed, "paused_until": None, "pause_reason": ""}
            jobstore.change(uow, row.id, jobstore.ACTIVE, **values)
            jobstore.drop_lines(uow.conn, row.id)

        self._db.write(close)
        _logger.info("batch_ended", batch=row.id, status=status)
        return None

    def _change(self, row: Row[Any], **values: Any) -> None:
        self._db.write(lambda uow: jobstore.change(uow, row.id, jobstore.ACTIVE, **values))

    def _owner(self, row: Row[Any]) -> Principal:
        """The person who made the batch, with the key they made it with and the age band of that key."""
        person = _person(row)
        band = next((key.age_band for key in self._identity.keys(person) if key.id == row.key_id), None)
        return dataclasses.replace(person, age_band=band)

    def _resume(self) -> None:
        with self._db.read() as conn:
            begun = [row for row in jobstore.unfinished(conn) if row.workflow_id]
        if begun:
            self._durable.resume()
        for row in begun:  # what the tables of the jobs have lost begins again
            with contextlib.suppress(errors.Unavailable):
                self._durable.start(KIND, row.id, workflow_id=row.workflow_id)


def _person(row: Row[Any]) -> Principal:
    groups, scopes = frozenset(row.groups), frozenset({"models"})
    return Principal(row.account_id, row.school_id, row.role, groups, scopes, key_id=row.key_id)
