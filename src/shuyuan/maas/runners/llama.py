"""Run a GGUF chat model with llama.cpp, several streams at once (it batches them itself).

llama.cpp's server insists on a listener: it gets a socket file in a private folder, never a port, and
the file is deleted once the server is up, so that nobody can connect.
"""

import contextlib
import os
import queue
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from shuyuan.maas.runners import interface

# How often an idle OpenMP thread looks before it sleeps; read once, when llama.cpp is loaded. Two cores, tiny
# model, tokens/s alone and beside four busy processes: 1000 gives 117 and 28, the default 107 and 3 to 8.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import xllamacpp

_DEFAULTS: Mapping[str, object] = {"max_tokens": 512, "temperature": 0.7}
_OPTIONS = ("max_tokens", "temperature", "top_p", "stop", "seed")
_BATCH_TOKENS = 128  # prompt tokens between two looks at `cancelled`
_SLOTS = 4  # streams at once; on two cores four give 1.6 times the tokens per second of two
_QUIET = -1

Event = Mapping[str, object]


class LlamaRunner:
    """One GGUF model in this process."""

    batches_itself: ClassVar[bool] = True
    slots = _SLOTS

    def __init__(self) -> None:
        self._server: xllamacpp.Server | None = None
        self._guard = threading.Lock()
        self._load_s = 0.0
        self._requests = self._prompt_tokens = self._completion_tokens = 0

    def load(self, path: Path, *, context_tokens: int) -> None:
        """Read a verified GGUF file; each stream gets `context_tokens` of context."""
        started = time.perf_counter()
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel = context_tokens * self.slots, self.slots
        params.n_batch = params.n_ubatch = _BATCH_TOKENS
        params.cache_ram_mib = 0  # its default keeps up to 8 GiB of old prompts
        params.verbosity = _QUIET
        params.ui = params.endpoint_slots = params.endpoint_props = False
        with tempfile.TemporaryDirectory(prefix="shuyuan-llama-") as folder:
            params.hostnames = [str(Path(folder) / "llama.sock")]
            try:
                self._server = xllamacpp.Server(params)
            except RuntimeError as wrong:
                raise interface.BadModelFile(f"{path.name}: {wrong}", fix="pull the model again") from wrong
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """Stream a chat completion as text deltas."""
        if task != "chat":
            raise interface.UnsupportedTask(f"a chat model cannot {task}", fix="ask for task 'chat'")
        if self._server is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        stream = _Stream(self._server, _request(payload), cancelled)
        try:
            yield from stream
        finally:
            stream.stop()
            with self._guard:
                self._requests += 1
                self._prompt_tokens += stream.usage.prompt_tokens
                self._completion_tokens += stream.usage.completion_tokens

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, self._prompt_tokens, self._completion_tokens)

    def close(self) -> None:
        """Free the model."""
        self._server = None


class _Stream:
    """Turns llama.cpp's callback into an iterator. The callback's True stops the generation."""

    def __init__(self, server: xllamacpp.Server, request: dict[str, object], cancelled: interface.Cancellation) -> None:
        self.usage = interface.Usage(prompt_tokens=0)
        self._server, self._request, self._cancelled = server, request, cancelled
        self._left = threading.Event()
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._generate, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[interface.Chunk]:
        reason: interface.FinishReason = "cancelled"
        while (event := self._events.get()) is not None:
            if isinstance(event, BaseException):
                raise interface.BadPayload(str(event), fix="mend the request") from event
            _raise_if_error(event)
            self.usage = _count(event, self.usage)
            text, finished = _delta(event)
            reason = finished or reason
            if text:
                yield interface.Chunk(text=text, usage=self.usage)
        yield interface.Chunk(finish_reason=reason, usage=self.usage)

    def stop(self) -> None:
        """Return once llama.cpp has let go of this stream."""
        self._left.set()
        self._thread.join()

    def _generate(self) -> None:
        try:
            self._server.handle_chat_completions(self._request, self._on_event)
        except Exception as wrong:  # handed to the reader, which raises it
            self._events.put(wrong)
        self._events.put(None)

    def _on_event(self, event: Event) -> bool:
        self._events.put(event)
        return self._left.is_set() or self._cancelled.is_set()


def _request(payload: interface.Payload) -> dict[str, object]:
    if not isinstance(payload.get("messages"), list) or not payload["messages"]:
        raise interface.BadPayload("messages must be a list with at least one message", fix="send messages")
    options = {name: payload[name] for name in _OPTIONS if payload.get(name) is not None}
    return {
        **_DEFAULTS,
        **options,
        "messages": payload["messages"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # an event per prompt batch, so that a long prompt can be cancelled
        "timings_per_token": True,  # exact counts while the stream runs
    }


def _raise_if_error(event: Event) -> None:
    error = event.get("error")
    if not isinstance(error, Mapping):
        return
    message = str(error.get("message"))
    if error.get("type") == "exceed_context_size_error":
        raise interface.ContextTooLong(message, fix="shorten the messages or max_tokens")
    raise interface.BadPayload(message, fix="mend the request")


def _count(event: Event, known: interface.Usage) -> interface.Usage:
    usage, timings, progress = event.get("usage"), event.get("timings"), event.get("prompt_progress")
    if isinstance(usage, Mapping):
        return interface.Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]))
    if isinstance(timings, Mapping):
        prompt = int(timings["cache_n"]) + int(timings["prompt_n"])
        return interface.Usage(prompt, int(timings["predicted_n"]))
    if isinstance(progress, Mapping):
        return interface.Usage(int(progress["total"]), known.completion_tokens)
    return known


def _delta(event: Event) -> tuple[str, interface.FinishReason | None]:
    choices = event.get("choices")
    with contextlib.suppress(IndexError, TypeError):
        choice = choices[0]  # type: ignore[index]  # the last event has an empty list
        reason = choice["finish_reason"]
        return choice["delta"].get("content") or "", None if reason is None else _reason(reason)
    return "", None


def _reason(said: str) -> interface.FinishReason:
    return "length" if said == "length" else "stop"
