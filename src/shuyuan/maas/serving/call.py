"""One request on its way: what is asked, and the answers as they arrive."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import fairness

Stage = Literal["waiting", "running", "leaving", "over"]


@dataclass(slots=True, eq=False)
class Call:
    """Used from one event loop. waiting: in the server's line; running: in a worker; leaving: cancelled there,
    not yet let go; over: its room is free again."""

    task: str
    payload: runners.Payload
    flow: fairness.Flow
    items: int  # what it weighs: texts, rows, or one
    stage: Stage = "waiting"
    tries: int = 0  # workers that died with it
    started: float = 0.0  # loop time when a worker took it
    given: bool = False  # whether a part of the answer has arrived
    place: "fairness.Place[Call] | None" = None
    timer: asyncio.TimerHandle | None = None
    _arrived: deque[runners.Chunk | Exception] = field(default_factory=deque)
    _reader: asyncio.Future[None] | None = None

    def put(self, found: runners.Chunk | Exception) -> None:
        """Called as answers arrive; a reader who is slow finds them later."""
        self._arrived.append(found)
        self.given = self.given or not isinstance(found, Exception)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def next(self) -> runners.Chunk:
        """The next chunk. Raises what ended the call."""
        if not self._arrived:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        found = self._arrived.popleft()
        if isinstance(found, Exception):
            raise found
        return found
