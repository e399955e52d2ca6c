"""The engine on this machine: finds the lane of a model and streams through it."""

import asyncio
import functools
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import fairness, interface, placement
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.lane import Lane
from shuyuan.maas.serving.lookup import Lookup
from shuyuan.maas.serving.residency import Budget
from shuyuan.maas.serving.shelf import Found, Shelf, at_rest

_DEADLINE_S = 300.0
_MAX_QUEUE = 64  # requests waiting per model; a full class presses Enter at once and then some
_EMBED_TEXTS = 64  # per request to the worker, so that others get a turn
_CLASS_WEIGHT = 4.0  # of a class (priority 1) against any other group
_RETIRE_LOOK_S = 0.1


class LocalEngine:
    """Runs models in worker processes of this machine. Nothing starts before the first call.

    max_queue: requests that may wait for one model; where requests share passes, four times as many items.
    memory_bytes: for all models together; None: 70 % of what is available now.
    """

    def __init__(
        self, locator: catalogue.Locator, *, max_queue: int = _MAX_QUEUE, memory_bytes: int | None = None
    ) -> None:
        self._locator, self._max_queue = locator, max_queue
        self._lookup, self._shelf = Lookup(locator), Shelf(locator)
        self._workers = placement.Workers()
        self._budget = Budget(memory_bytes)
        self._lanes: dict[str, Lane] = {}  # by key
        self._names: dict[tuple[str, str], str] = {}  # (whose version it is, asked name) → key last served
        self._going: dict[str, Lane] = {}  # freed once idle
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(
        self,
        model: str,
        task: str,
        payload: runners.Payload,
        *,
        asker: interface.Asker = interface.ANYONE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[runners.Chunk, None]:
        """See Engine.submit."""
        lane, call = await self._enter(model, task, payload, asker, deadline_s)
        try:
            while True:
                chunk = await call.next()
                yield chunk
                if chunk.finish_reason:
                    return
        finally:
            lane.leave(call)

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        truncate: runners.Truncate = "mean",
        asker: interface.Asker = interface.ANYONE,
        deadline_s: float | None = None,
    ) -> interface.Embeddings:
        """See Engine.embed."""
        rows: list[NDArray[np.float32]] = []
        prompt_tokens = 0
        for at in range(0, max(len(texts), 1), _EMBED_TEXTS):
            part = {"texts": list(texts[at : at + _EMBED_TEXTS]), "kind": kind, "truncate": truncate}
            chunk = await self._only_chunk(model, "embed", part, asker, deadline_s)
            rows.append(runners.unpack_tensor(chunk.tensors["embeddings"]).astype(np.float32, copy=False))
            prompt_tokens += chunk.usage.prompt_tokens if chunk.usage else 0
        return interface.Embeddings(rows[0] if len(rows) == 1 else np.concatenate(rows), prompt_tokens)

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, NDArray[np.generic]],
        *,
        asker: interface.Asker = interface.ANYONE,
        deadline_s: float | None = None,
    ) -> dict[str, NDArray[np.generic]]:
        """See Engine.predict."""
        payload = {"inputs": {name: runners.pack_tensor(array) for name, array in inputs.items()}}
        chunk = await self._only_chunk(model, "predict", payload, asker, deadline_s)
        return {name: runners.unpack_tensor(tensor) for name, tensor in chunk.tensors.items()}

    async def warm(self, model: str, *, school_id: str = catalogue.SHARED, replicas: int | None = None) -> None:
        """See Engine.warm."""
        await (await self._lane(model, school_id)).ready(replicas)

    async def unload(self, model: str, *, school_id: str = catalogue.SHARED) -> None:
        """See Engine.unload."""
        await (await self._lane(model, school_id)).unload()

    async def pin(self, model: str, pinned: bool = True, *, school_id: str = catalogue.SHARED) -> None:
        """See Engine.pin."""
        (await self._lane(model, school_id)).pin(pinned)

    async def keep_alive(self, model: str, seconds: float | None, *, school_id: str = catalogue.SHARED) -> None:
        """See Engine.keep_alive."""
        (await self._lane(model, school_id)).keep_alive(seconds)

    def status(self) -> list[interface.ModelStatus]:
        """See Engine.status."""
        shelf = self._shelf.look()
        names = dict.fromkeys([*((catalogue.SHARED, name) for name in shelf), *self._names])
        return [self._status_of(*name, shelf) for name in names]

    def check_room(self, key: str) -> None:
        """See Bounded.check_room."""
        if (lane := self._lanes.get(key)) is None:
            return
        try:
            lane.check_room(1)
        except interface.Overloaded as full:
            full.alone = not any(other.busy for other in self._lanes.values() if other is not lane)
            raise

    def residency(self) -> interface.Residency:
        """See Engine.residency."""
        names = {key: name for (_, name), key in list(self._names.items())}
        lanes = [lane for lane in list(self._lanes.values()) if self._budget.taken_by(lane)]
        lanes.sort(key=lambda lane: lane.used_at)
        models = [lane.status(names.get(lane.model.key, lane.name)) for lane in lanes]
        return interface.Residency(self._budget.budget_bytes, self._budget.used_bytes, models)

    def forget(self) -> None:
        """See Engine.forget."""
        self._lookup.forget()
        self._shelf.forget()

    async def close(self) -> None:
        """See Engine.close."""
        self._closed = True
        for lane in (*self._lanes.values(), *self._going.values()):
            lane.close(_closed())
        for task in self._retiring:
            task.cancel()
        await self._workers.close()

    async def _enter(
        self,
        model: str,
        task: str,
        payload: runners.Payload,
        asker: interface.Asker,
        deadline_s: float | None,
    ) -> tuple[Lane, Call]:
        lane = await self._lane(model, asker.school_id, asker.version)
        call = Call(task, payload, _flow(asker), _items(task, payload))
        lane.enter(call, _DEADLINE_S if deadline_s is None else deadline_s)
        return lane, call

    async def _only_chunk(
        self,
        model: str,
        task: str,
        payload: runners.Payload,
        asker: interface.Asker,
        deadline_s: float | None,
    ) -> runners.Chunk:
        lane, call = await self._enter(model, task, payload, asker, deadline_s)
        try:
            return await call.next()
        finally:
            lane.leave(call)

    async def _lane(self, model: str, school_id: str, version: str = "") -> Lane:
        """Of what the name stands for; of `version` where that is another one."""
        if self._closed:
            raise _closed()
        found = self._lookup.recent(model, school_id)
        if found is None:
            found = await self._lookup.find(model, school_id)
            if self._closed:
                raise _closed()
            self._name(model, found)
        if version and found.version != version:
            return await self._lane_of(version, found.school_id)
        return self._lanes[found.key]

    async def _lane_of(self, version: str, school_id: str) -> Lane:
        """Of a version that was located before its name moved on: the one that goes, or one made for this call."""
        for lane in (*self._going.values(), *self._lanes.values()):
            if lane.model.version == version and lane.model.school_id == school_id:
                return lane
        lane = Lane(await self._lookup.find(version, school_id), self._workers, self._budget, self._max_queue)
        return self._going.get(lane.model.key) or self._free_when_idle(lane)

    def _name(self, model: str, found: catalogue.Loadable) -> None:
        """Remember what a name stands for; a version that no name stands for any more is freed."""
        name = (found.school_id, model)
        before = self._names.get(name)
        if found.key not in self._lanes:
            lane = self._lanes[found.key] = Lane(found, self._workers, self._budget, self._max_queue)
            if before:
                lane.follow(self._lanes[before])
        self._names[name] = found.key
        if before and before not in self._names.values():
            self._lookup.forget()  # other schools may still have found the one that goes
            self._retire(before)

    def _retire(self, key: str) -> None:
        """Free a version once it is idle."""

        lane = self._lanes.pop(key)
        lane.pin(False)  # its place is the newer one's
        self._free_when_idle(lane)

    def _free_when_idle(self, lane: Lane) -> Lane:
        """No name leads here any more, but calls that were located before still may."""

        async def when_idle() -> None:
            await asyncio.sleep(_RETIRE_LOOK_S)  # who is given the lane just now has to get in
            while lane.busy:
                await asyncio.sleep(_RETIRE_LOOK_S)
            del self._going[key]
            await lane.unload()

        key = lane.model.key
        self._going[key] = lane
        task = asyncio.create_task(when_idle())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        return lane

    def _status_of(self, school_id: str, name: str, shelf: Mapping[str, Found]) -> interface.ModelStatus:
        lane = self._lanes.get(self._names.get((school_id, name), ""))
        if lane and lane.state != "pulled":
            return lane.status(name)
        progress = self._locator.pull_progress(name)
        if progress and not progress.finished:
            share = progress.bytes_done / progress.bytes_total
            return interface.ModelStatus(name, "pulling", reason=progress.stage, progress=share)
        if lane:
            return lane.status(name)
        return at_rest(name, shelf.get(name), progress)


@functools.lru_cache(maxsize=4096)
def _flow(asker: interface.Asker) -> fairness.Flow:
    return fairness.Flow(
        group=f"{asker.school_id}/{asker.group}",
        person=f"{asker.school_id}/{asker.person}",
        exam=asker.priority == 0,
        weight=_CLASS_WEIGHT if asker.priority == 1 else 1.0,
    )


def _items(task: str, payload: runners.Payload) -> int:
    """What a request weighs: texts, or the rows of its first tensor."""
    if task == "embed":
        texts = payload.get("texts")
        return len(texts) or 1 if isinstance(texts, list) else 1
    if task == "predict" and isinstance(inputs := payload.get("inputs"), Mapping):
        first = next(iter(inputs.values()), None)
        shape = first.get("shape") if isinstance(first, Mapping) else None
        return max(1, int(shape[0])) if isinstance(shape, list) and shape else 1
    return 1


def _closed() -> interface.Closed:
    return interface.Closed("this server is shutting down", fix="try again shortly")
