"""Find the model a call names: on this machine, still being pulled, or unknown; and does its card claim the task?"""

import asyncio
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from shuyuan.maas.catalogue import extras
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.gateway import interface
from shuyuan.maas.serving import interface as serving

_FRESH_S = 2.0  # how long a located file is believed: looking checks the disk
_RENEW_S = 1.0  # so long before that ends, the next call begins another look, and none waits
_REMEMBERED = 1_000


def _builtin(name: str, *tasks: catalogue.Task) -> catalogue.Loadable:
    """What is on the books although no model runs: word lists and arithmetic of this release."""
    version = f"builtin:/{name}/1"
    return catalogue.Loadable(
        name=name, version=version, path=Path(), runner="onnx", tasks=tasks, context_tokens=0, memory_bytes=0
    )


EXTRACTIVE = _builtin("extractive", "summarize")
KEYWORDS, SENTIMENT, POLICY = _builtin("keywords"), _builtin("sentiment"), _builtin("moderation")
BUILTIN = (EXTRACTIVE, KEYWORDS, SENTIMENT, POLICY)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a school may call, under the one name people should use, and what it is doing. version None: an entry."""

    status: serving.ModelStatus
    version: catalogue.Version | None

    def is_one(self, card: catalogue.Loadable) -> bool:
        """Whether this is what was located."""
        if self.version is None:
            return self.status.model == card.name and card.school_id == catalogue.SHARED
        return (self.version.school_id, self.version.uri) == (card.school_id, card.version)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, believed until then, and the extra its runner lacks here (empty: none)."""

    until: float
    model: catalogue.Loadable
    missing_extra: str


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """What was found since the last `forget`. An answer that comes late is written where nobody reads."""

    found: dict[tuple[str, str], _Found] = field(default_factory=dict)
    asking: dict[tuple[str, str], asyncio.Task[_Found]] = field(default_factory=dict)


class Models:
    """A locator with a short memory. A school finds its own versions and the shared ones, never another's."""

    def __init__(self, locator: catalogue.Locator, engine: serving.Engine) -> None:
        self._locator, self._engine = locator, engine
        self._memory = _Memory()
        if isinstance(locator, catalogue.Announcing):
            locator.on_change.append(self.forget)

    async def locate(self, school_id: str, name: str, task: catalogue.Task) -> catalogue.Loadable:
        """The model's file. Raises UnknownModel, NotPulled, Loading (being pulled), NotClaimed."""
        found, now = self._memory.found.get((school_id, name)), time.monotonic()
        if found is None or now > found.until:
            found = await asyncio.shield(self._look(school_id, name))
        elif now > found.until - _RENEW_S:
            self._look(school_id, name)  # nobody waits for it
        model = found.model
        if task not in model.tasks:
            raise interface.NotClaimed(
                f"the card of {name!r} does not claim {task!r}; it claims {', '.join(model.tasks)}",
                fix=f"use a model that claims {task}: see GET /v1/models",
            )
        if found.missing_extra:
            raise interface.NotInstalled(
                f"{name!r} is run by {model.runner!r}, which is not installed on this server",
                fix=f"the administrator runs: {extras.advice(found.missing_extra)}",
            )
        return model

    def card(self, name: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable | None:
        """The model's file; None when it is not on this machine. Raises UnknownModel."""
        try:
            return self._locator.locate(name, school_id)
        except catalogue.NotPulled:
            return None

    def listed(self, school_id: str) -> list[Listed]:
        """Everything this school may call, each once. Reads the database, no file."""
        statuses = self._engine.status()
        by_name = {one.model: one for one in statuses if one.school_id == catalogue.SHARED}
        by_version = {(one.school_id, one.version): one for one in statuses if one.version}
        found = list[Listed]()
        for name, version in self._servable(school_id):
            if version is None:
                status = by_name.get(name, serving.ModelStatus(name, "pulled"))
            else:
                at_rest = serving.ModelStatus(name, "pulled", version=version.uri, school_id=version.school_id)
                status = replace(by_version.get((version.school_id, version.uri), at_rest), model=name)
            found.append(Listed(status, version))
        return found

    def _servable(self, school_id: str) -> list[tuple[str, catalogue.Version | None]]:
        if isinstance(self._locator, catalogue.Naming):
            return [(one.name, one.version) for one in self._locator.servable(school_id)]
        return [(name, None) for name in self._locator.known(school_id)]

    def forget(self) -> None:
        """An alias moved: look again at the next call instead of within two seconds. From any thread."""
        self._memory = _Memory()

    def _look(self, school_id: str, name: str) -> asyncio.Task[_Found]:
        """Look once for everybody who waits for the same name."""
        key, memory = (school_id, name), self._memory
        if (asking := memory.asking.get(key)) is None:
            asking = memory.asking[key] = asyncio.create_task(asyncio.to_thread(self._find, school_id, name))
            asking.add_done_callback(lambda task: _asked(memory, key, task))
        return asking

    def _find(self, school_id: str, name: str) -> _Found:
        until = time.monotonic() + _FRESH_S
        try:
            model = self._locator.locate(name, school_id)
        except catalogue.NotPulled as absent:
            progress = self._locator.pull_progress(name)
            if progress is None or progress.finished:
                raise
            share = progress.bytes_done / max(1, progress.bytes_total)
            raise serving.Loading(
                f"model {name!r} is still being pulled: {share:.0%}",
                fix="wait a little, or use a smaller model",
                retry_after_s=5,
            ) from absent
        return _Found(until, model, extras.missing(model.runner))


def _asked(memory: _Memory, key: tuple[str, str], task: asyncio.Task[_Found]) -> None:
    del memory.asking[key]
    if task.cancelled() or task.exception() is not None:  # asked for it: it may be that nobody waits any more
        return
    if len(memory.found) >= _REMEMBERED:
        memory.found.clear()
    memory.found[key] = task.result()
