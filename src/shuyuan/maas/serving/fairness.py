"""A line that is fair: exams first, then classes share the model, and people share their class's part.

Start-time fair queuing in two levels (Goyal, Vin & Cheng 1996): whoever comes after a pause starts where the
line is now, so that nobody saves up turns, and two hundred requests of one person delay another by one.
Pure: no clock, no asyncio; `serving` uses it in the server and again inside a worker.
"""

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_KEEP_IDLE = 256  # idle flows remembered before they are swept


class Flow(NamedTuple):
    """Whose turn it uses. Opaque words; `group` and `person` are unique with their school in front."""

    group: str = ""
    person: str = ""
    exam: bool = False  # served before everything else
    weight: float = 1.0  # of the group, against other groups


@dataclass(slots=True, eq=False)
class Place(Generic[T]):
    """A place in the line; hold it to `take` or `drop` what stands there."""

    what: T
    cost: float
    person: "_Line[T]"
    group: "_Line[T]"
    line: "_Line[T]"
    waiting: bool = True


@dataclass(slots=True, eq=False)
class _Line(Generic[T]):
    """A person (with places), a group (with people) or the whole line (with groups)."""

    weight: float = 1.0
    start: float = 0.0  # virtual time at which its next piece of work may begin
    turn: int = 0  # among equals, whoever was served longest ago
    now: float = 0.0  # virtual time among its children
    live: int = 0  # places waiting below
    heaped: bool = False
    children: "dict[str, _Line[T]]" = field(default_factory=dict)
    heap: "list[tuple[float, int, _Line[T]]]" = field(default_factory=list)
    places: deque[Place[T]] = field(default_factory=deque)


class FairQueue(Generic[T]):
    """Push in any order, pop in fair order. Every operation is O(log n)."""

    def __init__(self) -> None:
        self._exams: _Line[T] = _Line()
        self._others: _Line[T] = _Line()
        self._order = itertools.count()

    def __len__(self) -> int:
        return self._exams.live + self._others.live

    def push(self, what: T, flow: Flow = Flow(), cost: float = 1.0) -> Place[T]:
        """Stand in line. cost: how much of the model it takes, in any unit used throughout."""
        line = self._exams if flow.exam else self._others
        group = self._child(line, flow.group, flow.weight)
        person = self._child(group, flow.person, 1.0)
        place = Place(what, cost, person, group, line)
        person.places.append(place)
        for level in (person, group, line):
            level.live += 1
        return place

    def head(self) -> T | None:
        """Whose turn it is; None when nobody waits."""
        place = self._head()
        return place.what if place else None

    def pop(self) -> T:
        """Serve the head. Raises IndexError when nobody waits."""
        place = self._head()
        if place is None:
            raise IndexError("the line is empty")
        self.take(place)
        return place.what

    def take(self, place: Place[T]) -> None:
        """Serve this place now, in turn or not; its class and person are charged for it."""
        place.line.now = max(place.line.now, place.group.start)
        place.group.now = max(place.group.now, place.person.start)
        place.group.start += place.cost / place.group.weight
        place.person.start += place.cost
        place.group.turn = place.person.turn = next(self._order)
        self._leave(place)

    def drop(self, place: Place[T]) -> None:
        """Leave the line unserved and uncharged; safe to call twice."""
        if place.waiting:
            self._leave(place)

    def waiting(self) -> list[T]:
        """Everything in line, in no particular order."""
        return [
            place.what
            for line in (self._exams, self._others)
            for group in line.children.values()
            for person in group.children.values()
            for place in person.places
            if place.waiting
        ]

    def _child(self, line: _Line[T], name: str, weight: float) -> _Line[T]:
        if not line.live or len(line.children) >= _KEEP_IDLE + 2 * line.live:
            _sweep(line)
        found = line.children.get(name)
        if found is None:
            found = line.children[name] = _Line(start=line.now)
        found.weight = weight
        if not found.live:
            found.start = max(found.start, line.now)
        if not found.heaped:
            found.heaped = True
            found.turn = next(self._order)
            heapq.heappush(line.heap, (found.start, found.turn, found))
        return found

    def _head(self) -> Place[T] | None:
        line = self._exams if self._exams.live else self._others
        if not line.live:
            return None
        places = self._first(self._first(line)).places
        while not places[0].waiting:
            places.popleft()
        return places[0]

    def _first(self, line: _Line[T]) -> _Line[T]:
        """The child with work whose start is earliest; tags only grow, so stale ones are pushed back."""
        while True:
            start, turn, child = line.heap[0]
            if not child.live:
                heapq.heappop(line.heap)
                child.heaped = False
            elif (start, turn) != (child.start, child.turn):
                heapq.heapreplace(line.heap, (child.start, child.turn, child))
            else:
                return child

    def _leave(self, place: Place[T]) -> None:
        place.waiting = False
        for level in (place.person, place.group, place.line):
            level.live -= 1
        if not place.person.live:
            place.person.places.clear()


def _sweep(line: _Line[T]) -> None:
    """Forget children who wait for nothing and owe nothing; nobody owes anything once nobody waits."""
    kept = {
        name: child for name, child in line.children.items() if child.live or (line.live and child.start > line.now)
    }
    if len(kept) > _KEEP_IDLE:
        kept = {name: child for name, child in kept.items() if child.live}
    line.children = kept
    line.heap = [entry for entry in line.heap if entry[2].live]
    heapq.heapify(line.heap)
    for child in kept.values():
        child.heaped = child.live > 0
