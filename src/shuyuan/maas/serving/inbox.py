"""The reading end of a worker's socket.

While a batch is being computed nobody sleeps on the socket: waking a thread for every request would cost
more than reading it. The frames lie in the socket until the pass is over and its thread drains them, or
until the nap of the reader ends, so that cancellations and other models are not kept waiting.
"""

import select
import socket
import threading
from collections.abc import Callable

from shuyuan.maas.serving import wire

_READ_BYTES = 1 << 18
_NAP_S = 0.05


class Inbox:
    """Frames in the order they came, whoever reads them. handle: is called with each, one at a time."""

    def __init__(self, connection: socket.socket, handle: Callable[[wire.Frame], None]) -> None:
        self._connection, self._handle = connection, handle
        self._frames = wire.Frames()
        self._reading = threading.Lock()
        self._rested = threading.Event()
        self._ended: Exception | None = None

    def run(self, busy: Callable[[], bool]) -> None:
        """Read until the peer closes. busy: whether a pass is running that will `drain`. Raises BrokenFrame."""
        waiting = select.poll()
        waiting.register(self._connection, select.POLLIN)
        while self._ended is None:
            if busy():
                self._rested.clear()
                self._rested.wait(_NAP_S)
            else:
                waiting.poll()
            self.drain()
        if isinstance(self._ended, wire.BrokenFrame):
            raise self._ended

    def drain(self) -> None:
        """Handle what has arrived; never waits for more."""
        with self._reading:
            while self._ended is None and (data := self._arrived()):
                try:
                    for frame in self._frames.feed(data):
                        self._handle(frame)
                except wire.BrokenFrame as wrong:
                    self._ended = wrong
                if len(data) < _READ_BYTES:
                    return

    def rest(self) -> None:
        """Nothing is running any more: sleep on the socket again."""
        self._rested.set()

    def _arrived(self) -> bytes:
        try:
            data = self._connection.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            data = b""
        if not data:
            self._ended = EOFError()
        return data
