"""All answers of one learner through a tracer, from the first: the same states as if they had just been given.

Most of it is done before the unit of work that stores the outcome, which adds only what was answered meanwhile.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

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
    seen: list[str] = field(default_factory=list)  # response ids

    @classmethod
    def of(cls, tracer: serving.Tracer, responses: Iterable[Response]) -> "Replay":
        """From a learner nobody has seen."""
        made = cls(tracer)
        for response in responses:
            made.learn(response)
        return made

    def up_to(self, responses: Iterable[Response]) -> "Replay":
        """With all of these: only the new ones are learnt from, unless earlier ones changed."""
        every = list(responses)
        if [one.id for one in every[: len(self.seen)]] != self.seen:
            return Replay.of(self.tracer, every)
        for response in every[len(self.seen) :]:
            self.learn(response)
        return self

    def learn(self, response: Response) -> None:
        """One answer."""
        at_s = (response.counted_at or response.at).timestamp()
        serving.update(self.tracer, self.memory, response.item_id, response.points, response.correct, at_s)
        helped = response.hints_used > 0
        for point in response.points:
            before = self.traces.get(point)
            self.traces[point] = forgetting.answered(before, right=response.correct, helped=helped, at_s=at_s)
        self.seen.append(response.id)

    def known(self) -> store.Known:
        """The states from which mastery is read."""
        general = None if self.memory.learner is None else self.memory.learner.state
        return store.Known(general, {key: one.state for key, one in self.memory.points.items()}, self.traces)

    def rows(self) -> dict[str, bytes]:
        """The tracer's own memory, as it is stored."""
        return serving.pack(self.memory, self.memory.points, self.memory.items)
