"""One learner as the version in use sees them now, read once: mastery of the points that are asked, and predictions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from shuyuan.learning.tracing import memorystore, moving, reading, store
from shuyuan.learning.tracing.champion import Champion
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.science.tracing import online, serving


class Masteries(Mapping[str, Mastery]):
    """Mastery by point, worked out when it is looked at: most points of a plan are not."""

    def __init__(self, params: online.Params, known: store.Known, points: Sequence[str], now: datetime) -> None:
        self._params, self._known, self._now = params, known, now
        self._found: dict[str, Mastery | None] = dict.fromkeys(points)
        self._general = known.general or online.new_learner(params)
        self._unseen = online.new_point(params)

    def __getitem__(self, point_id: str) -> Mastery:
        found = self._found[point_id]
        if found is None:
            state = self._known.points.get(point_id, self._unseen)
            trace = self._known.memories.get(point_id)
            found = reading.one(self._params, self._general, state, trace, point_id, self._now)
            self._found[point_id] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class StandingNow:
    """Implements `interface.Standing` while the read it was made in is open."""

    def __init__(
        self, conn: Connection, school_id: str, learner_id: str, serves: Champion, known: store.Known, now: datetime
    ) -> None:
        self._conn, self._school_id, self._learner_id = conn, school_id, learner_id
        self._serves, self._known, self._now = serves, known, now
        general = known.general
        self.answers = 0 if general is None else int(general.wins + general.losses)

    def mastery(self, points: Sequence[str]) -> Mapping[str, Mastery]:
        """See `interface.Standing`."""
        return Masteries(self._serves.params, self._known, points, self._now)

    def predictions(self, items: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """See `interface.Standing`."""
        if self._serves.tracer.net is None:
            return self._foretold(items)
        memory, known = self._memory(items), self._known
        return {
            item: moving.said(self._serves, known, memory, item, points, self._now) for item, points in items.items()
        }

    def _foretold(self, items: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """By the Kalman step alone: `moving.said` with what is the same for every item looked up once."""
        params, points_of = self._serves.params, self._known.points
        general, unseen = self._known.general or online.new_learner(params), online.new_point(params)
        return {
            item: online.predict(params, general, [points_of.get(point, unseen) for point in points], item, points)
            for item, points in items.items()
        }

    def _memory(self, items: Mapping[str, Sequence[str]]) -> serving.Memory:
        points = sorted({point for some in items.values() for point in some})
        who = (self._conn, self._school_id, [self._learner_id], self._serves.version)
        return memorystore.of_learners(*who, points, list(items)).get(self._learner_id, serving.Memory())
