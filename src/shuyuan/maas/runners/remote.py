"""Ask another server that speaks OpenAI's API: vLLM, Ollama, a cloud. Personal data is masked first.

E-mail addresses, telephone and id numbers never leave, unless the file says that its upstreams are trusted.
Another upstream is asked only as long as nothing was said: a half answer is never glued to a second one.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import aiohttp

from shuyuan.maas.runners import (
    interface,
    ownloop,
    remotebody,
    remotefile,
    remotemask,
    remotenames,
    remotewire,
    upstreams,
)

_TASKS = {"chat": "messages", "complete": "prompt", "embed": "texts", "draw": "prompt"}
_SLOTS = 64  # waiting costs nothing here
_CONNECT_S = 5.0
_MAX_TEXTS = 2_048
_MAX_PICTURES = 4


class RemoteRunner:
    """One model somewhere else."""

    batches_itself: ClassVar[bool] = True
    slots = _SLOTS

    def __init__(self) -> None:
        self._loaded = False
        self._own: ownloop.OwnLoop | None = None  # for callers without an event loop
        self._clients: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._guard = threading.Lock()
        self._load_s = 0.0
        self._requests = self._prompt_tokens = self._completion_tokens = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read the file that names the upstreams; nobody is called yet."""
        started = time.perf_counter()
        self._file = remotefile.read(path)
        self._pool = upstreams.Pool(self._file.upstreams)
        self._loaded = True
        self._load_s = time.perf_counter() - started

    async def answer(self, task: str, payload: interface.Payload) -> AsyncGenerator[interface.Chunk, None]:
        """Pass the upstream's stream on. Raises UpstreamFailed, BadPayload, UnsupportedTask."""
        self._begin(task, payload)
        hidden, shown = await remotemask.hide(payload, trusted=self._file.trusted)
        usage, counted = interface.Usage(prompt_tokens=0), False
        try:
            async with contextlib.aclosing(self._ask(task, hidden)) as chunks:
                async for chunk in chunks:
                    usage = chunk.usage or usage
                    if chunk.finish_reason:
                        self._count(usage)
                        counted = True
                    for piece in shown.show(chunk) if shown else (chunk,):
                        yield piece
        finally:
            if not counted:
                self._count(usage)

    async def leave(self) -> None:
        """Close the connections of this loop."""
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            await client.close()

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """`answer`, for a caller without an event loop."""
        if cancelled.is_set():
            yield interface.Chunk(finish_reason="cancelled", usage=interface.Usage(prompt_tokens=0))
            return
        with self._guard:
            self._own = self._own or ownloop.OwnLoop()
        yield from self._own.iterate(self.answer(task, payload), cancelled)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, self._prompt_tokens, self._completion_tokens)

    def close(self) -> None:
        """Close the connections that `submit` opened."""
        self._loaded = False
        own, self._own = self._own, None
        if own:
            own.close(self.leave())

    def _begin(self, task: str, payload: interface.Payload) -> None:
        if task not in _TASKS:
            raise interface.UnsupportedTask(f"a remote model cannot {task}", fix=f"ask for {', '.join(_TASKS)}")
        if not self._loaded:
            raise interface.BadPayload("the model is closed", fix="load it again")
        _check(task, payload)

    def _client(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            silence_s = self._file.timeout_s
            self._clients[loop] = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(sock_connect=min(_CONNECT_S, silence_s), sock_read=silence_s),
                connector=aiohttp.TCPConnector(limit=_SLOTS, resolver=remotenames.Resolver()),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._clients[loop]

    async def _ask(self, task: str, payload: interface.Payload) -> AsyncGenerator[interface.Chunk, None]:
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
        asked = self._client().post(upstream.url + path, json=body, headers=headers, allow_redirects=False)
        try:
            async with asked as answer:
                await remotewire.check(answer)
                if task == "embed":
                    yield await remotebody.embeddings(answer, payload["texts"])  # type: ignore[arg-type]  # checked
                    return
                if task == "draw":
                    yield await remotebody.pictures(answer, int(str(payload.get("n") or 1)))
                    return
                async for chunk in _chunks(answer):
                    yield chunk
        except TimeoutError as wrong:
            raise remotewire.Broke(f"the upstream was silent for {self._file.timeout_s:g} s") from wrong
        except aiohttp.ClientError as wrong:
            raise remotewire.Broke(f"the upstream's connection failed: {type(wrong).__name__}") from wrong

    def _count(self, usage: interface.Usage) -> None:
        with self._guard:
            self._requests += 1
            self._prompt_tokens += usage.prompt_tokens
            self._completion_tokens += usage.completion_tokens


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[interface.Chunk]:
    """Deltas as they come, those of one network read together; the reason is kept until the count has come."""
    usage, reason = interface.Usage(prompt_tokens=0), None
    async for events in remotewire.events(answer):
        words: list[str] = []
        for event in events:
            chunk, usage = remotewire.read(event, usage)
            if chunk is None:
                continue
            reason = chunk.finish_reason or reason
            words.append(chunk.text)
            if chunk.data:
                yield interface.Chunk(text="".join(words), data=chunk.data, usage=usage)
                words.clear()
        if text := "".join(words):
            yield interface.Chunk(text=text, usage=usage)
    if reason is None:
        raise remotewire.Broke("the upstream ended without a reason")
    yield interface.Chunk(finish_reason=reason, usage=usage)


def _check(task: str, payload: interface.Payload) -> None:
    value = payload.get(_TASKS[task])
    if task in ("complete", "draw"):
        fits = isinstance(value, str) and bool(value)
        if task == "draw":
            count = payload.get("n") or 1
            fits = fits and isinstance(count, int) and 1 <= count <= _MAX_PICTURES
    else:
        kind = dict if task == "chat" else str
        fits = isinstance(value, list) and 0 < len(value) <= _MAX_TEXTS and all(isinstance(v, kind) for v in value)
    if not fits:
        raise interface.BadPayload(f"{_TASKS[task]} is missing, empty or of another kind", fix=f"send {_TASKS[task]}")
