"""Encryption at rest: personal fields are sealed under a key of that person, so erasure is destroying a key.

A master key lies in the home folder (mode 0600). Each person's 256-bit data key is wrapped by it and kept in
`crypto_person_key`. Fields are AES-256-GCM with the person and the column as associated data, so a
ciphertext moved to another person or column does not open. `keyed_hash` gives blind indexes for look-ups.
"""

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, select

from shuyuan.kernel import db, errors, ids

KEY_BYTES, NONCE_BYTES = 32, 12
ERASED = "∅"
_WARM = 500

person_key = Table(
    "crypto_person_key",
    db.metadata,
    Column("subject_id", String(ids.LENGTH), primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("created_at", db.UtcDateTime, nullable=False),
)


class EncryptedText(LargeBinary):
    """Column type of a personal field: holds only what `Vault.seal` returned. Tests list every use of it."""


class Vault:
    """Seals and opens personal fields; hashes handles; destroys keys."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise errors.BadInput(f"master key has {len(master_key)} bytes", fix=f"restore the {KEY_BYTES}-byte file")
        self._wrap = AESGCM(master_key)
        self._hash_key = hashlib.sha256(b"shuyuan keyed hash" + master_key).digest()
        self._keys: dict[str, AESGCM] = {}
        self._erased: set[str] = set()  # a reader on an older snapshot must not bring a key back into memory
        self._lock = threading.Lock()

    def seal(self, uow: db.UnitOfWork, subject_id: str, field: str, text: str) -> bytes:
        """Encrypt `text` for `subject_id`; creates that person's key the first time."""
        return _encrypt(self._key(uow.conn, subject_id, uow), text.encode(), f"{subject_id}/{field}")

    def open(self, conn: Connection, subject_id: str, field: str, blob: bytes) -> str:
        """Decrypt a field; `ERASED` once the person's key has been destroyed."""
        try:
            key = self._key(conn, subject_id, None)
        except errors.NotFound:
            return ERASED
        return _decrypt(key, blob, f"{subject_id}/{field}").decode()

    def warm(self, conn: Connection, subject_ids: Iterable[str]) -> None:
        """Fetch many people's keys in few queries, before opening a whole list."""
        with self._lock:
            missing = [subject_id for subject_id in subject_ids if subject_id not in self._keys]
        for start in range(0, len(missing), _WARM):
            wanted = person_key.c.subject_id.in_(missing[start : start + _WARM])
            for row in conn.execute(select(person_key).where(wanted)):
                self._remember(row.subject_id, AESGCM(self._unwrap(row.subject_id, row.wrapped_key)))

    def erase(self, uow: db.UnitOfWork, subject_id: str) -> None:
        """Destroy the person's key: every sealed field of theirs is unreadable from now on, backups aside."""
        uow.conn.execute(delete(person_key).where(person_key.c.subject_id == subject_id))
        uow.scratch.get("person_keys", {}).pop(subject_id, None)
        uow.after_commit(lambda: self._forget(subject_id))

    def keyed_hash(self, purpose: str, value: str) -> str:
        """A blind index: equal values give equal hashes, nothing can be read back without the master key."""
        return hmac.new(self._hash_key, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()

    def _forget(self, subject_id: str) -> None:
        with self._lock:
            self._erased.add(subject_id)
            self._keys.pop(subject_id, None)

    def _key(self, conn: Connection, subject_id: str, uow: db.UnitOfWork | None) -> AESGCM:
        with self._lock:
            if (cached := self._keys.get(subject_id)) is not None:
                return cached
        mine: dict[str, AESGCM] = {} if uow is None else uow.scratch.setdefault("person_keys", {})
        if subject_id not in mine:
            mine[subject_id] = key = AESGCM(self._load(conn, subject_id) or self._create(uow, subject_id))
            if uow is None:
                self._remember(subject_id, key)
            else:  # an undone unit must not leave a key that no row holds
                uow.after_commit(lambda: self._remember(subject_id, key))
        return mine[subject_id]

    def _load(self, conn: Connection, subject_id: str) -> bytes | None:
        query = select(person_key.c.wrapped_key).where(person_key.c.subject_id == subject_id)
        wrapped = conn.execute(query).scalar_one_or_none()
        return None if wrapped is None else self._unwrap(subject_id, wrapped)

    def _remember(self, subject_id: str, key: AESGCM) -> None:
        with self._lock:
            if subject_id not in self._erased:
                self._keys[subject_id] = key

    def _create(self, uow: db.UnitOfWork | None, subject_id: str) -> bytes:
        if uow is None:
            raise errors.NotFound(f"person {subject_id} has no key", fix="the person was erased")
        raw = secrets.token_bytes(KEY_BYTES)
        uow.conn.execute(
            person_key.insert().values(
                subject_id=subject_id,
                wrapped_key=_encrypt(self._wrap, raw, subject_id),
                created_at=uow.now,
            )
        )
        return raw

    def _unwrap(self, subject_id: str, wrapped: bytes) -> bytes:
        return _decrypt(self._wrap, wrapped, subject_id)


def load_master_key(path: Path) -> bytes:
    """Read the master key, or create it (mode 0600) when the file is not there."""
    if path.is_file():
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = secrets.token_bytes(KEY_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
        out.flush()
        os.fsync(out.fileno())
    return key


def _encrypt(key: AESGCM, plain: bytes, bound_to: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, bound_to.encode())


def _decrypt(key: AESGCM, blob: bytes, bound_to: str) -> bytes:
    try:
        return key.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], bound_to.encode())
    except InvalidTag as wrong:
        raise errors.Conflict(
            "a sealed field does not open", fix="the master key or the row was exchanged; restore both together"
        ) from wrong
