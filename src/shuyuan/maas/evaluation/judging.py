"""Hold a report against a gate: every condition with the figure beside its limit. Pure."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shuyuan.maas.evaluation.interface import Comparison, Condition, Gate, Line, Note, Report, Used, Verdict

_KEEPS: Mapping[Comparison, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Unreported:
    """A champion without a report on the part and data that are judged. why: none could be made."""

    uri: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """A champion (`models:/name/3`) and the report that speaks for it. used: whose report that is."""

    uri: str
    report: Report
    used: Used = "report"


Other = Beside | Unreported | None


def compares(verdict: Verdict) -> bool:
    """Whether any line has the champion on its other side."""
    return any(line.said.startswith(CHAMPION) for line in verdict.lines)


def asks_for_champion(gate: Gate) -> bool:
    """Whether any condition has the champion on its other side."""
    return any(one.terms()[0] == CHAMPION for one in gate.conditions)


def compared_with(verdict: Verdict) -> str:
    """The champion that its lines were compared with; empty: none, or a verdict of an earlier version."""
    return next((line.champion for line in verdict.lines if line.champion), "")


def judge(gate: Gate, report: Report, champion: Other) -> Verdict:
    """Every line, in the gate's order. A missing figure or limit fails its line; nothing is skipped in silence.

    champion: None only where nothing is served; then what compares with it does not apply.
    """
    lines = tuple(_line(condition, gate, report, champion) for condition in gate.conditions)
    return Verdict(
        gate=gate.name,
        gate_number=gate.number,
        report_id=report.id,
        subject=report.subject,
        champion_report_id=champion.report.id if isinstance(champion, Beside) else None,
        passed=bool(lines) and all(line.passed for line in lines),
        lines=lines,
    )


def _line(condition: Condition, gate: Gate, report: Report, champion: Other) -> Line:
    value, why = report.figures.get(condition.figure), report.missing.get(condition.figure, "")
    limit, note = _limit(condition, report, champion)
    if report.part == "train" or (gate.part is not None and report.part != gate.part):
        passed, note = False, "wrong_part"
    elif value is None and why in condition.unless:
        passed, note = True, "not_applicable"
    elif value is None:
        passed, note = False, "missing_figure"
    elif limit is None:
        passed = note == "no_champion" and condition.first == "pass"
    else:
        passed = _KEEPS[condition.comparison](value, limit)
    if note == "champion_unreported" and isinstance(champion, Unreported):
        why = champion.why or f"evaluate {champion.uri} on part {report.part} of {report.data}"
    beside = champion if isinstance(champion, Beside) and condition.terms()[0] == CHAMPION else None
    return Line(
        figure=condition.figure,
        comparison=condition.comparison,
        said=str(condition.limit),
        value=value,
        limit=limit,
        passed=passed,
        note=note,
        reason=why,
        used=beside.used if beside else "",
        champion=beside.uri if beside else "",
    )


def _limit(condition: Condition, report: Report, champion: Other) -> tuple[float | None, Note]:
    name, sign, number = condition.terms()
    if not name:
        return number, ""
    if name == CHAMPION:
        if champion is None:
            return None, "no_champion"
        if isinstance(champion, Unreported):
            return None, "champion_unreported"
        if (champion.report.data_sha256, champion.report.part) != (report.data_sha256, report.part):
            return None, "champion_on_other_data"
        base = champion.report.figures.get(condition.figure)
    else:
        base = report.figures.get(name)
    if base is None:
        return None, "missing_limit"
    return (base * number if sign == "*" else base + number if sign == "+" else base - number), ""
