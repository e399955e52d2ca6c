"""Which models may be in memory at once: a budget in bytes, and who must leave for whom.

Knows bytes and idleness, not requests. Never frees a model that is answering, nor a pinned one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from shuyuan.kernel import memory
from shuyuan.maas.serving import interface

_log = structlog.get_logger(module="serving.residency")

_SHARE_OF_AVAILABLE = 0.7
_LOOK_AGAIN_S = 1.0


class Resident(Protocol):
    """What the budget needs to know of a model in memory."""

    name: str
    pinned: bool
    used_at: float  # loop time of its last call

    @property
    def idle(self) -> bool:
        """Loaded, and neither answering nor asked to."""
        ...

    def unload(self) -> Awaitable[None]:
        """Free it; only called while idle."""
        ...


class Budget:
    """Bytes for all models together. Used from one event loop."""

    def __init__(self, budget_bytes: int | None = None) -> None:
        share = int(memory.available_bytes() * _SHARE_OF_AVAILABLE)
        self.budget_bytes = share if budget_bytes is None else budget_bytes
        self._taken: dict[Resident, int] = {}
        self._changed = asyncio.Event()

    @property
    def used_bytes(self) -> int:
        """What the models in memory take, and those being loaded will."""
        return sum(self._taken.values())

    def taken_by(self, resident: Resident) -> int:
        """Its part; 0 when it is not in memory."""
        return self._taken.get(resident, 0)

    async def admit(self, resident: Resident, need_bytes: int, wanted: Callable[[], bool]) -> None:
        """Make room and take it, evicting and, where that helps, waiting for busy ones while it is `wanted`.

        Raises NeverFits, and Unwanted once nobody waits for it any more.
        """
        self.release(resident)
        while (missing := self.used_bytes + need_bytes - self.budget_bytes) > 0:
            self.check_fits(resident, need_bytes)
            if victims := self._victims(missing):
                await self._evict(victims[0], resident)
                continue
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), _LOOK_AGAIN_S)
            except TimeoutError:
                if not wanted():
                    raise Unwanted from None
        self._taken[resident] = need_bytes

    async def settle(self, resident: Resident, measured_bytes: int) -> None:
        """It is loaded and takes this much; make up for a guess that was too low. Raises NeverFits."""
        self._taken[resident] = measured_bytes
        self.check_fits(resident, measured_bytes, pinned=False)
        while (over := self.used_bytes - self.budget_bytes) > 0 and (victims := self._victims(1, besides=resident)):
            _log.info("memory_guess_was_low", model=resident.name, over_bytes=over)
            await self._evict(victims[0], resident)

    def grew(self, resident: Resident, used_bytes: int) -> None:
        """It takes more since it answers; who comes next finds less room."""
        if used_bytes > self.taken_by(resident) > 0:
            self._taken[resident] = used_bytes

    def check_fits(self, resident: Resident, need_bytes: int, *, pinned: bool = True) -> None:
        """Raise NeverFits when not even freeing everything that may be freed would make room."""
        kept = sum(taken for one, taken in self._taken.items() if pinned and one.pinned and one is not resident)
        if need_bytes + kept <= self.budget_bytes:
            return
        besides = f", of which pinned models take {_mib(kept)}" if kept else ""
        raise interface.NeverFits(
            f"model {resident.name!r} takes {_mib(need_bytes)}; all models together may take "
            f"{_mib(self.budget_bytes)}{besides}",
            fix="unpin a model"
            if kept and need_bytes <= self.budget_bytes
            else "use a smaller model or raise SHUYUAN_MODEL_MEMORY_BYTES",
        )

    def release(self, resident: Resident) -> None:
        """It is no longer in memory."""
        self._taken.pop(resident, None)
        self.changed()

    def changed(self) -> None:
        """Somebody became idle, left or was unpinned: those who wait for room look again."""
        self._changed.set()

    def residents(self) -> list[Resident]:
        """The models in memory, least recently used first."""
        return sorted(self._taken, key=lambda resident: resident.used_at)

    def _victims(self, missing_bytes: int, besides: Resident | None = None) -> list[Resident]:
        """Idle ones to free, oldest first; none at all when freeing every one would not do."""
        idle = [one for one in self.residents() if one.idle and not one.pinned and one is not besides]
        return idle if sum(self._taken[one] for one in idle) >= missing_bytes else []

    async def _evict(self, victim: Resident, newcomer: Resident) -> None:
        _log.info("model_evicted", model=victim.name, bytes=self._taken[victim], for_model=newcomer.name)
        await victim.unload()


class Unwanted(Exception):
    """Everybody who waited for this model has left."""


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.0f} MiB"
