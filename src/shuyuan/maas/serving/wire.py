"""Frames between the server and a worker: four bytes of length, then msgpack. Never pickle.

Server to worker: load, submit, cancel, unload. Worker to server: loaded, failed, chunk, error, unloaded.
Every frame is a map with `op`; requests carry an `id`, models their name.
"""

import socket
import struct
from collections.abc import Mapping

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
        raise errors.TooLarge(f"a request of {len(body)} bytes, at most {MAX_FRAME_BYTES} go through", fix="split it")
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


def body_bytes(head: bytes) -> int:
    """The length announced by the first four bytes. Raises BrokenFrame when absurd."""
    (length,) = LENGTH.unpack(head)
    if length > MAX_FRAME_BYTES:
        raise BrokenFrame(f"a frame of {length} bytes was announced")
    return int(length)


def receive(connection: socket.socket) -> Frame | None:
    """The next frame, blocking; None once the peer has closed."""
    head = _receive_exactly(connection, LENGTH.size)
    body = None if head is None else _receive_exactly(connection, body_bytes(head))
    return None if body is None else decode(body)


def chunk_to_frame(request: int, chunk: runners.Chunk) -> Frame:
    """A chunk on its way to the server."""
    usage = chunk.usage
    return {
        "op": "chunk",
        "id": request,
        "text": chunk.text,
        "tensors": dict(chunk.tensors),
        "finish_reason": chunk.finish_reason,
        "usage": [usage.prompt_tokens, usage.completion_tokens] if usage else None,
    }


def chunk_of(frame: Frame) -> runners.Chunk:
    """The chunk a worker sent."""
    usage = frame["usage"]
    return runners.Chunk(
        text=frame["text"],  # type: ignore[arg-type]  # our own worker wrote the frame
        tensors=frame["tensors"],  # type: ignore[arg-type]
        finish_reason=frame["finish_reason"],  # type: ignore[arg-type]
        usage=runners.Usage(*usage) if isinstance(usage, list) else None,
    )


def error_to_dict(wrong: Exception) -> dict[str, object]:
    """An error on its way to the server; a defect keeps its class name and nothing more."""
    if isinstance(wrong, errors.ShuyuanError):
        return {**wrong.to_dict(), "kind": type(wrong).__name__}
    return {"code": "runner_defect", "kind": "", "message": f"{type(wrong).__name__}: {wrong}", "fix": ""}


def error_of(frame: Frame) -> Exception:
    """The exception a worker reported."""
    told: dict[str, str] = frame["error"]  # type: ignore[assignment]  # our own worker wrote the frame
    found = getattr(runners, told["kind"], None) if told["kind"] else None
    if isinstance(found, type) and issubclass(found, errors.ShuyuanError):
        return found(told["message"], fix=told["fix"])
    return RunnerDefect(told["message"])


class RunnerDefect(RuntimeError):
    """A runner raised what it should not: a defect of ours, not of the request."""


def _receive_exactly(connection: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
