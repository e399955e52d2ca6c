"""Gates: named lists of conditions over a report's figures; and verdicts, line by line."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from shuyuan.maas.datasets.interface import Part
from shuyuan.maas.evaluation.facts import Fact

Comparison = Literal[">=", "<=", ">", "<"]
_LIMIT = re.compile(r"\s*(?P<name>[a-z][a-z0-9_:@.]*)\s*(?:(?P<sign>[-+*])\s*(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?))?\s*")


def _check_limit(limit: float | str) -> float | str:
    if isinstance(limit, str) and not _LIMIT.fullmatch(limit):
        raise ValueError(f"limit {limit!r} is not readable; write 0.9, 'champion - 0.01' or 'champion * 1.2'")
    return limit


class Condition(Fact):
    """One line of a gate: a figure of the report against a limit.

    limit: a number; or `champion`, or the name of another figure of the same report, with ± or * a number:
    "champion - 0.01", "champion * 1.2", "calibration_by_chance + 0.03".
    first: what a comparison with the champion means while there is no champion.
    unless: reasons (as in a report's `missing`) for which the figure does not apply; then the line passes and says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str = Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")
    comparison: Comparison
    limit: Annotated[float | str, AfterValidator(_check_limit)]
    first: Literal["pass", "fail"] = "pass"
    unless: tuple[Literal["no_groups", "no_model", "no_control", "no_probabilities"], ...] = ()

    def terms(self) -> tuple[str, str, float]:
        """The limit taken apart: (name, sign, number); a plain number has no name.

        >>> Condition(figure="auc", comparison=">=", limit="champion - 0.01").terms()
        ('champion', '-', 0.01)
        >>> Condition(figure="auc", comparison=">=", limit=0.9).terms()
        ('', '+', 0.9)
        """
        if not isinstance(self.limit, str):
            return "", "+", float(self.limit)
        found = _LIMIT.fullmatch(self.limit)
        assert found is not None  # checked when it was made
        return found["name"], found["sign"] or "+", float(found["number"] or 0)


class Gate(Fact):
    """A named list of conditions, of one school. number counts its changes; 0 is a gate shipped with the platform."""

    name: str
    conditions: tuple[Condition, ...]
    part: Part | None = Field(None, description="The part a report must be on; None: any.")
    number: int = 0
    reason: str = Field("", description="Why it was set as it is.")
    school_id: str = ""
    created_by: str = ""
    created_at: datetime | None = None


class NewGate(Fact):
    """What one says to set a gate.

    reason: needed where one of its name is in force, a shipped one too.  expected: the number of the gate one has
    looked at; refused if somebody changed it since.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=40)
    part: Part | None = None
    reason: str = Field("", max_length=400, pattern=r"^[^\x00]*$")
    expected: int | None = Field(None, ge=0, description="Number of the gate in force; 0: a shipped one. None: any.")


Note = Literal[
    "",
    "missing_figure",
    "missing_limit",
    "no_champion",
    "champion_unreported",
    "champion_on_other_data",
    "wrong_part",
    "not_applicable",
]
Doubt = Literal["", "gate_changed", "other_champion", "other_gate"]
Used = Literal["", "report", "run_report", "made"]


class Line(Fact):
    """One condition judged: the figure beside its limit.

    note: why a side is missing.  reason: what the report says of it, or what to do.
    used: which report the champion's figure is from: its own, that of the run it was made from, or one made for this.
    champion: `models:/name/3` that it was compared with.
    """

    figure: str
    comparison: Comparison
    said: str = Field(description="The limit as the gate says it.")
    value: float | None
    limit: float | None
    passed: bool
    note: Note = ""
    reason: str = ""
    used: Used = ""
    champion: str = ""


class Verdict(Fact):
    """What a gate said of a report. `id` is empty until it is stored."""

    gate: str
    gate_number: int
    report_id: str
    subject: str
    champion_report_id: str | None
    passed: bool
    lines: tuple[Line, ...]
    id: str = ""
    judged_by: str = ""
    at: datetime | None = None

    @property
    def failed(self) -> tuple[Line, ...]:
        """The lines that did not pass."""
        return tuple(line for line in self.lines if not line.passed)
