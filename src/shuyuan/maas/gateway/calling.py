"""What the request at hand asks beside its body: an answer that is not from a cache, and the trace it belongs to."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

_MAX_TRACEPARENT = 64


@dataclass(frozen=True, slots=True)
class Wishes:
    """fresh: neither answer from a cache nor keep the answer.  traceparent: as W3C Trace Context writes it."""

    fresh: bool = False
    traceparent: str = ""


_NONE = Wishes()
_wishes: ContextVar[Wishes] = ContextVar("wishes", default=_NONE)


def note(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Read a request's headers; holds for what its task calls from here on."""
    fresh, traceparent = False, ""
    for name, value in headers:
        if name == b"cache-control":
            fresh = b"no-store" in value or b"no-cache" in value
        elif name == b"traceparent" and len(value) <= _MAX_TRACEPARENT:
            traceparent = value.decode("latin-1")
    if fresh or traceparent:
        _wishes.set(Wishes(fresh, traceparent))


def wishes() -> Wishes:
    """Of the request at hand; none outside of one."""
    return _wishes.get()
