"""Who did what. An entry commits with the change it describes; entries form a keyed chain.

Each entry's `digest` is an HMAC over its content and the digest before it; the head row holds the last number
and a second HMAC over number and digest, renewed in the same unit. So an edited, removed, reordered or
cut-off entry shows in `verify`. An earlier state of both tables put back whole would still be consistent, so
the last number and digest are also kept outside the database, in the anchor file beside the keys, renewed
every few seconds: `verify` compares. Entries hold ids and keyed hashes only, never names. Several servers on one
PostgreSQL stand in line for the head row, which keeps the chain single.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, Row, String, Table, select, update

from shuyuan.kernel import crypto, db, ids

entry = Table(
    "audit_entry",
    db.metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("school_id", String(ids.LENGTH), nullable=False, index=True),
    Column("actor_id", String(ids.LENGTH), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object_id", String(128), nullable=False),
    Column("detail", db.Json, nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
    Column("digest", String(64), nullable=False),
)
head = Table(
    "audit_head",
    db.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)
SYSTEM = "system"
_START = "0" * 64
_FORGED = 2**63 - 1
_EXACT = 2**53  # up to here every whole number is a float of its own


@dataclass(frozen=True)
class Verified:
    """Outcome of `verify`: how many entries hold, and the first fault in words (None: the chain is whole)."""

    entries: int
    fault: str | None


class Audit:
    """Appends to the chain and checks it. `anchor`: the file outside the database; None keeps none."""

    def __init__(self, vault: crypto.Vault, anchor: Path | None = None) -> None:
        self._vault, self._anchor = vault, anchor

    def record(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        actor_id: str,
        action: str,
        object_id: str = "",
        **detail: str | int | float | bool | None,
    ) -> None:
        """Append one entry inside `uow`. `action` is past tense with a dot: `key.created`, `practice.set`."""
        seq, before = self._advance(uow.conn)
        content = {
            "seq": seq,
            "school_id": school_id,
            "actor_id": actor_id,
            "action": action,
            "object_id": object_id,
            "detail": detail,
            "at": uow.now,
        }
        digest = self._digest(before, content)
        uow.conn.execute(entry.insert().values(**content, digest=digest))
        uow.conn.execute(update(head).values(digest=self._seal(seq, digest)))

    def verify(self, conn: Connection) -> Verified:
        """Walk the whole chain. Names the first entry that was edited, removed or cut off."""
        digest, expected = _START, 1
        for row in conn.execute(select(entry).order_by(entry.c.seq)):
            if row.seq != expected:
                return Verified(expected - 1, f"entry {expected} is missing")
            digest = self._digest(digest, {k: v for k, v in row._mapping.items() if k != "digest"})
            if not hmac.compare_digest(digest, row.digest):
                return Verified(expected - 1, f"entry {row.seq} was changed")
            expected += 1
        last = conn.execute(select(head)).one_or_none()
        if last is not None and last.seq != expected - 1:
            return Verified(expected - 1, f"the tail after entry {expected - 1} was cut off: the head says {last.seq}")
        if last is not None and not hmac.compare_digest(last.digest, self._seal(last.seq, digest)):
            return Verified(expected - 1, "the head row was changed: the tail may have been cut off")
        if last is None and expected > 1:
            return Verified(expected - 1, "the head row is missing")
        return Verified(expected - 1, self._beside_anchor(conn, expected - 1))

    def drop_anchor(self, conn: Connection) -> None:
        """Note outside the database how far the chain has come. Call every few seconds.

        Never back, and never over a chain that is not the one noted before: that would hide what happened.
        """
        last = conn.execute(select(entry.c.seq, entry.c.digest).order_by(entry.c.seq.desc()).limit(1)).one_or_none()
        if self._anchor is None or last is None or last.seq <= self._anchored()[0]:
            return
        if self._beside_anchor(conn, last.seq) is not None:
            return
        told = {"seq": last.seq, "digest": last.digest, "seal": self._seal(last.seq, last.digest)}
        partial = self._anchor.with_suffix(".partial")
        partial.write_text(json.dumps(told))
        partial.chmod(0o600)
        partial.replace(self._anchor)

    def _beside_anchor(self, conn: Connection, entries: int) -> str | None:
        seq, digest = self._anchored()
        if seq == _FORGED:
            return f"the anchor file {self._anchor} was changed"
        if entries < seq:
            return f"{seq} entries were once here: the log was set back or emptied"
        found = conn.execute(select(entry.c.digest).where(entry.c.seq == seq)).scalar_one_or_none()
        return None if seq == 0 or found == digest else f"entry {seq} is not the one that was once here"

    def _anchored(self) -> tuple[int, str]:
        """Number and digest last noted; (0, "") before the first. A forged file counts as the largest number."""
        if self._anchor is None or not self._anchor.is_file():
            return 0, ""
        try:
            told = json.loads(self._anchor.read_text())
            if hmac.compare_digest(told["seal"], self._seal(told["seq"], told["digest"])):
                return told["seq"], told["digest"]
        except (ValueError, KeyError, TypeError):
            pass
        return _FORGED, ""

    def _advance(self, conn: Connection) -> tuple[int, str]:
        db.stand_in_line(conn)
        seq = conn.execute(update(head).values(seq=head.c.seq + 1).returning(head.c.seq)).scalar_one_or_none()
        if seq is None:
            conn.execute(head.insert().values(id=1, seq=1, digest=_START))
            return 1, _START
        before = conn.execute(select(entry.c.digest).where(entry.c.seq == seq - 1)).scalar_one_or_none()
        return seq, before or _START

    def _seal(self, seq: int, digest: str) -> str:
        return self._vault.keyed_hash("audit.head", f"{seq}/{digest}")

    def _digest(self, before: str, content: dict[str, Any]) -> str:  # Any: a row's values
        at: datetime = content["at"]
        detail = {name: _stable(value) for name, value in content["detail"].items()}
        stable = {**content, "at": at.isoformat(timespec="microseconds"), "detail": detail}
        text = json.dumps(stable, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return self._vault.keyed_hash("audit", hashlib.sha256((before + text).encode()).hexdigest())


def _stable(value: object) -> object:
    """PostgreSQL gives 1e16 back as an integer: whole numbers are one kind, huge ones another."""
    if isinstance(value, (int, float)) and abs(value) > _EXACT:
        return float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def entries(
    conn: Connection, school_id: str, *, limit: int = 100, before_seq: int | None = None, action: str | None = None
) -> Iterator[Row[Any]]:
    """Newest first, one school's entries; `before_seq` pages backwards, `action` filters by prefix."""
    query = select(entry).where(entry.c.school_id == school_id).order_by(entry.c.seq.desc()).limit(limit)
    if before_seq is not None:
        query = query.where(entry.c.seq < before_seq)
    if action:
        query = query.where(entry.c.action.startswith(action, autoescape=True))
    yield from conn.execute(query)
