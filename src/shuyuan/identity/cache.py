"""Principals, kept in this process for a second: hot paths ask the database once a second, not at each request.

Whatever this process changes (sign-out, revocation, role, group, exam mode) takes effect at once: the cache is
emptied after the commit. What another process changes takes effect within `TTL_S`.
"""

import threading
import time
from collections.abc import Callable

from shuyuan.identity.interface import Principal

TTL_S = 1.0
_MAX = 10_000


class PrincipalCache:
    """Token hash → principal. Safe to share between threads."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Principal, float]] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def peek(self, token_hash: str) -> Principal | None:
        """The principal, if known and fresh."""
        held = self._held.get(token_hash)
        return held[0] if held is not None and held[1] > time.monotonic() else None

    def get(self, token_hash: str, load: Callable[[], Principal]) -> Principal:
        """The principal, loaded when unknown. What was read before an invalidation is never kept after it."""
        if (known := self.peek(token_hash)) is not None:
            return known
        generation, asked_at = self._generation, time.monotonic()
        principal = load()
        with self._lock:
            if generation == self._generation:
                if len(self._held) >= _MAX:
                    self._held.clear()
                self._held[token_hash] = (principal, asked_at + TTL_S)
        return principal

    def clear(self) -> None:
        """Forget everyone."""
        with self._lock:
            self._generation += 1
            self._held.clear()
