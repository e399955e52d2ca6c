"""Files of `/v1/files`: uploaded by one person, seen by that person alone, sealed, bounded, gone after thirty days."""

import mimetypes
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, Any, Literal

from sqlalchemy import Connection, Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, crypto, db, errors, ids
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.gateway.batch import blobs, jobstore, jsonl
from shuyuan.maas.gateway.media import sounds

Purpose = Literal["batch", "user_data", "batch_output"]
KEPT_DAYS, MAX_FILES, MAX_OWNED_BYTES = 30, 500, 1 << 30
MAX_BATCH_BYTES, MAX_SOUND_BYTES = 95_000_000, 24_000_000
NAME_FIELD, KEY_FIELD = "gateway_file.filename", "gateway_file.content_key"
PREFIX = "file-"
_CHUNK_BYTES = 1 << 20
_ORPHANED_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class File:
    """One file as its owner sees it."""

    id: str
    filename: str
    purpose: str
    size_bytes: int
    created_at: datetime
    expires_at: datetime
    endpoint: str = ""
    lines: int = 0
    offsets: tuple[int, ...] = ()

    @property
    def media_type(self) -> str:
        """What its content is sent as: lines of JSON, the kind of sound its name says, or bytes."""
        if self.purpose != "user_data":
            return "application/jsonl"
        told = mimetypes.guess_type(self.filename)[0] or ""
        return told if told.startswith(("audio/", "video/")) else "application/octet-stream"

    def to_dict(self) -> dict[str, Any]:  # Any: JSON
        """OpenAI's shape."""
        return {
            "id": PREFIX + self.id,
            "object": "file",
            "bytes": self.size_bytes,
            "created_at": int(self.created_at.timestamp()),
            "expires_at": int(self.expires_at.timestamp()),
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


class Files:
    """Uploads, listings, contents, deletion."""

    def __init__(
        self, db: db.Database, vault: crypto.Vault, settings: kernel_settings.Settings, *, now: clock.Clock = clock.now
    ) -> None:
        self._db, self._vault, self._now = db, vault, now
        self._blobs = blobs.Blobs(settings.artefact_url)

    def create(self, owner: Principal, filename: str, purpose: Purpose, source: IO[bytes]) -> File:
        """Check and keep an upload. Raises BadLine, BadSound, TooLarge; then nothing is kept."""
        size = source.seek(0, 2)
        source.seek(0)
        scan = self._judged(purpose, size, source)
        source.seek(0)
        content = iter(partial(source.read, _CHUNK_BYTES), b"")
        return self.keep(owner, ids.new_id(), filename, purpose, content, scan)

    def keep(
        self,
        owner: Principal,
        file_id: str,
        filename: str,
        purpose: Purpose,
        content: Iterable[bytes],
        scan: jsonl.Scan | None = None,
        *,
        bounded: bool = True,
    ) -> File:
        """Seal and store a file; the same id again replaces it. bounded False: whatever the owner keeps already."""
        key = secrets.token_bytes(blobs.KEY_BYTES)
        size = self._blobs.write(file_id, key, content)
        now = self._now()
        found = File(file_id, filename[-200:], purpose, size, now, now + timedelta(days=KEPT_DAYS))

        def insert(uow: db.UnitOfWork) -> None:
            if bounded:
                self._require_room(uow, owner, size)
            jobstore.drop_file(uow.conn, owner, file_id)
            sealed = {
                "filename": self._vault.seal(uow, owner.account_id, NAME_FIELD, found.filename),
                "content_key": self._vault.seal(uow, owner.account_id, KEY_FIELD, key.hex()),
            }
            jobstore.add_file(uow.conn, owner, found, scan, sealed)

        try:
            self._db.write(insert)
        except BaseException:
            self._blobs.remove(file_id)
            raise
        return found

    def get(self, owner: Principal, file_id: str) -> File:
        """One of the owner's files. Raises NotFound."""
        with self._db.read() as conn:
            return self._file(conn, self._row(conn, owner, file_id))

    def mine(
        self, owner: Principal, *, purpose: str | None, limit: int, after: str | None, newest_first: bool
    ) -> list[File]:
        """The owner's files."""
        with self._db.read() as conn:
            rows = jobstore.files(conn, owner, purpose=purpose, limit=limit, after=after, newest_first=newest_first)
            return [self._file(conn, row) for row in rows]

    def content(self, owner: Principal, file_id: str) -> Iterator[bytes]:
        """The bytes, piece by piece. Raises NotFound at once."""
        row, key = self._opened(owner, file_id)
        return self._blobs.stream(row.id, key, row.size_bytes)

    def read(self, owner: Principal, file_id: str, start: int, end: int | None = None) -> bytes:
        """The bytes from `start` up to `end`; None: to the end."""
        row, key = self._opened(owner, file_id)
        return self._blobs.read(row.id, key, start, row.size_bytes if end is None else end)

    def delete(self, owner: Principal, file_id: str) -> None:
        """Forget a file. Raises NotFound; Conflict while a batch reads it."""

        def drop(uow: db.UnitOfWork) -> str:
            row = self._row(uow.conn, owner, file_id)
            if jobstore.is_read(uow.conn, owner, row.id):
                raise errors.Conflict(f"file {file_id} is being read by a batch", fix="cancel the batch first")
            jobstore.drop_file(uow.conn, owner, row.id)
            return str(row.id)

        self._blobs.remove(self._db.write(drop))

    def prune(self) -> int:
        """Forget what has expired, and contents that no row knows; returns how many files."""
        now = self._now()
        gone = self._db.write(lambda uow: jobstore.drop_expired_files(uow.conn, now))
        with self._db.read() as conn:
            known = jobstore.file_ids(conn)
        orphans = [found for found in self._blobs.ids() if found not in known and now - _born(found) > _ORPHANED_AFTER]
        for file_id in {*gone, *orphans}:
            self._blobs.remove(file_id)
        return len(gone)

    def _judged(self, purpose: Purpose, size: int, source: IO[bytes]) -> jsonl.Scan | None:
        most = MAX_BATCH_BYTES if purpose == "batch" else MAX_SOUND_BYTES
        if size > most:
            raise errors.TooLarge(f"the file has {size} bytes; at most {most} are kept", fix="send several files")
        if purpose == "batch":
            return jsonl.scan(source)
        if not size:
            raise sounds.BadSound("the file is empty", fix="send its content")
        sounds.look(source.read())
        return None

    def _require_room(self, uow: db.UnitOfWork, owner: Principal, size: int) -> None:
        count, owned = jobstore.owned(uow.conn, owner)
        if count >= MAX_FILES or owned + size > MAX_OWNED_BYTES:
            raise errors.TooLarge(
                f"you keep {count} files of {owned} bytes; at most {MAX_FILES} of {MAX_OWNED_BYTES} together",
                fix="delete some: DELETE /v1/files/{id}",
            )

    def _opened(self, owner: Principal, file_id: str) -> tuple[Row[Any], bytes]:  # Any: a row's values
        with self._db.read() as conn:
            row = self._row(conn, owner, file_id)
            key = self._vault.open(conn, row.account_id, KEY_FIELD, row.content_key)
        if key == crypto.ERASED:
            raise _absent(file_id)
        return row, bytes.fromhex(key)

    def _row(self, conn: Connection, owner: Principal, file_id: str) -> Row[Any]:
        row = jobstore.file(conn, owner, file_id.removeprefix(PREFIX), self._now())
        if row is None:
            raise _absent(file_id)
        return row

    def _file(self, conn: Connection, row: Row[Any]) -> File:
        name = self._vault.open(conn, row.account_id, NAME_FIELD, row.filename)
        return File(
            row.id,
            name,
            row.purpose,
            row.size_bytes,
            row.created_at,
            row.expires_at,
            row.endpoint,
            row.lines,
            tuple(row.offsets),
        )


def _absent(file_id: str) -> errors.NotFound:
    return errors.NotFound(f"there is no file {file_id[:40]!r} of yours", fix="see GET /v1/files")


def _born(file_id: str) -> datetime:
    """When an id was made: its first ten letters are milliseconds, in base 32.

    >>> _born("01m834ybby0z8fwnhcag5j57ka").isoformat(timespec="milliseconds")
    '2026-11-23T02:49:42.014+00:00'
    """
    milliseconds = 0
    for letter in file_id[:10]:
        milliseconds = milliseconds * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
