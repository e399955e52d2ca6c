"""Run a GGUF language model with llama.cpp, several streams at once (it batches them itself).

llama.cpp's server insists on a listener: it gets a socket file in a private folder, never a port, and
the file is deleted once the server is up, so that nobody can connect.
"""

import contextlib
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from shuyuan.maas.runners import interface, llamaevents, llamaprobe, llamarequest, llamatools, llamawords

# How often an idle OpenMP thread looks before it sleeps; read once, when llama.cpp is loaded. Two cores, tiny
# model, tokens/s alone and beside four busy processes: 1000 gives 117 and 28, the default 107 and 3 to 8.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import xllamacpp

_BATCH_TOKENS = 128  # prompt tokens between two looks at `cancelled`
_SLOTS = 4  # streams at once; on two cores four give 1.6 times the tokens per second of two
_MAX_SLOTS = 32
_PIECE_S = 0.04  # between two pieces of a stream: 25 a second read smoothly, and every one takes time from the model
_QUIET = -1
_WORDS = ("tokenize", "detokenize")

_Handle = Callable[[dict[str, object], Callable[[llamaevents.Event], bool]], None]


class LlamaRunner:
    """One GGUF model in this process."""

    batches_itself: ClassVar[bool] = True
    slots = _SLOTS

    def __init__(self) -> None:
        self._server: xllamacpp.Server | None = None
        self._guard = threading.Lock()
        self._grammars = llamaprobe.Probe(self._completed)
        self._load_s = 0.0
        self._requests = self._prompt_tokens = self._completion_tokens = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read a verified GGUF file; each stream gets `context_tokens` of context.

        spec: `slots`, streams at once (1 to 32, default 4); each costs the memory of its context.
        """
        started = time.perf_counter()
        self.slots = _slots(spec)
        params = server_params(path, context_tokens=context_tokens, slots=self.slots, threads=threads)
        with tempfile.TemporaryDirectory(prefix="shuyuan-llama-") as folder:
            params.hostnames = [str(Path(folder) / "llama.sock")]
            try:
                self._server = xllamacpp.Server(params)
            except RuntimeError as wrong:
                raise interface.BadModelFile(f"{path.name}: {wrong}", fix="pull the model again") from wrong
            self._words = llamawords.Words(Path(folder) / "llama.sock")
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """Stream an answer (`chat`) or a continuation (`complete`) as text deltas; or count (`tokenize`)."""
        if task not in ("chat", "complete", *_WORDS):
            raise interface.UnsupportedTask(f"a language model cannot {task}", fix="ask for chat or complete")
        if self._server is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        if task in _WORDS:
            yield self._counted(task, payload, cancelled)
            return
        request = llamarequest.chat(payload) if task == "chat" else llamarequest.completion(payload)
        if isinstance(grammar := request.get("grammar"), str):
            self._grammars.require(grammar, cancelled)
        handle = self._server.handle_chat_completions if task == "chat" else self._server.handle_completions
        stream = _Stream(handle, request, cancelled)
        forced = task == "chat" and llamatools.read(payload)[1]
        try:
            yield from llamatools.called(iter(stream)) if forced else stream
        finally:
            stream.stop()
            self._count(stream.usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, self._prompt_tokens, self._completion_tokens)

    def close(self) -> None:
        """Free the model."""
        if self._server is not None:
            self._words.close()
        self._server = None

    def _completed(self, request: dict[str, object], cancelled: interface.Cancellation) -> Iterator[interface.Chunk]:
        """Beside the calls of others, and on nobody's count."""
        if self._server is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        stream = _Stream(self._server.handle_completions, request, cancelled)
        try:
            yield from stream
        finally:
            stream.stop()

    def _counted(self, task: str, payload: interface.Payload, cancelled: interface.Cancellation) -> interface.Chunk:
        if cancelled.is_set():
            return interface.Chunk(finish_reason="cancelled", usage=interface.Usage(prompt_tokens=0))
        chunk = self._words.answer(task, payload)
        self._count(chunk.usage or interface.Usage(prompt_tokens=0))
        return chunk

    def _count(self, usage: interface.Usage) -> None:
        with self._guard:
            self._requests += 1
            self._prompt_tokens += usage.prompt_tokens
            self._completion_tokens += usage.completion_tokens


def server_params(path: Path, *, context_tokens: int, slots: int = _SLOTS, threads: int = 0) -> xllamacpp.CommonParams:
    """How llama.cpp is set up here: `slots` streams at once, each with its own context. threads 0: its default."""
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel = context_tokens * slots, slots
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cache_ram_mib = 0  # its default keeps up to 8 GiB of old prompts
    params.verbosity = _QUIET
    params.ui = params.endpoint_slots = params.endpoint_props = False
    if threads:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    return params


class _Stream:
    """Turns llama.cpp's callback into an iterator. The callback's True stops the generation.

    The first token is told at once, those after it together every `_PIECE_S`, the end at once.
    """

    def __init__(self, handle: _Handle, request: dict[str, object], cancelled: interface.Cancellation) -> None:
        self.usage = interface.Usage(prompt_tokens=0)
        self._handle, self._request, self._cancelled = handle, request, cancelled
        self._left, self._over = threading.Event(), threading.Event()
        self._events: queue.SimpleQueue[llamaevents.Event | BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._generate, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[interface.Chunk]:
        reason: interface.FinishReason = "cancelled"
        for events in self._arrived():
            text = ""
            for event in events:
                if isinstance(event, BaseException):
                    raise interface.BadPayload(str(event)[:500], fix="mend the request") from event
                llamaevents.raise_if_error(event)
                self.usage = llamaevents.count(event, self.usage)
                said, data, finished = llamaevents.read(event)
                text, reason = text + said, finished or reason
                if data:
                    yield interface.Chunk(text=text, data=data, usage=self.usage)
                    text = ""
            if text:
                yield interface.Chunk(text=text, usage=self.usage)
                self._over.wait(_PIECE_S)
        yield interface.Chunk(finish_reason=reason, usage=self.usage)

    def stop(self) -> None:
        """Return once llama.cpp has let go of this stream."""
        self._left.set()
        self._thread.join()

    def _arrived(self) -> Iterator[list[llamaevents.Event | BaseException]]:
        """Whatever lies there, at least one event, until the end."""
        while True:
            events = [self._events.get()]
            with contextlib.suppress(queue.Empty):
                while True:
                    events.append(self._events.get_nowait())
            yield [event for event in events if event is not None]
            if events[-1] is None:
                return

    def _generate(self) -> None:
        try:
            self._handle(self._request, self._on_event)
        except Exception as wrong:  # handed to the reader, which raises it
            self._events.put(wrong)
        self._events.put(None)
        self._over.set()

    def _on_event(self, event: llamaevents.Event) -> bool:
        self._events.put(event)
        return self._left.is_set() or self._cancelled.is_set()


def _slots(spec: Mapping[str, object]) -> int:
    slots = spec.get("slots", _SLOTS)
    if not isinstance(slots, int) or isinstance(slots, bool) or not 1 <= slots <= _MAX_SLOTS:
        raise interface.BadModelFile(f"spec.slots must be 1 to {_MAX_SLOTS}, got {slots!r}", fix="mend the version")
    return slots
