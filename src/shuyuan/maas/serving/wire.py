"""Frames between the server and a worker: four bytes of length, then msgpack. Never pickle.

Server to worker: load, submit, cancel, unload. Worker to server: loaded, failed, answers, unloaded. Every
frame is a map with `op`; requests carry an `id`, models their key. Answers of one pass share a frame.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence

import msgpack  # type: ignore[import-untyped]  # ships no types

from shuyuan.kernel import errors
from shuyuan.maas.runners import interface as runners

LENGTH = struct.Struct("<I")
MAX_FRAME_BYTES = 64 << 20

Frame = dict[str, object]


class BrokenFrame(Exception):
    """The peer sent something that is not a frame; the connection is of no further use."""


def encode(frame: Mapping[str, object]) -> bytes:
    """The bytes of a frame. Raises TooLarge above 64 MiB.

    >>> decode(encode({"op": "cancel", "id": 7})[4:])
    {'op': 'cancel', 'id': 7}
    """
    body: bytes = msgpack.packb(frame, use_bin_type=True)
    if len(body) > MAX_FRAME_BYTES:
        raise errors.TooLarge(
            f"a request or answer of {len(body)} bytes; at most {MAX_FRAME_BYTES} go through",
            fix="ask for less at once",
        )
    return LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Frame:
    """The frame of `body`, length already removed. Raises BrokenFrame."""
    try:
        frame = msgpack.unpackb(body, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException) as wrong:
        raise BrokenFrame(str(wrong)) from wrong
    if not isinstance(frame, dict) or not isinstance(frame.get("op"), str):
        raise BrokenFrame("a frame must be a map with an op")
    return frame


def body_bytes(head: bytes | bytearray) -> int:
    """The length announced by the first four bytes. Raises BrokenFrame when absurd."""
    (length,) = LENGTH.unpack(head)
    if length > MAX_FRAME_BYTES:
        raise BrokenFrame(f"a frame of {length} bytes was announced")
    return int(length)


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises BrokenFrame."""
        self._bytes += data
        at, size = 0, len(self._bytes)
        while size - at >= LENGTH.size:
            start = at + LENGTH.size
            end = start + body_bytes(self._bytes[at:start])
            if end > size:
                break
            yield decode(memoryview(self._bytes)[start:end].tobytes())
            at = end
        del self._bytes[:at]


def answer_to_list(request: int, answer: runners.Chunk | Exception) -> list[object]:
    """A chunk or an error on its way to the server."""
    if isinstance(answer, Exception):
        return [request, error_to_dict(answer)]
    usage = answer.usage
    counts = [usage.prompt_tokens, usage.completion_tokens] if usage else None
    return [request, answer.text, answer.finish_reason, counts, dict(answer.tensors), dict(answer.data)]


def answer_of(told: Sequence[object]) -> tuple[int, runners.Chunk | Exception]:
    """What a worker said, and to which request."""
    if len(told) == 2:
        request, error = told
        return request, error_of(error)  # type: ignore[return-value, arg-type]  # our own worker wrote the frame
    request, text, finish_reason, counts, tensors, data = told
    usage = runners.Usage(*counts) if counts else None  # type: ignore[misc]
    return request, runners.Chunk(text, tensors, finish_reason, usage, data)  # type: ignore[return-value, arg-type]


def error_to_dict(wrong: Exception) -> dict[str, object]:
    """An error on its way to the server; a defect keeps its class name and nothing more."""
    if isinstance(wrong, errors.ShuyuanError):
        told: dict[str, object] = {**wrong.to_dict(), "kind": type(wrong).__name__}
        if isinstance(wrong, errors.RateLimited | errors.Unavailable):
            told["retry_after_s"] = wrong.retry_after_s
        return told
    return {"code": "runner_defect", "kind": "", "message": f"{type(wrong).__name__}: {wrong}", "fix": ""}


def error_of(told: Mapping[str, object]) -> Exception:
    """The exception a worker reported."""
    kind, message, fix = (str(told[name]) for name in ("kind", "message", "fix"))
    found = errors.TooLarge if kind == errors.TooLarge.__name__ else getattr(runners, kind, None) if kind else None
    if not isinstance(found, type) or not issubclass(found, errors.ShuyuanError):
        return RunnerDefect(message)
    if issubclass(found, errors.RateLimited | errors.Unavailable):
        return found(message, fix=fix, retry_after_s=float(str(told["retry_after_s"])))
    return found(message, fix=fix)


class RunnerDefect(RuntimeError):
    """A runner raised what it should not: a defect of ours, not of the request."""
