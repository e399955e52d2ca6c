"""One answer through the version in use, and unseen through the one that is tried. A few rows, whatever the history.

Where a net's memory of a learner was not rebuilt yet, its Kalman step alone foretells: a vector that misses a history
would be worse than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shuyuan.learning.tracing import memorystore, reading, store
from shuyuan.learning.tracing.champion import Champion, Serving
from shuyuan.science import memory
from shuyuan.science.tracing import online, serving


@dataclass(frozen=True)
class Given:
    """An answer."""

    school_id: str
    learner_id: str
    item_id: str
    points: Sequence[str]
    correct: bool
    helped: bool
    at: datetime

    @property
    def at_s(self) -> float:
        """POSIX seconds."""
        return self.at.timestamp()


def moved(conn: Connection, meets: Serving, known: store.Known, given: Given) -> online.Step:
    """The states after the answer, and what was said before it. Stores what a net and a canary remember."""
    told = _by_net(conn, meets.champion, known, given)
    if told is None:
        general, specific = reading.states(meets.champion.params, known, given.points)
        told = online.update(
            meets.champion.params, general, specific, given.item_id, given.points, given.correct, given.at_s
        )
    if meets.canary is not None and given.learner_id in meets.canary.learners:
        _foretell_unseen(conn, meets.canary, known, given, told.p_before)
    return told


def remembered(known: store.Known, given: Given) -> dict[str, memory.Trace]:
    """How the points of the answer are remembered after it."""
    return {
        point: memory.answered(known.memories.get(point), right=given.correct, helped=given.helped, at_s=given.at_s)
        for point in given.points
    }


def said(
    champion: Champion, known: store.Known, one: serving.Memory, item_id: str, points: Sequence[str], at: datetime
) -> float:
    """P(right answer) to an item. one: what the champion's net remembers of the learner."""
    if champion.tracer.net is not None and _is_whole(one, known):
        return serving.predict(champion.tracer, one, item_id, points, at.timestamp())
    general, specific = reading.states(champion.params, known, points)
    return online.predict(champion.params, general, specific, item_id, points)


def _by_net(conn: Connection, champion: Champion, known: store.Known, given: Given) -> online.Step | None:
    if champion.tracer.net is None:
        return None
    return _stepped(conn, champion, known, given)


def _foretell_unseen(conn: Connection, canary: Champion, known: store.Known, given: Given, p_in_use: float) -> None:
    told = _stepped(conn, canary, known, given)
    if told is not None:
        memorystore.note(
            conn,
            {
                "school_id": given.school_id,
                "version": canary.version,
                "learner_id": given.learner_id,
                "correct": given.correct,
                "p_in_use": p_in_use,
                "p_tried": told.p_before,
                "at": given.at,
            },
        )


def _stepped(conn: Connection, by: Champion, known: store.Known, given: Given) -> online.Step | None:
    """One answer by a version's own memory; None while that was not made of the learner's history."""
    one = memorystore.of_learner(conn, given.learner_id, by.version, given.points, [given.item_id])
    if not _is_whole(one, known):
        return None
    p_before = serving.update(by.tracer, one, given.item_id, given.points, given.correct, given.at_s)
    rows = serving.pack(one, given.points, [given.item_id])
    memorystore.save(conn, given.school_id, given.learner_id, by.version, rows)
    assert one.learner is not None
    return online.Step(one.learner.state, [one.points[point].state for point in given.points], p_before)


def _is_whole(one: serving.Memory, known: store.Known) -> bool:
    """A learner nobody has seen needs no history."""
    return one.learner is not None or known.general is None
