"""What a model's name stands for, remembered for a second so that a request does not ask the catalogue."""

import asyncio
import time
from collections.abc import Sequence

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface

_FRESH_S = 1.0  # an alias moved by another process is noticed after this; in this one `forget` is called
_MOST = 4096  # names remembered

Name = tuple[str, str]  # school, model


class Lookup:
    """Used from one event loop."""

    def __init__(self, locator: catalogue.Locator) -> None:
        self._locator = locator
        self._found: dict[Name, tuple[float, catalogue.Loadable]] = {}
        self._asking: dict[Name, asyncio.Task[catalogue.Loadable]] = {}
        self._forgotten = 0
        self._known: tuple[float, Sequence[str]] = (float("-inf"), ())

    def forget(self) -> None:
        """Ask again next time."""
        self._forgotten += 1
        self._found.clear()
        self._asking.clear()
        self._known = (float("-inf"), ())

    def recent(self, model: str, school_id: str) -> catalogue.Loadable | None:
        """What was found less than a second ago; nothing else is looked at."""
        until, found = self._found.get((school_id, model), (0.0, None))
        return found if until > time.monotonic() else None

    async def find(self, model: str, school_id: str) -> catalogue.Loadable:
        """The file of a name. Raises UnknownModel, NotPulled, Loading."""
        if found := self.recent(model, school_id):
            return found
        name = (school_id, model)
        if name not in self._asking:
            self._asking[name] = asyncio.create_task(self._ask(model, school_id))
            self._asking[name].add_done_callback(lambda task: self._asked(name, task))
        return await asyncio.shield(self._asking[name])

    def known(self) -> Sequence[str]:
        """Names that every school may use."""
        now = time.monotonic()
        if self._known[0] < now:
            self._known = (now + _FRESH_S, tuple(self._locator.known()))
        return self._known[1]

    def _asked(self, name: Name, task: "asyncio.Task[catalogue.Loadable]") -> None:
        if self._asking.get(name) is task:
            del self._asking[name]
        if not task.cancelled():
            task.exception()  # it may be that nobody waits any more

    async def _ask(self, model: str, school_id: str) -> catalogue.Loadable:
        asked_at = self._forgotten
        try:
            found = await asyncio.to_thread(self._locator.locate, model, school_id)
        except catalogue.NotPulled as absent:
            self._raise_if_pulling(model, absent)
            raise
        if asked_at != self._forgotten:  # an alias may have moved meanwhile
            return found
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[school_id, model] = (time.monotonic() + _FRESH_S, found)
        return found

    def _raise_if_pulling(self, model: str, absent: catalogue.NotPulled) -> None:
        progress = self._locator.pull_progress(model)
        if progress and not progress.finished:
            percent = 100 * progress.bytes_done // progress.bytes_total
            raise interface.Loading(
                f"model {model!r} is being pulled: {percent} %", fix="try again when it has arrived", retry_after_s=10
            ) from absent
