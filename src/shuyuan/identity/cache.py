"""Principals, kept in this process for a second: hot paths ask the database once a second, not at each request.

Whatever this process changes (sign-out, revocation, role, group, exam mode) takes effect at once: the cache is
emptied after the commit. What another process changes takes effect within `TTL_S`. Shortly before that a known one is
looked up again by one caller while everybody else goes on with it: a busy key never makes all its callers wait.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors

TTL_S = 1.0
RENEW_S = 0.8 * TTL_S
_MAX = 10_000


@dataclass(slots=True)
class _Held:
    """A principal, believed until then; renew_at: when the next caller looks it up again (times are monotonic)."""

    principal: Principal
    until: float
    renew_at: float


class PrincipalCache:
    """Token hash → principal. Safe to share between threads."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def peek(self, token_hash: str) -> Principal | None:
        """The principal, if known and fresh."""
        held = self._held.get(token_hash)
        return held.principal if held is not None and held.until > time.monotonic() else None

    def ageing(self, token_hash: str) -> bool:
        """Whether `get` would look a known one up again."""
        held = self._held.get(token_hash)
        return held is not None and held.renew_at <= time.monotonic()

    def get(self, token_hash: str, load: Callable[[], Principal]) -> Principal:
        """The principal, loaded when unknown or ageing. What was read before an invalidation is not kept after it."""
        known = self.peek(token_hash)
        if known is not None and not self._mine_to_renew(token_hash):
            return known
        generation, asked_at = self._generation, time.monotonic()
        try:
            principal = load()
        except errors.Unauthenticated:
            with self._lock:
                self._held.pop(token_hash, None)
            raise
        with self._lock:
            if generation == self._generation:
                if len(self._held) >= _MAX:
                    self._held.clear()
                self._held[token_hash] = _Held(principal, asked_at + TTL_S, asked_at + RENEW_S)
        return principal

    def clear(self) -> None:
        """Forget everyone."""
        with self._lock:
            self._generation += 1
            self._held.clear()

    def _mine_to_renew(self, token_hash: str) -> bool:
        """True to the first who asks for an ageing entry."""
        with self._lock:
            held = self._held.get(token_hash)
            if held is None or held.renew_at > time.monotonic():
                return False
            held.renew_at = held.until
            return True
