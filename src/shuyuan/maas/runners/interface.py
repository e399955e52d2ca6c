"""What every runner offers, and the payloads and chunks that cross the worker's socket."""

import functools
import importlib.metadata
import math
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol, TypedDict, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import errors

FinishReason = Literal["stop", "length", "cancelled"]

# only plain numbers cross the socket: nothing that could be unpickled
_DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")

# runner kind → dotted name, imported by the worker alone; other packages add theirs by entry point
RUNNERS: Mapping[str, str] = {
    "llama": "shuyuan.maas.runners.llama:LlamaRunner",
    "embed": "shuyuan.maas.runners.embed:EmbedRunner",
    "onnx": "shuyuan.maas.runners.onnx:OnnxRunner",
    "ocr": "shuyuan.maas.runners.ocr:OcrRunner",
    "whisper": "shuyuan.maas.runners.whisper:WhisperRunner",
    "torch": "shuyuan.maas.runners.torch:TorchRunner",
    "staged": "shuyuan.maas.runners.staged:StagedRunner",
    "remote": "shuyuan.maas.runners.remote:RemoteRunner",
    "espeak": "shuyuan.maas.runners.espeak:EspeakRunner",
}
ENTRY_POINTS = "shuyuan.runners"


class Message(TypedDict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Tensor(TypedDict):
    """An array on the wire: little-endian bytes with their numpy dtype and shape."""

    dtype: str
    shape: list[int]
    data: bytes


Payload = Mapping[str, object]
Truncate = Literal["none", "end", "mean"]  # a text longer than the model reads: refused, cut, or its windows averaged


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens in and out. An embedding has no completion."""

    prompt_tokens: int
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. `usage` is the count so far; the last piece carries `finish_reason`.

    data: what is neither text nor tensor, in plain JSON values: logprobs, tool_calls, lines, segments, tokens.
    """

    text: str = ""
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stats:
    """What a loaded model costs and has done."""

    load_s: float
    slots: int
    requests: int
    prompt_tokens: int
    completion_tokens: int


class Cancellation(Protocol):
    """Set by the worker when the reader has left or the deadline has passed."""

    def is_set(self) -> bool:
        """Stop as soon as you can."""
        ...


class Runner(Protocol):
    """One loaded model. `submit` is called from several threads, at most `slots` at a time.

    batches_itself: concurrent calls share one pass inside (llama.cpp); otherwise they take turns, or the
    worker batches them when the runner is a `BatchRunner` too.
    """

    batches_itself: ClassVar[bool]
    slots: int

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read a verified file; further files of the model are its siblings. Raises BadModelFile.

        spec: what the version says of itself (labels, image size …).  threads: how many to compute with;
        0: one per core this process may use.  A runner may leave out `spec` and `threads`.
        """
        ...

    def submit(self, task: str, payload: Payload, cancelled: Cancellation) -> Iterator[Chunk]:
        """Answer in chunks; the last has finish_reason and usage.

        Once `cancelled` is set, or the iterator is closed, the work stops and the last chunk, if it can
        still be given, says `cancelled`. Raises BadPayload, UnsupportedTask, ContextTooLong.
        """
        ...

    def stats(self) -> Stats:
        """Counters since load."""
        ...

    def close(self) -> None:
        """Free what was loaded; safe to call twice."""
        ...


class WaitingRunner(Runner, Protocol):
    """A Runner that computes nothing but waits for another machine: the server may await it on its own loop."""

    def answer(self, task: str, payload: Payload) -> AsyncGenerator[Chunk, None]:
        """`submit` for an event loop: closing it stops the work. Raises the same."""
        ...

    async def leave(self) -> None:
        """`close` for what `answer` opened on this loop."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One piece of work that may share a pass with pieces of other requests.

    length: what its cost grows with, and what padding wastes: tokens; 1 where all are alike.
    rows: how many rows of the pass it takes.  content: known to its runner alone.
    """

    length: int
    content: object
    rows: int = 1


@runtime_checkable
class BatchRunner(Protocol):
    """What a Runner offers on top so that the worker may answer several requests in one pass.

    The worker calls `split` as a request arrives, `run` with items of any requests, `join` when all items
    of a request are done; never two at a time. `batching` False: this file cannot; `submit` is used.
    """

    batching: bool

    def split(self, task: str, payload: Payload) -> Sequence[Item]:
        """Items of a request; none when `join` needs no pass. Raises BadPayload, UnsupportedTask, ContextTooLong."""
        ...

    def run(self, items: Sequence[Item]) -> Sequence[object]:
        """One pass: a result per item, in order. Raises BadPayload when the items cannot be run."""
        ...

    def join(self, task: str, payload: Payload, items: Sequence[Item], results: Sequence[object]) -> Chunk:
        """The one chunk that answers a request, from the results of its items."""
        ...

    def sample(self, length: int) -> Item:
        """A typical item of this length, for measuring what a pass costs."""
        ...

    def lengths(self) -> Sequence[int]:
        """The lengths worth measuring, ascending."""
        ...


def answer_alone(runner: BatchRunner, task: str, payload: Payload, cancelled: Cancellation) -> Iterator[Chunk]:
    """`submit` of a BatchRunner outside a batch: its items one after the other, shortest first."""
    items = runner.split(task, payload)
    results: list[object] = [None] * len(items)
    for at in sorted(range(len(items)), key=lambda at: items[at].length):
        if cancelled.is_set():
            yield Chunk(finish_reason="cancelled", usage=Usage(prompt_tokens=0))
            return
        (results[at],) = runner.run([items[at]])
    yield runner.join(task, payload, items, results)


@functools.cache
def kinds() -> Mapping[str, str]:
    """Every runner kind with its dotted name: ours, then what installed packages add."""
    found = {point.name: point.value for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    return {**found, **RUNNERS}


class BadModelFile(errors.ShuyuanError):
    """The file is not what this runner reads."""

    status, code = 500, "bad_model_file"


class BadPayload(errors.BadInput):
    """The request cannot be run as it stands."""

    code = "bad_payload"


class BadPicture(BadPayload):
    """Not a picture that is read here, or a broken one."""

    code = "bad_image"


class BadSound(BadPayload):
    """Not a sound that is read here, or a broken one."""

    code = "bad_audio"


class SoundTooLong(BadPayload):
    """More sound than is read at once."""

    code = "audio_too_long"


class UnknownVoice(BadPayload):
    """No voice of this name belongs to the model."""

    status, code = 404, "voice_not_installed"


class UnsupportedTask(errors.BadInput):
    """This model does not do that."""

    code = "unsupported_task"


class ContextTooLong(errors.BadInput):
    """More tokens than the model reads at once."""

    code = "context_length_exceeded"


class UpstreamFailed(errors.Unavailable):
    """The model behind a remote one did not answer as it should."""

    code = "upstream_failed"


def pack_tensor(array: NDArray[np.generic]) -> Tensor:
    """The wire form of an array.

    >>> pack_tensor(np.array([[1, 2]], dtype=np.int64))["shape"]
    [1, 2]
    """
    _check_dtype(array.dtype.name)
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "data": np.ascontiguousarray(array).tobytes(),
    }


def unpack_tensor(tensor: Tensor) -> NDArray[np.generic]:
    """The array of a wire form. Raises BadPayload when type, shape and bytes do not agree."""
    dtype, shape, data = tensor.get("dtype"), tensor.get("shape"), tensor.get("data")
    if not isinstance(dtype, str) or not isinstance(data, bytes) or not isinstance(shape, list):
        raise BadPayload("a tensor needs dtype, shape and data", fix="send all three")
    _check_dtype(dtype)
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise BadPayload(f"tensor shape {shape} is not a list of sizes >= 0", fix="mend the shape")
    expected_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if len(data) != expected_bytes:
        raise BadPayload(
            f"a {dtype} tensor of shape {shape} has {expected_bytes} bytes, got {len(data)}",
            fix="make shape and data agree",
        )
    array: NDArray[np.generic] = np.frombuffer(data, dtype=dtype).reshape(shape)
    return array


def _check_dtype(name: str) -> None:
    if name not in _DTYPES:
        raise BadPayload(f"tensor dtype {name!r} is not served", fix=f"use one of {', '.join(_DTYPES)}")
