"""The rows of the outlook model: a profile and facts at a moment, and what came in the fortnight after. Pure but for
the records it reads. Disputed facts are missing in every row; ids travel as numbers of the run, never as names."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, get_args

from shuyuan.learning.people.interface import Goal, Stated
from shuyuan.learning.recommendation import behaviour, fitting
from shuyuan.learning.records.interface import Records, Response
from shuyuan.science.ranking.profiles import Kind, Row, Value

KINDS: dict[str, Kind] = {
    "interests": "tags",
    "education": "category",
    "pace": "category",
    "style": "category",
    **dict.fromkeys(behaviour.FACTS, "number"),
}
MOMENTS = 3  # how many fortnights back a learner gives rows, beside the one of today
GOALS: tuple[str, ...] = get_args(Goal)


class Known(NamedTuple):
    """What is known of a learner now."""

    values: Row
    goals: tuple[str, ...]


def now(records: Records, school_id: str, stated: Mapping[str, Stated], at: datetime) -> dict[str, Known]:
    """learner id → row, of those with enough answers."""
    found = {}
    for learner_id, answers in _answers(records, school_id, stated, since=at - behaviour.WINDOW).items():
        if facts := behaviour.facts(answers, at, stated[learner_id].disputed):
            found[learner_id] = Known(_values(stated[learner_id], facts), stated[learner_id].goals)
    return found


def job(records: Records, school_id: str, stated: Mapping[str, Stated], at: datetime) -> fitting.Job:
    """Everything to learn from; rows of learners with too few answers at a moment are left out."""
    rows: list[Row] = []
    person: list[str] = []
    targets: dict[str, list[float | None]] = {
        head: [] for head in ("keeps_at_it", "tries_again", *(f"goal:{goal}" for goal in GOALS))
    }
    for learner_id, answers in _answers(records, school_id, stated).items():
        mine = stated[learner_id]
        for back in range(MOMENTS + 1):
            moment = at - back * behaviour.AFTER
            if not (facts := behaviour.facts(answers, moment, mine.disputed)):
                continue
            rows.append(_values(mine, facts))
            person.append(learner_id)
            came = behaviour.attitude(answers, moment) if back else {}  # of today nobody knows yet what comes
            for head, known in targets.items():
                known.append(_target(head, came, mine))
    return fitting.Job(rows, KINDS, targets, person)


def _target(head: str, came: Mapping[str, float], stated: Stated) -> float | None:
    if head.startswith("goal:"):
        return float(head.removeprefix("goal:") in stated.goals) if stated.goals else None
    known = came.get(head, math.nan)
    return None if math.isnan(known) else known


def _values(stated: Stated, facts: Mapping[str, float]) -> Row:
    chosen: dict[str, Value] = {
        "interests": stated.interests or None,
        "education": stated.education,
        "pace": stated.pace,
        "style": stated.style,
    }
    return chosen | {fact: facts.get(fact) for fact in behaviour.FACTS}


def _answers(
    records: Records, school_id: str, stated: Mapping[str, Stated], *, since: datetime | None = None
) -> dict[str, list[Response]]:
    found: dict[str, list[Response]] = {}
    for one in records.history(school_id, frozenset(stated), since=since):
        found.setdefault(one.learner_id, []).append(one)
    return found
