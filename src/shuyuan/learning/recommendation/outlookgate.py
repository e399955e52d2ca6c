"""The release check of an outlook model: is each head better than a mere share, and are its chances honest? Pure.

Judged on learners the fits had not seen. A head that fails is cut; a version of which no head is left is refused and
stays visible. It is not held against the version before, which was fitted on these very learners.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SURE = 1.645  # standard errors by which log loss has to lie below that of the share: one in twenty by chance
MARGIN_CALIBRATION = 0.1  # beyond what chance alone shows: fitted on some dozens of learners, chances are shy
Figures = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Condition:
    """One figure beside its limit, which it may not exceed."""

    head: str
    name: str
    figure: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the figure keeps the limit."""
        return self.figure <= self.limit


def conditions(found: Figures) -> tuple[Condition, ...]:
    """Every head's figures beside their limits."""
    told = []
    for head, one in found.items():
        told.append(Condition(head, "log_loss", one["log_loss"], one["share_log_loss"] - SURE * one["error"]))
        most = one["calibration_by_chance"] + MARGIN_CALIBRATION
        told.append(Condition(head, "calibration_error", one["calibration_error"], most))
    return tuple(told)


def kept(judged: tuple[Condition, ...]) -> list[str]:
    """The heads of which every condition is met."""
    failed = {one.head for one in judged if not one.passed}
    return [head for head in dict.fromkeys(one.head for one in judged) if head not in failed]


def spec(judged: tuple[Condition, ...]) -> dict[str, object]:
    """What the catalogue keeps beside the figures."""
    lines: list[dict[str, Any]] = [asdict(one) | {"passed": one.passed} for one in judged]  # Any: JSON
    return {"conditions": lines, "heads": kept(judged)}


def flat(found: Figures, learners: int) -> dict[str, float]:
    """Figures as the catalogue has them: `keeps_at_it.log_loss` …, and how many learners stand behind them."""
    told = {f"{head}.{name}": value for head, one in found.items() for name, value in one.items()}
    return told | {"learners": float(learners)}
