"""The grader child: reads length-prefixed JSON requests on stdin, answers on stdout, under hard limits.

Standard library only, so that it starts fast and holds no secret: no settings, no database, no network.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import BinaryIO

from shuyuan.learning.courses.grading import equivalence

ADDRESS_SPACE_BYTES = 256 * 1024 * 1024
CPU_SECONDS_PER_REQUEST = 2
MAX_MESSAGE_BYTES = 64 * 1024
HEADER = struct.Struct(">I")

try:
    import resource
except ImportError:  # not a POSIX system: the parent's clock is then the only bound
    resource = None  # type: ignore[assignment]
LIMITED = resource is not None


def main() -> None:
    _limit_once()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (message := read(source)) is not None:
        _limit_cpu()
        reply = equivalence.judge(**json.loads(message))
        write(sink, json.dumps(reply).encode())


def read(source: BinaryIO) -> bytes | None:
    """One message, or None when the parent closed the pipe or sent more than the cap."""
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (size,) = HEADER.unpack(header)
    if size > MAX_MESSAGE_BYTES:
        return None
    message = source.read(size)
    return message if len(message) == size else None


def write(sink: BinaryIO, message: bytes) -> None:
    sink.write(HEADER.pack(len(message)) + message)
    sink.flush()


def _limit_once() -> None:
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def _limit_cpu() -> None:
    """The kernel ends this process when one request burns more than its seconds."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS_PER_REQUEST
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main()
