"""All answers of one learner through a tracer, from the first: the same states as if they had just been given.

Most of it is done before the unit of work that stores the outcome, which adds only what was answered meanwhile.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing import store
from shuyuan.science import memory as forgetting
from shuyuan.science.tracing import serving


@dataclass
class Replay:
    """What a tracer makes of the answers so far."""

    tracer: serving.Tracer
    memory: serving.Memory = field(default_factory=serving.Memory)
    traces: dict[str, forgetting.Trace] = field(default_factory=dict)
    seen: int = 0  # responses
    last: tuple[datetime, str] | None = None  # when the last of them counted, and its id

    @classmethod
    def of(cls, tracer: serving.Tracer, responses: Iterable[Response]) -> "Replay":
        """From a learner nobody has seen."""
        made = cls(tracer)
        for response in responses:
            made.learn(response)
        return made

    def learn(self, response: Response) -> None:
        """One answer."""
        at = response.counted_at or response.at
        at_s = at.timestamp()
        serving.update(self.tracer, self.memory, response.item_id, response.points, response.correct, at_s)
        helped = response.hints_used > 0
        for point in response.points:
            before = self.traces.get(point)
            self.traces[point] = forgetting.answered(before, right=response.correct, helped=helped, at_s=at_s)
        self.seen, self.last = self.seen + 1, (at, response.id)

    def known(self) -> store.Known:
        """The states from which mastery is read."""
        general = None if self.memory.learner is None else self.memory.learner.state
        return store.Known(general, {key: one.state for key, one in self.memory.points.items()}, self.traces)

    def rows(self) -> dict[str, bytes]:
        """The tracer's own memory, as it is stored."""
        return serving.pack(self.memory, self.memory.points, self.memory.items)
