"""The engine on this machine: finds the lane of a model and streams through it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface, placement
from shuyuan.maas.serving.lane import Deadline, Lane
from shuyuan.maas.serving.worker import WorkerDied

_DEADLINE_S = 300.0
_MAX_QUEUE = 64  # requests waiting per model; a full class presses Enter at once and then some
_EMBED_TEXTS = 64  # per request to the worker, so that others get a turn


class LocalEngine:
    """Runs models in worker processes of this machine. Nothing starts before the first call."""

    def __init__(self, locator: catalogue.Locator, *, max_queue: int = _MAX_QUEUE) -> None:
        self._locator, self._max_queue = locator, max_queue
        self._workers = placement.Workers()
        self._lanes: dict[str, Lane] = {}  # by version
        self._versions: dict[str, str] = {}  # name → version last served
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(
        self, model: str, task: str, payload: runners.Payload, *, deadline_s: float | None = None
    ) -> AsyncGenerator[runners.Chunk, None]:
        """See Engine.submit."""
        deadline = Deadline(_DEADLINE_S if deadline_s is None else deadline_s)
        for last_try in (False, True):
            given = False
            lane = await self._lane(model)
            try:
                async with contextlib.aclosing(lane.stream(task, payload, deadline)) as chunks:
                    async for chunk in chunks:
                        given = True
                        yield chunk
                return
            except WorkerDied as died:
                if given or last_try or self._closed:
                    raise self._lost(model) from died

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        kind: Literal["query", "passage"] = "passage",
        deadline_s: float | None = None,
    ) -> interface.Embeddings:
        """See Engine.embed."""
        rows: list[NDArray[np.float32]] = []
        prompt_tokens = 0
        for at in range(0, max(len(texts), 1), _EMBED_TEXTS):
            part = {"texts": list(texts[at : at + _EMBED_TEXTS]), "kind": kind}
            chunk = await self._only_chunk(model, "embed", part, deadline_s)
            rows.append(runners.unpack_tensor(chunk.tensors["embeddings"]).astype(np.float32, copy=False))
            prompt_tokens += chunk.usage.prompt_tokens if chunk.usage else 0
        return interface.Embeddings(np.concatenate(rows), prompt_tokens)

    async def predict(
        self, model: str, inputs: Mapping[str, NDArray[np.generic]], *, deadline_s: float | None = None
    ) -> dict[str, NDArray[np.generic]]:
        """See Engine.predict."""
        payload = {"inputs": {name: runners.pack_tensor(array) for name, array in inputs.items()}}
        chunk = await self._only_chunk(model, "predict", payload, deadline_s)
        return {name: runners.unpack_tensor(tensor) for name, tensor in chunk.tensors.items()}

    async def warm(self, model: str) -> None:
        """See Engine.warm."""
        await (await self._lane(model)).ready()

    async def unload(self, model: str) -> None:
        """See Engine.unload."""
        await (await self._lane(model)).unload()

    def status(self) -> list[interface.ModelStatus]:
        """See Engine.status."""
        names = dict.fromkeys([*self._locator.known(), *self._versions])
        return [self._status_of(name) for name in names]

    async def close(self) -> None:
        """See Engine.close."""
        self._closed = True
        for lane in self._lanes.values():
            lane.close()
        for task in self._retiring:
            task.cancel()
        await self._workers.close()

    async def _lane(self, model: str) -> Lane:
        if self._closed:
            raise interface.Closed("this server is shutting down", fix="try again shortly")
        try:
            found = await asyncio.to_thread(self._locator.locate, model)
        except catalogue.NotPulled as absent:
            self._raise_if_pulling(model, absent)
            raise
        lane = self._lanes.setdefault(found.version, Lane(found, self._workers, self._max_queue))
        before = self._versions.get(model)
        self._versions[model] = found.version
        if before and before not in self._versions.values():
            self._retire(before)
        return lane

    def _raise_if_pulling(self, model: str, absent: catalogue.NotPulled) -> None:
        progress = self._locator.pull_progress(model)
        if progress and not progress.finished:
            percent = 100 * progress.bytes_done // progress.bytes_total
            raise interface.Loading(
                f"model {model!r} is being pulled: {percent} %", fix="try again when it has arrived", retry_after_s=10
            ) from absent

    def _retire(self, version: str) -> None:
        """Free a version that no name points to any more, once it is idle."""

        async def when_idle(lane: Lane) -> None:
            while lane.in_flight or lane.waiting:
                await asyncio.sleep(0.1)
            await lane.unload()

        task = asyncio.create_task(when_idle(self._lanes.pop(version)))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _only_chunk(
        self, model: str, task: str, payload: runners.Payload, deadline_s: float | None
    ) -> runners.Chunk:
        async with contextlib.aclosing(self.submit(model, task, payload, deadline_s=deadline_s)) as chunks:
            return await anext(chunks)

    def _status_of(self, name: str) -> interface.ModelStatus:
        lane = self._lanes.get(self._versions.get(name, ""))
        if lane and lane.state != "pulled":
            return lane.status(name)
        progress = self._locator.pull_progress(name)
        if progress and not progress.finished:
            share = progress.bytes_done / progress.bytes_total
            return interface.ModelStatus(name, "pulling", reason=progress.stage, progress=share)
        try:
            found = self._locator.locate(name)
        except catalogue.NotPulled:
            failed = progress is not None and progress.stage == "failed"
            return interface.ModelStatus(name, "failed" if failed else "absent", progress.error if progress else "")
        except catalogue.HashMismatch as wrong:
            return interface.ModelStatus(name, "failed", reason=wrong.message)
        return interface.ModelStatus(name, "pulled", version=found.version)

    def _lost(self, model: str) -> Exception:
        if self._closed:
            return interface.Closed("this server is shutting down", fix="try again shortly")
        return interface.WorkerLost(
            f"the worker of {model!r} ended while answering", fix="send the request again", retry_after_s=1
        )
