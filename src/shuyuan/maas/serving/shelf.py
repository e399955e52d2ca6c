"""What lies on disk and nobody has loaded, as the catalogue last said: read away from the event loop."""

import asyncio
import time
from collections.abc import Mapping

import structlog

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface

_log = structlog.get_logger(module="serving.shelf")

_FRESH_S = 1.0

Found = catalogue.Loadable | errors.ShuyuanError  # a shared model's file, or why it has none


class Shelf:
    """The models that every school may use. Used from any thread."""

    def __init__(self, locator: catalogue.Locator) -> None:
        self._locator = locator
        self._found: Mapping[str, Found] | None = None
        self._until = 0.0
        self._reading: asyncio.Future[None] | None = None

    def forget(self) -> None:
        """Read again next time."""
        self._until = 0.0

    def look(self) -> Mapping[str, Found]:
        """By name. In a thread: as it is now. On an event loop, which must not wait: as last read, while it is read
        again elsewhere if that was a second ago; only the very first look reads at once."""
        loop = _running()
        if self._found is None or loop is None:
            self._until = time.monotonic() + _FRESH_S
            self._found = self._read()
        elif self._until < time.monotonic() and (self._reading is None or self._reading.done()):
            self._until = time.monotonic() + _FRESH_S
            self._reading = loop.run_in_executor(None, self._refresh)
        return self._found

    def _refresh(self) -> None:
        try:
            self._found = self._read()
        except Exception as wrong:  # nobody awaits this; what was read before stays
            _log.warning("catalogue_not_read", error=str(wrong))

    def _read(self) -> Mapping[str, Found]:
        return {name: self._locate(name) for name in self._locator.known()}

    def _locate(self, name: str) -> Found:
        try:
            return self._locator.locate(name)
        except errors.ShuyuanError as why:  # no champion, not pulled, damaged: the others are there all the same
            return why


def at_rest(name: str, found: Found | None, progress: catalogue.PullProgress | None) -> interface.ModelStatus:
    """The status of a model that is not loaded. progress: of its last pull, which is over."""
    match found:
        case catalogue.Loadable():
            return interface.ModelStatus(name, "pulled", version=found.version, memory_bytes=found.memory_bytes)
        case catalogue.NotPulled():
            failed = progress is not None and progress.stage == "failed"
            return interface.ModelStatus(name, "failed" if failed else "absent", progress.error if progress else "")
        case catalogue.HashMismatch():
            return interface.ModelStatus(name, "failed", reason=found.message)
        case _:
            return interface.ModelStatus(name, "absent", reason=found.message if found else "")


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
