"""Follow a run as it happens: its state, its progress and each new line of its curves, until it has ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from shuyuan.maas.training import folders, interface

LOOK_EVERY_S, KEEP_ALIVE_S = 0.5, 15.0
_Json = dict[str, Any]  # Any: JSON


class Event(NamedTuple):
    """kind: `run` (the whole run, whenever it changed), `metric` (one line), `alive` (nothing new), `end`."""

    kind: str
    data: _Json


async def follow(look: Callable[[], tuple[interface.Run, list[_Json]]], *, every_s: float) -> AsyncIterator[Event]:
    """Events of a run; `look` gives the run and the lines that came since the last look."""
    before, quiet_s = "", 0.0
    while True:
        run, lines = await asyncio.to_thread(look)
        for line in lines:
            yield Event("metric", line)
        told = run.model_dump(mode="json")
        if str(told) != before:
            before, quiet_s = str(told), 0.0
            yield Event("run", told)
        elif lines or quiet_s >= KEEP_ALIVE_S:
            quiet_s = 0.0
            if not lines:
                yield Event("alive", {})
        if run.is_ended:
            yield Event("end", {"state": run.state})
            return
        await asyncio.sleep(every_s)
        quiet_s += every_s


def looker(run: Callable[[], interface.Run], curve: folders.Curve) -> Callable[[], tuple[interface.Run, list[_Json]]]:
    """Look at the run first: what it wrote before it ended is then read whole."""
    return lambda: (run(), curve.new())
