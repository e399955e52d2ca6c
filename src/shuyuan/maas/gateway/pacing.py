"""Turning many away at once: while calls are refused for lack of room, sockets are read in groups.

To wake for one request, read it and go back to sleep costs the server three times what the refusal itself does, and
takes that from the model whose line is full. Network cards meet a flood in the same way: they gather what comes
within a few milliseconds and raise one interrupt. Nothing is refused that would not have been, and nobody rests
while nobody is refused.
"""

import asyncio
import time

NAP_S = 0.005  # what a refusal may wait longer; answers and streams beside it too


class Pacing:
    """One event loop's; `refused` is called in it."""

    def __init__(self) -> None:
        self._resting = False

    def refused(self) -> None:
        """Somebody was turned away for lack of room: what comes next is read together with what follows it."""
        if not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_soon(self._rest)

    def _rest(self) -> None:
        self._resting = False
        time.sleep(NAP_S)  # the whole loop, on purpose: the worker computes meanwhile
