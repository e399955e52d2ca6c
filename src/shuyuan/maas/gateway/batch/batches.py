"""Batches of `/v1/batches`: many requests in one file, answered when there is time, charged to who made them."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, db, errors, ids
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.batch import batchwork, files, jobstore, jsonl
from shuyuan.maas.gateway.media import audio, forms

PREFIX = "batch_"
WINDOW = "24h"
LASTS = timedelta(hours=24)
MAX_ACTIVE, MAX_LABELS = 10, 16
CREATED = "batch.created"
_ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True)
class Batch:
    """One batch as its owner sees it."""

    id: str
    endpoint: str
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    status: str
    total: int
    completed: int
    failed: int
    errors: list[Mapping[str, Any]]  # Any: JSON
    labels: Mapping[str, str]
    times: Mapping[str, int]
    paused_until: datetime | None
    pause_reason: str
    created_at: datetime
    expires_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """OpenAI's shape; `paused_until` and `pause_reason` are ours."""
        told = {f"{state}_at": self.times.get(state) for state in ("in_progress", "finalizing", "cancelling", *_ENDED)}
        return {
            "id": PREFIX + self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": list(self.errors)} if self.errors else None,
            "input_file_id": files.PREFIX + self.input_file_id,
            "completion_window": WINDOW,
            "status": self.status,
            "output_file_id": self.output_file_id and files.PREFIX + self.output_file_id,
            "error_file_id": self.error_file_id and files.PREFIX + self.error_file_id,
            "created_at": int(self.created_at.timestamp()),
            "expires_at": int(self.expires_at.timestamp()),
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "metadata": dict(self.labels) or None,
            "paused_until": self.paused_until and int(self.paused_until.timestamp()),
            "pause_reason": self.pause_reason or None,
            **told,
        }


