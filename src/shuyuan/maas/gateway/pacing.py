"""Turning many away at once: while calls are refused for lack of room, sockets are read in groups.

To wake for one request, read it and go back to sleep costs the server more than the refusal itself, and takes that from
the model whose line is full. Network cards meet a flood in the same way: they gather what comes within a few
milliseconds and raise one interrupt. So after a refusal the loop rests for a moment, but only while nobody else is
being served: no other model, no page, no other route (see Express). Whoever comes then waits for one rest at most;
with the first of them the resting ends.
"""

import asyncio
import time

REST_S = 0.005


class Pacing:
    """One event loop's; `refused` is called in it."""

    def __init__(self) -> None:
        self._resting = False

    def refused(self) -> None:
        """Somebody was turned away, and nobody but those in that line is being served."""
        if not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_soon(self._rest)

    def _rest(self) -> None:
        self._resting = False
        time.sleep(REST_S)  # the whole loop, on purpose: the worker computes meanwhile
