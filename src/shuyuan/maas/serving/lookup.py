"""What a model's name stands for, remembered for a second so that a request does not ask the catalogue."""

import asyncio
import time
from dataclasses import dataclass, field

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface

_FRESH_S = 1.0  # an alias moved by another process is noticed after this; in this one `forget` is called
_MOST = 4096  # names remembered

Name = tuple[str, str]  # school, model


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """What was found since the last `forget`. An answer that comes late is written where nobody reads."""

    found: dict[Name, tuple[float, catalogue.Loadable]] = field(default_factory=dict)
    asking: dict[Name, asyncio.Task[catalogue.Loadable]] = field(default_factory=dict)


class Lookup:
    """Used from one event loop; `forget` from any thread."""

    def __init__(self, locator: catalogue.Locator) -> None:
        self._locator, self._memory = locator, _Memory()

    def forget(self) -> None:
        """Ask again next time."""
        self._memory = _Memory()

    def recent(self, model: str, school_id: str) -> catalogue.Loadable | None:
        """What was found less than a second ago; nothing else is looked at."""
        until, found = self._memory.found.get((school_id, model), (0.0, None))
        return found if until > time.monotonic() else None

    async def find(self, model: str, school_id: str) -> catalogue.Loadable:
        """The file of a name. Raises UnknownModel, NotPulled, Loading."""
        if found := self.recent(model, school_id):
            return found
        name, memory = (school_id, model), self._memory
        if (asking := memory.asking.get(name)) is None:
            asking = memory.asking[name] = asyncio.create_task(self._ask(name, memory))
            asking.add_done_callback(lambda task: _asked(memory, name, task))
        return await asyncio.shield(asking)

    async def _ask(self, name: Name, memory: _Memory) -> catalogue.Loadable:
        school_id, model = name
        try:
            found = await asyncio.to_thread(self._locator.locate, model, school_id)
        except catalogue.NotPulled as absent:
            self._raise_if_pulling(model, absent)
            raise
        if len(memory.found) >= _MOST:
            memory.found.clear()
        memory.found[name] = (time.monotonic() + _FRESH_S, found)
        return found

    def _raise_if_pulling(self, model: str, absent: catalogue.NotPulled) -> None:
        progress = self._locator.pull_progress(model)
        if progress and not progress.finished:
            percent = 100 * progress.bytes_done // progress.bytes_total
            raise interface.Loading(
                f"model {model!r} is being pulled: {percent} %", fix="try again when it has arrived", retry_after_s=10
            ) from absent


def _asked(memory: _Memory, name: Name, task: "asyncio.Task[catalogue.Loadable]") -> None:
    del memory.asking[name]
    if not task.cancelled():
        task.exception()  # it may be that nobody waits any more
