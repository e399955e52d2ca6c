"""A simulated school: abilities and difficulties are known, so fits can be held against the truth."""

from typing import NamedTuple

import numpy as np

from shuyuan.science.tracing import online


class School(NamedTuple):
    answers: list[online.Answer]
    truth: np.ndarray  # (N,) the probability each answer was drawn from
    difficulty: dict[str, float]

    @property
    def table(self) -> online.Interactions:
        return online.Interactions.of(self.answers)


def simulate(learners: int, answers_each: int, points: int = 20, items: int = 100, seed: int = 0) -> School:
    """Interleaved answers; every fourth item has two points; about a day passes between answers."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(0, 0.8, learners)[:, None] + rng.normal(0, 0.8, (learners, points))
    difficulty = rng.normal(0, 1, items)
    members = [[i % points] + ([(i + 7) % points] if i % 4 == 0 else []) for i in range(items)]
    rows, truth = [], []
    for turn in range(answers_each):
        for learner in range(learners):
            item = int(rng.integers(items))
            p = 1 / (1 + np.exp(difficulty[item] - ability[learner, members[item]].mean()))
            keys = [f"p{k}" for k in members[item]]
            at_s = turn * 86_400.0 + float(rng.random() * 3600)
            rows.append(online.Answer(learner, f"i{item}", keys, bool(rng.random() < p), at_s))
            truth.append(p)
    return School(rows, np.asarray(truth), {f"i{i}": float(d) for i, d in enumerate(difficulty)})
