"""Answers that need not be computed twice: exact-match answers of models, and vectors of texts.

Both are kept in this process, bounded in bytes, partitioned so that nobody sees what another school asked; the model
version is part of the key, so a new version begins empty. Off until the school turns it on. Answers are also
partitioned by role, and kept only where the request is deterministic (temperature 0 or a seed).
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface as serving

V = TypeVar("V")
ANSWER_BYTES, VECTOR_BYTES = 32_000_000, 32_000_000
LARGEST_SHARE = 16  # nothing larger than this part of the whole is kept
_ENTRY_BYTES = 200  # what an entry costs besides its content
_WHOLE = frozenset({"stop", "length", "tool_calls"})
Vector = NDArray[np.float32]


class Bounded(Generic[V]):
    """Least recently used goes first; nothing outlives its time. Safe to share between threads."""

    def __init__(self, max_bytes: int, now: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes, self.bytes, self._now = max_bytes, 0, now
        self._held: OrderedDict[bytes, tuple[V, int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> V | None:
        """What was put, unless it is too old."""
        with self._lock:
            held = self._held.get(key)
            if held is None:
                return None
            if held[2] <= self._now():
                self._drop(key)
                return None
            self._held.move_to_end(key)
            return held[0]

    def put(self, key: bytes, value: V, size_bytes: int, ttl_s: float) -> None:
        """Keep it for so long, if it is not too large."""
        size = size_bytes + _ENTRY_BYTES
        if size * LARGEST_SHARE > self.max_bytes:
            return
        with self._lock:
            if key in self._held:
                self._drop(key)
            while self.bytes + size > self.max_bytes:
                self._drop(next(iter(self._held)))
            self._held[key] = (value, size, self._now() + ttl_s)
            self.bytes += size

    def __len__(self) -> int:
        return len(self._held)

    def _drop(self, key: bytes) -> None:
        self.bytes -= self._held.pop(key)[1]


class Answers:
    """Streams kept as they were given, and given again just the same."""

    def __init__(self, max_bytes: int = ANSWER_BYTES) -> None:
        self._kept: Bounded[tuple[serving.Chunk, ...]] = Bounded(max_bytes)

    def key(
        self, principal: Principal, model: catalogue.Loadable, task: str, payload: Mapping[str, object]
    ) -> bytes | None:
        """What a request is known by; None when its answer is not determined by it."""
        if payload.get("temperature") != 0 and payload.get("seed") is None:
            return None
        try:
            whole = json.dumps(
                [principal.school_id, principal.role, model.key, task, payload], sort_keys=True, separators=(",", ":")
            )
        except TypeError:  # pictures and sound are not kept
            return None
        return hashlib.sha256(whole.encode()).digest()

    def get(self, key: bytes) -> tuple[serving.Chunk, ...] | None:
        """The chunks of an answer given before."""
        return self._kept.get(key)

    async def keeping(
        self, key: bytes, chunks: AsyncGenerator[serving.Chunk, None], ttl_s: float
    ) -> AsyncGenerator[serving.Chunk, None]:
        """The chunks as they come; once the answer is whole it is kept."""
        given: list[serving.Chunk] = []
        async with aclosing(chunks):
            async for chunk in chunks:
                given.append(chunk)
                if chunk.finish_reason in _WHOLE and not any(one.tensors for one in given):
                    self._kept.put(key, tuple(given), sum(map(_size_bytes, given)), ttl_s)
                yield chunk


async def replay(chunks: Iterable[serving.Chunk]) -> AsyncGenerator[serving.Chunk, None]:
    """An answer given before, as a stream."""
    for chunk in chunks:
        yield chunk


class Vectors:
    """Vectors by the hash of their text, per school, version and use."""

    def __init__(self, max_bytes: int = VECTOR_BYTES) -> None:
        self._kept: Bounded[Vector] = Bounded(max_bytes)

    def keys(self, school_id: str, model: catalogue.Loadable, kind: str, texts: Sequence[str]) -> list[bytes]:
        """What each text is known by."""
        before = hashlib.sha256(f"{school_id}|{model.key}|{kind}|".encode())
        found = []
        for text in texts:
            digest = before.copy()
            digest.update(text.encode())
            found.append(digest.digest())
        return found

    async def completed(
        self,
        keys: Sequence[bytes],
        texts: Sequence[str],
        made: Callable[[Sequence[str]], Awaitable[serving.Embeddings]],
        ttl_s: float,
    ) -> tuple[serving.Embeddings, Literal["hit", "miss"]]:
        """One row a text: kept ones, and what `made` gives for the others. `hit` when nothing had to be made."""
        rows = [self._kept.get(key) for key in keys]
        missing = [n for n, row in enumerate(rows) if row is None]
        prompt_tokens = 0
        if missing:
            fresh = await made([texts[n] for n in missing])
            prompt_tokens = fresh.prompt_tokens
            for n, row in zip(missing, fresh.vectors, strict=True):
                rows[n] = row
                self._kept.put(keys[n], row.copy(), row.nbytes, ttl_s)  # a view would keep the whole batch
        whole = np.stack([row for row in rows if row is not None])
        return serving.Embeddings(whole, prompt_tokens), "miss" if missing else "hit"


def _size_bytes(chunk: serving.Chunk) -> int:
    return _ENTRY_BYTES + 4 * len(chunk.text) + (len(repr(chunk.data)) if chunk.data else 0)
