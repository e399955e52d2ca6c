"""Ask another server that speaks OpenAI's API: vLLM, Ollama, a cloud. Personal data can be masked first.

Another upstream is asked only as long as nothing was said: a half answer is never glued to a second one.
"""

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import httpx

from shuyuan.maas.runners import interface, remotefile, remotemask, remotewire, upstreams

_TASKS = {"chat": "messages", "complete": "prompt", "embed": "texts"}
_SLOTS = 64  # waiting costs nothing here
_CONNECT_S = 5.0
_LOOK_S = 0.05  # how often a waiting answer looks at `cancelled`
_MAX_TEXTS = 2_048

_Said = interface.Chunk | BaseException


class RemoteRunner:
    """One model somewhere else."""

    batches_itself: ClassVar[bool] = True
    slots = _SLOTS

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()
        self._load_s = 0.0
        self._requests = self._prompt_tokens = self._completion_tokens = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read the file that names the upstreams; nobody is called yet."""
        started = time.perf_counter()
        self._file = remotefile.read(path)
        self._pool = upstreams.Pool(self._file.upstreams)
        self._loop = asyncio.new_event_loop()
        timeout = httpx.Timeout(self._file.timeout_s, connect=min(_CONNECT_S, self._file.timeout_s))
        limits = httpx.Limits(max_connections=_SLOTS, max_keepalive_connections=_SLOTS)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False, trust_env=False)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="remote")
        self._thread.start()
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """Pass the upstream's stream on. Raises UpstreamFailed, BadPayload."""
        if task not in _TASKS:
            raise interface.UnsupportedTask(f"a remote model cannot {task}", fix=f"ask for {', '.join(_TASKS)}")
        if self._loop is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        _check(task, payload)
        hidden, answer = remotemask.hide(payload)
        usage = interface.Usage(prompt_tokens=0)
        try:
            for chunk in self._passed_on(task, hidden, cancelled):
                usage = chunk.usage or usage
                yield from answer.show(chunk) if answer else (chunk,)
        finally:
            self._count(usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, self._prompt_tokens, self._completion_tokens)

    def close(self) -> None:
        """Close the connections."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._client.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()

    def _passed_on(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        if self._loop is None or cancelled.is_set():
            yield interface.Chunk(finish_reason="cancelled", usage=interface.Usage(prompt_tokens=0))
            return
        arrived: queue.SimpleQueue[_Said] = queue.SimpleQueue()
        asking = asyncio.run_coroutine_threadsafe(self._ask(task, payload, arrived), self._loop)
        usage = interface.Usage(prompt_tokens=0)
        try:
            while not cancelled.is_set():
                try:
                    said = arrived.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                if isinstance(said, BaseException):
                    raise said
                usage = said.usage or usage
                yield said
                if said.finish_reason:
                    return
        finally:
            asking.cancel()
        yield interface.Chunk(finish_reason="cancelled", usage=usage)

    async def _ask(self, task: str, payload: interface.Payload, arrived: "queue.SimpleQueue[_Said]") -> None:
        try:
            async for chunk in self._answer(task, payload):
                arrived.put(chunk)
        except Exception as wrong:  # handed to the reader, which raises it
            arrived.put(wrong)

    async def _answer(self, task: str, payload: interface.Payload) -> AsyncGenerator[interface.Chunk, None]:
        """Ask one upstream after the other until one speaks."""
        self._pool.earn()
        tried: list[upstreams.Upstream] = []
        said_something, why = False, "every upstream rests after failures"
        while upstream := self._pool.choose(tried):
            tried.append(upstream)
            try:
                async with contextlib.aclosing(self._stream(task, payload, upstream)) as chunks:
                    async for chunk in chunks:
                        said_something = True
                        yield chunk
                self._pool.succeeded(upstream)
                return
            except remotewire.Broke as wrong:
                self._pool.failed(upstream, wrong.rest_s)
                why = str(wrong)
            except interface.BadPayload:
                self._pool.succeeded(upstream)
                raise
            finally:
                self._pool.left(upstream)
            if said_something or len(tried) > self._file.retries or not self._pool.spend():
                break
        wait_s = max(self._pool.rest_s(), 1.0)
        raise interface.UpstreamFailed(f"{why} ({len(tried)} asked)", fix="ask again later", retry_after_s=wait_s)

    async def _stream(
        self, task: str, payload: interface.Payload, upstream: upstreams.Upstream
    ) -> AsyncGenerator[interface.Chunk, None]:
        path, body = remotewire.request(task, payload, upstream.model)
        headers = remotewire.headers(upstream, os.environ)
        try:
            async with self._client.stream("POST", upstream.url + path, json=body, headers=headers) as answer:
                await remotewire.check(answer)
                if task == "embed":
                    yield await remotewire.embeddings(answer, payload["texts"])  # type: ignore[arg-type]  # checked
                    return
                async for chunk in _chunks(answer):
                    yield chunk
        except httpx.TimeoutException as wrong:
            raise remotewire.Broke(f"the upstream was silent for {self._file.timeout_s:g} s") from wrong
        except (httpx.HTTPError, httpx.StreamError) as wrong:
            raise remotewire.Broke(f"the upstream's connection failed: {type(wrong).__name__}") from wrong

    def _count(self, usage: interface.Usage) -> None:
        with self._guard:
            self._requests += 1
            self._prompt_tokens += usage.prompt_tokens
            self._completion_tokens += usage.completion_tokens


async def _chunks(answer: httpx.Response) -> AsyncIterator[interface.Chunk]:
    """Deltas as they come; the reason is kept back until the count has come, which is after it."""
    usage, reason = interface.Usage(prompt_tokens=0), None
    async for event in remotewire.events(answer):
        chunk, usage = remotewire.read(event, usage)
        if chunk is None:
            continue
        reason = chunk.finish_reason or reason
        if chunk.text or chunk.data:
            yield interface.Chunk(text=chunk.text, data=chunk.data, usage=usage)
    if reason is None:
        raise remotewire.Broke("the upstream ended without a reason")
    yield interface.Chunk(finish_reason=reason, usage=usage)


def _check(task: str, payload: interface.Payload) -> None:
    value = payload.get(_TASKS[task])
    if task == "complete":
        fits = isinstance(value, str) and bool(value)
    else:
        kind = dict if task == "chat" else str
        fits = isinstance(value, list) and 0 < len(value) <= _MAX_TEXTS and all(isinstance(v, kind) for v in value)
    if not fits:
        raise interface.BadPayload(f"{_TASKS[task]} is missing, empty or of another kind", fix=f"send {_TASKS[task]}")
