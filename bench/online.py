"""What knowing each learner costs while they work: the step alone, with its durable write, and what comes next.

Everything but the bare steps is the real platform on SQLite (WAL, synchronous=FULL) in a temporary home, with the
mathematics course of this repository. Learners on disk are filled in with states on three points each; then answers of
learners drawn at random move mastery, at the smallest number of learners and at the largest. History is that of
`answers`: learners with 10 and with 10,000 answers in turns. Wall times judge; CPU times of the whole process stand
beside them, and decide where two moments are compared, as a busy machine moves them less.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from bench import answers, harness, tracing
from shuyuan.compose import Platform
from shuyuan.kernel import db
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.learning.tracing.tables import state
from shuyuan.science.tracing import online

FEW, ASKED, POINTS, AT_ONCE = 1000, 300, 3, 20_000
GOALS: dict[str, harness.Goal] = {
    "update_and_next_p50_ms": ("<=", 1.0),
    "kalman_steps_per_s": (">=", 2000),
    "steps_per_s": (">=", 2000),
    "in_process_8_threads_per_s": (">=", 1000),
    "growth_ratio": ("<=", 1.25),
    "next_growth_ratio": ("<=", 1.25),
    "learners_ratio": ("<=", 1.25),
    "acknowledged_not_stored": ("==", 0),
}


class Took(NamedTuple):
    """Seconds."""

    wall_s: float
    cpu_s: float


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--answers", type=int, default=4000, help="answers per measurement")
    options.add_argument("--history", type=int, default=10_000, help="answers of the learner with much history")
    options.add_argument("--learners", type=int, default=1_000_000, help="learners on disk, at most")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-online-") as folder:
        figures = measure(Path(folder), given.answers, given.history, given.learners)
    figures |= {**tracing.steps(), "kalman_steps_per_s": kalman_steps()}
    protocol = f"{__doc__} {given.answers} answers, {given.history} of history, {FEW} to {given.learners} learners."
    return 0 if harness.report("online", figures, " ".join(protocol.split()), GOALS, ("numpy", "sqlalchemy")) else 1


def measure(home: Path, count: int, history: int, learners: int) -> dict[str, harness.Figure]:
    """Every figure of the platform."""
    platform = Platform(answers.settings(home))
    try:
        school = answers.School(platform)
        school.give(school.pupils[0], school.answers(school.pupils[0], 200))  # warm
        figures = {**answers.in_process(school, answers.PUPILS, count), **answers.growth(school, history, ASKED)}
        figures |= {**next_ones(school, history), **on_disk(school, learners)}
        return {**figures, "acknowledged_not_stored": school.made - school.stored()}
    finally:
        platform.close()


def next_ones(school: answers.School, history: int) -> dict[str, harness.Figure]:
    """What follows an answer, of learners with few answers and with many in turns. step: mastery moved inside a unit of
    work, its states read and written, without the commit (the unit is undone). answer: graded, stored and traced,
    until it is on the disk. next: the next activity after it, items and reason."""
    recommendation = school.platform.get("recommendation")
    took: dict[str, list[tuple[Took, Took, Took]]] = {"": [], f"_at_{history}": []}
    first: dict[str, harness.Figure] = {}
    pupils = school.pupils[-2:]
    sent = [school.answers(pupil, ASKED) for pupil in pupils]
    for turn in range(ASKED):
        for (name, rows), pupil, some in zip(took.items(), pupils, sent, strict=True):
            who = pupil.principal
            step = _step(school, who.account_id, turn)
            answer = _took(partial(school.give, pupil, [some[turn]]))
            after = _took(partial(recommendation.next, who, who.account_id, limit=1))
            first.setdefault(f"next_first_time_ms{name}", round(after.wall_s * 1e3, 1))
            rows.append((step, answer, after))
    found = dict[str, harness.Figure]()
    for name, rows in took.items():
        parts = {"update": [one[0] for one in rows], "next": [one[2] for one in rows]}
        parts["update_and_next"] = [_together(one[0], one[2]) for one in rows]
        parts["answer_and_next"] = [_together(one[1], one[2]) for one in rows]
        for what, some_took in parts.items():
            found[f"{what}_p50_ms{name}"] = round(median(one.wall_s for one in some_took) * 1e3, 3)
            found[f"{what}_cpu_p50_ms{name}"] = round(median(one.cpu_s for one in some_took) * 1e3, 3)
    few, many = (median(_together(one[0], one[2]).cpu_s for one in rows) for rows in took.values())
    return {**found, **first, "next_growth_ratio": round(many / few, 3)}


class _UndoneError(Exception):
    """Ends a unit of work that was only measured."""


def _step(school: answers.School, learner_id: str, turn: int) -> Took:
    """One mastery update inside a unit of work that is then undone."""
    took: list[Took] = []

    def measured(uow: db.UnitOfWork) -> None:
        took.append(_took(partial(_moved, school, learner_id, turn, uow)))
        raise _UndoneError

    known: db.Database = school.platform.get("db")
    with suppress(_UndoneError):
        known.write(measured)
    return took[0]


def _together(one: Took, other: Took) -> Took:
    return Took(one.wall_s + other.wall_s, one.cpu_s + other.cpu_s)


def on_disk(school: answers.School, most: int) -> dict[str, harness.Figure]:
    """The median mastery update with its durable write, with so many learners on disk."""
    known: db.Database = school.platform.get("db")
    points = _points(school)
    found: dict[str, harness.Figure] = {}
    cpu_s = []
    filled = 0
    for learners in (FEW, most):
        for first in range(filled, learners, AT_ONCE):
            _filled(school, range(first, min(first + AT_ONCE, learners)), points)
        filled = learners
        drawn = np.random.default_rng(0).integers(0, learners, ASKED).tolist()
        works = [partial(_moved, school, _id(number), turn) for turn, number in enumerate(drawn)]
        took = [_took(partial(known.write, work)) for work in works]
        cpu_s.append(median(one.cpu_s for one in took))
        found[f"update_median_ms_at_{learners}_learners"] = round(median(one.wall_s for one in took) * 1e3, 3)
        found[f"update_cpu_median_ms_at_{learners}_learners"] = round(cpu_s[-1] * 1e3, 3)
    return {**found, "learners_ratio": round(cpu_s[1] / cpu_s[0], 3)}


def kalman_steps() -> int:
    """Answers a second through the step that schools are served with today."""
    params = online.Params()
    learner, point = online.new_learner(params), online.new_point(params)
    count, began = 20_000, time.perf_counter()
    for turn in range(count):
        told = online.update(params, learner, [point], "i", ["p"], turn % 2 == 0, float(turn))
        learner, point = told.learner, told.points[0]
    return round(count / (time.perf_counter() - began))


def _took(work: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def _moved(school: answers.School, learner_id: str, turn: int, uow: db.UnitOfWork) -> None:
    tracer: Tracing = school.platform.get("tracing")
    tracer.update(
        uow,
        school_id=school.id,
        learner_id=learner_id,
        item_id=school.items[turn % len(school.items)],
        points=[_points(school)[turn % POINTS]],
        correct=turn % 2 == 0,
        at=datetime.now(UTC),
    )


def _filled(school: answers.School, numbers: Sequence[int], points: Sequence[str]) -> None:
    """States of so many made-up learners, in one unit of work."""
    params = online.Params()
    general, special = online.new_learner(params)._asdict(), online.new_point(params)._asdict()
    rows = [
        {"school_id": school.id, "learner_id": _id(number), "point_id": point, **(special if point else general)}
        for number in numbers
        for point in ("", *points)
    ]
    known: db.Database = school.platform.get("db")
    known.write(lambda uow: uow.conn.execute(state.insert(), rows).rowcount)


def _points(school: answers.School) -> list[str]:
    graph = school.courses.graph(school.id, answers.CONTENT.name)
    return [point.id for point in graph.points[:POINTS]]


def _id(number: int) -> str:
    return f"learner{number:09d}"


if __name__ == "__main__":
    sys.exit(main())
