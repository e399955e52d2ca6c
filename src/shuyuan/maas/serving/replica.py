"""One model loaded in one worker: how much room it has, and for whom."""

from collections import Counter
from dataclasses import dataclass, field

from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.worker import Loaded, Worker

_WINDOW_OVERFLOW = 4  # times the window, for people who have nothing in the worker yet
TRIES = 3  # workers a request may see die before it is given up; the last time it runs alone


@dataclass(slots=True, eq=False)
class Replica:
    """The model, loaded in a living worker."""

    worker: Worker
    loaded: Loaded
    load: int = 0  # items in it
    calls: set[Call] = field(default_factory=set)
    people: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaving: bool = False  # gets nothing more
    suspect: Call | None = None  # was there when two workers died; runs alone

    def weight(self, call: Call) -> int:
        """How much of its room a call takes."""
        return call.items if self.loaded.window else 1

    def has_room(self, call: Call) -> bool:
        """Whether it may be handed this call now."""
        if self.leaving or self.suspect or not self.worker.alive:
            return False
        if call.tries >= TRIES - 1:
            return not self.calls  # if it is the cause, it falls alone
        if not self.loaded.window:
            return self.load < self.loaded.slots
        if self.load < self.loaded.window:
            return True
        return self.load < self.loaded.window * _WINDOW_OVERFLOW and person(call) not in self.people

    def take(self, call: Call) -> None:
        """It was handed this call."""
        self.calls.add(call)
        self.load += self.weight(call)
        self.people[person(call)] += 1
        if call.tries >= TRIES - 1:
            self.suspect = call

    def let_go(self, call: Call) -> None:
        """It is done with this call."""
        self.calls.discard(call)
        self.load -= self.weight(call)
        who = person(call)
        self.people[who] -= 1
        if not self.people[who]:
            del self.people[who]
        if self.suspect is call:
            self.suspect = None


def person(call: Call) -> tuple[str, str]:
    """Who asked, within their class."""
    return call.flow.group, call.flow.person
