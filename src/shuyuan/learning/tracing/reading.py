"""What stored states say to people: mastery of a point, its level, how well it is remembered. The same for every kind
of tracer: it is read from the Kalman states, so a right answer never lowers it, whatever a net foretells."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shuyuan.learning.tracing import store
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, SOLID_LEVEL, Mastery
from shuyuan.science import memory
from shuyuan.science.tracing import online


def states(
    params: online.Params, known: store.Known, points: Sequence[str]
) -> tuple[online.LearnerState, list[online.PointState]]:
    """Stored states, or those of a learner and points nobody has met."""
    unseen = online.new_point(params)
    return known.general or online.new_learner(params), [known.points.get(point, unseen) for point in points]


def all_of(params: online.Params, known: store.Known, points: Sequence[str], now: datetime) -> dict[str, Mastery]:
    """Every asked point, with n=0 where there is no evidence."""
    general, specific = states(params, known, points)
    pairs = zip(points, specific, strict=True)
    return {point: one(params, general, state, known.memories.get(point), point, now) for point, state in pairs}


def one(
    params: online.Params,
    general: online.LearnerState,
    state: online.PointState,
    trace: memory.Trace | None,
    point_id: str,
    now: datetime,
) -> Mastery:
    """What the states of one learner say of a point at a time."""
    told = online.mastery(params, general, state, point_id, now.timestamp())
    level = online.level(told.p, state.evidence, told.uncertainty, MINIMUM_EVIDENCE)
    last_at = datetime.fromtimestamp(state.last_at_s, UTC) if state.evidence else None
    shown = (point_id, told.p, told.uncertainty, state.evidence, int(state.wins), level, last_at)
    return Mastery(*shown) if trace is None else Mastery(*shown, *_remembered(level, trace, now))


def _remembered(level: int | None, trace: memory.Trace, now: datetime) -> tuple[bool, float, datetime | None, float]:
    """(due, retrievability, review_at, stability_days). What is solid is due once the chance that it comes to mind has
    fallen; the rest is practised, not reviewed."""
    solid = level is not None and level >= SOLID_LEVEL
    review_at = datetime.fromtimestamp(memory.review_at_s(trace), UTC) if solid else None
    due = review_at is not None and now > review_at
    return due, memory.retrievability(trace, now.timestamp()), review_at, trace.stability_days
