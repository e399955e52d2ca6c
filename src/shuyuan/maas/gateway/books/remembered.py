"""Allowances as calls last saw them, in memory: for headers, and to tell where there is plenty. The database decides.

Kept by quota, not by caller: what one pupil's call showed of the school's allowance holds for everybody's.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import quota

_MOST = 10_000  # callers
_Caller = tuple[str, str | None]
_Quota = tuple[str, str, str]  # school, scope, whose
Look = Callable[[Principal], Sequence[interface.Allowance]]


class Remembered:
    """Used from one event loop; `note` and `forget` from any thread."""

    def __init__(self, look: Look) -> None:
        """look: asks the database, in a thread, for a caller who is not known yet."""
        self._look = look
        self._of: dict[_Caller, tuple[_Quota, ...]] = {}
        self._seen: dict[_Quota, interface.Allowance] = {}
        self._asking: dict[_Caller, asyncio.Task[Sequence[interface.Allowance]]] = {}
        self._under_way: Counter[_Quota] = Counter()
        self.generation = 0

    def of(self, principal: Principal) -> tuple[interface.Allowance, ...] | None:
        """What is known of a caller's allowances; None: nothing."""
        quotas = self._of.get(_caller(principal))
        return None if quotas is None else tuple(self._seen[one] for one in quotas if one in self._seen)

    async def known(self, principal: Principal) -> tuple[interface.Allowance, ...]:
        """`of`, looked up where nothing is known; whoever asks meanwhile for the same caller shares the look."""
        if (known := self.of(principal)) is not None:
            return known
        caller = _caller(principal)
        if (asking := self._asking.get(caller)) is None:
            asking = self._asking[caller] = asyncio.create_task(asyncio.to_thread(self._look, principal))
            asking.add_done_callback(lambda task: self._asked(caller, task))
        return tuple(await asyncio.shield(asking))

    def note(
        self, principal: Principal, allowances: Sequence[interface.Allowance], generation: int | None = None
    ) -> None:
        """These are the newest. generation: when they were asked for; what was asked before a `forget` is not kept."""
        if generation not in (None, self.generation):
            return
        if len(self._of) >= _MOST:
            self._of, self._seen = {}, {}
        keyed: dict[_Quota, interface.Allowance] = {
            (principal.school_id, one.scope, one.scope_id): one for one in allowances
        }
        self._seen.update(keyed)
        self._of[_caller(principal)] = tuple(keyed)

    def forget(self) -> None:
        """Limits have changed."""
        self.generation += 1
        self._of, self._seen = {}, {}

    @contextmanager
    def under_way(self, principal: Principal) -> Iterator[None]:
        """Stands around a call, for `plenty`."""
        quotas = [(principal.school_id, one.scope, one.scope_id) for one in quota.charges(principal)]
        self._under_way.update(quotas)
        try:
            yield
        finally:
            for one in quotas:
                self._under_way[one] -= 1
                if not self._under_way[one]:
                    del self._under_way[one]

    def plenty(self, principal: Principal, tokens: int, now: datetime) -> tuple[interface.Allowance, ...] | None:
        """A caller's allowances if many more calls of this size fit than are under way in any of them; else None."""
        known = self.of(principal)
        if known is None:
            return None
        school_id, under_way = principal.school_id, self._under_way
        roomy = all(quota.plenty(one, tokens, under_way[school_id, one.scope, one.scope_id], now) for one in known)
        return known if roomy else None

    def _asked(self, caller: _Caller, task: "asyncio.Task[Sequence[interface.Allowance]]") -> None:
        del self._asking[caller]
        if not task.cancelled():
            task.exception()  # it may be that nobody waits any more


def _caller(principal: Principal) -> _Caller:
    return principal.account_id, principal.key_id
