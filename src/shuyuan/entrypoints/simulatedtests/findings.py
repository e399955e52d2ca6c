"""What a simulation found: the figures of the table, of the JSON file and of the plots."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from shuyuan.entrypoints.simulatedtests.plan import Plan
from shuyuan.science.testing import adaptive
from shuyuan.science.testing.namedbank import NamedBank

_BAND = 0.5  # of ability
_ENDS = 3.0  # bands reach at least so far


class Band(NamedTuple):
    """People whose true ability lies in [low, high); bias and error are None of nobody."""

    low: float
    high: float
    people: int
    bias: float | None
    error: float | None


class Topic(NamedTuple):
    """share: of the questions asked, in all."""

    name: str
    questions: int
    share: float


class Step(NamedTuple):
    """The standard error after so many questions: of the surest tenth, the middle, and the least sure tenth."""

    questions: int
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Findings:
    """A plan, a bank and what came of it. source: where the bank is from."""

    plan: Plan
    bank: NamedBank
    source: str
    outcome: adaptive.Outcome

    @property
    def figures(self) -> dict[str, float]:
        """The numbers of the table, in its order."""
        found = self.outcome
        return {
            "items_median": float(np.median(found.length)),
            "error_mean": float(found.error.mean()),
            "bias": found.bias,
            "rmse": found.rmse,
            "exposure_largest": float(found.exposure.max()),
            "bank_used": found.bank_used,
            "error_reached": float((found.error <= self.plan.error).mean()),
        }

    @property
    def overseen(self) -> bool:
        """Whether a question was seen by more than the limit allows."""
        return self.figures["exposure_largest"] > self.plan.exposure + 1 / self.plan.examinees

    @property
    def bands(self) -> list[Band]:
        """By true ability, in steps that hold everybody."""
        reach = max(_ENDS, float(np.abs(self.outcome.ability).max()) + 1e-9)
        edge = _BAND * int(np.ceil(reach / _BAND))
        rows = self.outcome.by_ability(np.arange(-edge, edge + _BAND / 2, _BAND))
        return [Band(*row[:3], *(row[3:] if row[2] else (None, None))) for row in rows]

    @property
    def topics(self) -> list[Topic]:
        """Each topic of the bank, where there is more than one."""
        seen = np.bincount(self.bank.bank.content, self.outcome.exposure, len(self.bank.topics))
        stock = np.bincount(self.bank.bank.content, minlength=len(self.bank.topics))
        rows = zip(self.bank.topics, stock, seen / seen.sum(), strict=True)
        return [Topic(name, int(there), float(share)) for name, there, share in rows] if len(stock) > 1 else []

    @property
    def steps(self) -> list[Step]:
        """From no question on; who has ended stays where they ended."""
        spread = np.quantile(self.outcome.error_after, (0.1, 0.5, 0.9), axis=0).T
        return [Step(count, *map(float, row)) for count, row in enumerate(spread)]

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All of it, each person and each question included."""
        found = self.outcome
        return {
            "plan": asdict(self.plan) | {"fewest": self.plan.least},
            "bank": {"source": self.source, "questions": len(self.bank.items)},
            "figures": self.figures,
            "by_ability": [one._asdict() for one in self.bands],
            "by_topic": [one._asdict() for one in self.topics],
            "error_after": [one._asdict() for one in self.steps],
            "exposure": dict(zip(self.bank.items, found.exposure.tolist(), strict=True)),
            "examinees": {
                "ability": found.ability.tolist(),
                "estimate": found.estimate.tolist(),
                "error": found.error.tolist(),
                "items": found.length.tolist(),
            },
        }
