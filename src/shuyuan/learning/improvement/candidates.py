"""A candidate of either kind, fitted and judged: its weights, its figures on held-out learners, and what the gate says.

Both kinds go through the same report beside the version in use, as they would be served: answer by answer.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from shuyuan.learning.courses.interface import Worded
from shuyuan.learning.improvement import fitting, gate
from shuyuan.learning.improvement.dataset import DataSet
from shuyuan.learning.improvement.interface import MINIMUM_ANSWERS, MINIMUM_LEARNERS, Condition, NotEnoughAnswers
from shuyuan.maas.catalogue.interface import LocalText, NewVersion
from shuyuan.science import metrics
from shuyuan.science.tracing import online, serving
from shuyuan.science.tracing.serving import newitems, stability

SEED = 7
MODEL = "tracer"
CARD = LocalText(
    zh="本校学情追踪：只用同意用于改进的学生的作答拟合，每次作答后更新掌握程度。",
    en="This school's knowledge tracer: fitted on answers of learners who agreed, it moves mastery with every answer.",
)


class Fit(Protocol):
    """How the online tracer is fitted: `online.fit`, or another way in a test."""

    def __call__(self, table: online.Interactions, *, seed: int) -> online.Params: ...


@dataclass(frozen=True)
class Candidate:
    """What one turn made."""

    tracer: serving.Tracer
    weights: bytes
    figures: dict[str, float]
    conditions: tuple[Condition, ...]
    reference: Mapping[str, Any]  # JSON: what `watching` holds later answers against
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every figure keeps its limit."""
        return all(condition.passed for condition in self.conditions)

    @property
    def refusal(self) -> str:
        """The names of those that do not."""
        return ", ".join(condition.name for condition in self.conditions if not condition.passed)

    def registered(self, weights_sha256: str, lineage: Mapping[str, str]) -> NewVersion:
        """What the catalogue is told. lineage: what it was made of."""
        return NewVersion(
            model=MODEL,
            runner="online",
            artefact_sha256=weights_sha256,
            size_bytes=len(self.weights),
            card=CARD,
            figures=self.figures,
            lineage={**lineage, "seed": str(SEED), "kind": self.tracer.kind},
        )


def refitted(data: DataSet, champion: serving.Tracer, worded: Worded, fit: Fit) -> Candidate:
    """The Kalman step, fitted anew."""
    began = time.monotonic()
    params = fit(data.fit, seed=SEED)
    return _judged(*_reading(serving.write(params.to_arrays()), data, worded), data, champion, began)


def of_a_net(data: DataSet, champion: serving.Tracer, worded: Worded, fit: fitting.FitNet) -> Candidate:
    """A recurrent tracer; it is judged beside its own Kalman step as well."""
    began = time.monotonic()
    return _judged(*_reading(fit(data.fit_rows, SEED), data, worded), data, champion, began)


def enough(data: DataSet) -> None:
    """Raise NotEnoughAnswers where there is too little to learn from, or to judge by."""
    judged = set(data.held_out.correct.tolist())
    if data.answers < MINIMUM_ANSWERS or data.learners < MINIMUM_LEARNERS or len(judged) < 2:
        raise NotEnoughAnswers(
            f"{data.answers} answers of {data.learners} learners who agreed",
            fix=f"the loop turns from {MINIMUM_ANSWERS} answers of {MINIMUM_LEARNERS} learners on",
        )


def _reading(weights: bytes, data: DataSet, worded: Worded) -> tuple[bytes, dict[str, float]]:
    """The weights, with guesses for items nobody has answered where those help; and what was found of them."""
    tracer = serving.read(weights)
    found = newitems.guess(tracer, data.fit, data.held_out, worded.items)
    if found is None:
        return weights, {}
    guessed = found.difficulties if found.chosen.helps else {}
    told = {"guessed": len(guessed), "helps": found.chosen.helps, "by_meaning": worded.by_meaning}
    told |= {f"chosen_{name}": getattr(found.chosen, name) for name in ("answers", "difference", "low", "high")}
    if found.judged is not None:
        told |= asdict(found.judged)
    if guessed:
        weights = serving.with_params(weights, newitems.with_items(tracer.params, guessed))
    return weights, {f"new_item_{name}": float(value) for name, value in told.items()}


def _judged(
    weights: bytes, of_new_items: Mapping[str, float], data: DataSet, champion: serving.Tracer, began: float
) -> Candidate:
    tracer, table = serving.read(weights), data.held_out
    said, in_use = serving.replay(tracer, table), serving.replay(champion, table)
    figures = gate.figures(table.correct, said, in_use, table.learner, SEED)
    figures["shuffled_auc"] = gate.control(tracer, table, SEED)
    figures["held_out_learners"] = float(data.held_out_learners)
    figures |= of_new_items
    if tracer.net is not None:
        figures["refit_log_loss"] = metrics.log_loss(table.correct, online.replay(tracer.params, table))
    population = stability.population(tracer.params, data.fit, table)
    reference = {"population": population._asdict()}
    seconds = time.monotonic() - began
    return Candidate(tracer, weights, figures, gate.conditions(figures), reference, seconds)