class Batches:
    """What people ask of batches. `work` does them."""

    def __init__(
        self,
        db: db.Database,
        files: files.Files,
        outbox: kernel_outbox.Outbox,
        batch_work: batchwork.Work,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._db, self.files, self._outbox, self.work, self._now = db, files, outbox, batch_work, now

    def create(
        self,
        owner: Principal,
        file_id: str,
        endpoint: str,
        *,
        window: str = WINDOW,
        labels: Mapping[str, str] | None = None,
    ) -> Batch:
        """Begin a batch over an uploaded file. Raises NotFound, BadInput, RateLimited."""
        source = self.files.get(owner, file_id)
        _check(source, endpoint, window)
        _require_kept(source, self._now() + LASTS)
        batch_id = ids.new_id()

        def insert(uow: db.UnitOfWork) -> Row[Any]:
            if (under_way := jobstore.active(uow.conn, owner)) >= MAX_ACTIVE:
                raise errors.RateLimited(
                    f"{under_way} of your batches are under way; at most {MAX_ACTIVE} at a time",
                    fix="wait for one to end, or cancel one",
                    retry_after_s=60,
                )
            jobstore.add_batch(uow.conn, self._values(owner, batch_id, source, dict(labels or {})))
            self._outbox.emit(uow, CREATED, school_id=owner.school_id, subject_id=batch_id, batch_id=batch_id)
            return self._row(uow.conn, owner, batch_id)

        return _batch(self._db.write(insert))

    def get(self, owner: Principal, batch_id: str) -> Batch:
        """One of the owner's batches. Raises NotFound."""
        with self._db.read() as conn:
            return _batch(self._row(conn, owner, batch_id))

    def mine(self, owner: Principal, *, limit: int, after: str | None) -> list[Batch]:
        """The owner's batches, newest first."""
        last = after and after.removeprefix(PREFIX)
        with self._db.read() as conn:
            return [_batch(row) for row in jobstore.batches(conn, owner, limit=limit, after=last)]

    def cancel(self, owner: Principal, batch_id: str) -> Batch:
        """Stop: what is answered is kept. Raises NotFound; Conflict when it has ended."""

        def change(uow: db.UnitOfWork) -> Row[Any]:
            row = self._row(uow.conn, owner, batch_id)
            if row.status != "cancelling" and not jobstore.change(uow, row.id, jobstore.ACTIVE, status="cancelling"):
                raise errors.Conflict(f"batch {batch_id} is {row.status} already", fix="nothing is left to cancel")
            return self._row(uow.conn, owner, batch_id)

        found = _batch(self._db.write(change))
        self.work.interrupt(found.id)
        return found

    async def transcribe_later(
        self, owner: Principal, form: forms.TranscriptionForm, sound: bytes, filename: str
    ) -> Batch:
        """A batch of one line: up to half an hour of sound. Raises BadSound, TooLong."""
        audio.expected_tokens(sound, as_job=True)
        return await run_in_threadpool(self._transcribe_later, owner, form, sound, filename)

    def _transcribe_later(self, owner: Principal, form: forms.TranscriptionForm, sound: bytes, filename: str) -> Batch:
        kept = self.files.create(owner, filename, "user_data", io.BytesIO(sound))
        told = form.model_dump(exclude={"background", "stream"}, exclude_defaults=True) | {"model": form.model}
        body = told | {"file_id": files.PREFIX + kept.id}
        line = {"custom_id": kept.id, "method": "POST", "url": jsonl.TRANSCRIPTIONS, "body": body}
        source = self.files.create(owner, "transcription.jsonl", "batch", io.BytesIO(json.dumps(line).encode()))
        return self.create(owner, source.id, jsonl.TRANSCRIPTIONS)

    def prune(self) -> int:
        """Forget batches and files after thirty days; returns how many files."""
        before = self._now() - timedelta(days=files.KEPT_DAYS)
        self._db.write(lambda uow: jobstore.drop_expired_batches(uow.conn, before))
        return self.files.prune()

    def _values(self, owner: Principal, batch_id: str, source: files.File, labels: Mapping[str, str]) -> dict[str, Any]:
        now = self._now()
        return {
            "id": batch_id,
            "school_id": owner.school_id,
            "account_id": owner.account_id,
            "key_id": owner.key_id,
            "role": owner.role,
            "groups": sorted(owner.groups),
            "endpoint": source.endpoint,
            "input_file_id": source.id,
            "output_file_id": ids.new_id(),
            "error_file_id": ids.new_id(),
            "status": "validating",
            "total": source.lines,
            "completed": 0,
            "failed": 0,
            "errors": [],
            "labels": labels,
            "times": {},
            "created_at": now,
            "expires_at": now + LASTS,
        }

    def _row(self, conn: Any, owner: Principal, batch_id: str) -> Row[Any]:  # Any: a connection
        row = jobstore.batch(conn, owner, batch_id.removeprefix(PREFIX))
        if row is None:
            raise errors.NotFound(f"there is no batch {batch_id[:40]!r} of yours", fix="see GET /v1/batches")
        return row


def _check(source: files.File, endpoint: str, window: str) -> None:
    if window != WINDOW:
        raise _refused("completion_window", f"is {window[:20]!r}", f"use {WINDOW!r}")
    if source.purpose != "batch":
        raise _refused("input_file_id", f"was uploaded for {source.purpose!r}", "upload it with purpose=batch")
    if endpoint not in jsonl.ENDPOINTS:
        raise _refused("endpoint", f"{endpoint[:80]!r} is not served in batches", f"use {', '.join(jsonl.ENDPOINTS)}")
    if source.endpoint != endpoint:
        raise _refused(
            "endpoint", f"is {endpoint!r}, the lines of the file go to {source.endpoint!r}", "make them agree"
        )


def _require_kept(source: files.File, until: datetime) -> None:
    """A batch reads its file to the end of its hours."""
    if source.expires_at <= until:
        kept = f"is kept until {source.expires_at:%Y-%m-%d %H:%M} UTC, less than the {WINDOW} of a batch"
        raise _refused("input_file_id", kept, "upload it again")


def _refused(field: str, said: str, fix: str) -> wire.Refused:
    return wire.Refused(f"{field} {said}", param=field, fix=fix)


def _batch(row: Row[Any]) -> Batch:
    ended = row.status in _ENDED
    return Batch(
        row.id,
        row.endpoint,
        row.input_file_id,
        row.output_file_id if ended and row.completed else None,
        row.error_file_id if ended and row.failed else None,
        row.status,
        row.total,
        row.completed,
        row.failed,
        row.errors,
        row.labels,
        row.times,
        row.paused_until,
        row.pause_reason,
        row.created_at,
        row.expires_at,
    )
