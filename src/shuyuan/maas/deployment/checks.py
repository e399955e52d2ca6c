"""What must hold before a version is tried, promoted or gone back to. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from shuyuan.kernel import clock, errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.deployment import interface
from shuyuan.maas.evaluation import interface as evaluation

_DOUBTS: Mapping[evaluation.Doubt, str] = {
    "gate_changed": "it was changed since",
    "other_champion": "it did not compare with what is served now",
    "other_gate": "it is not the gate of this task",
}


def served(version: catalogue.Version) -> None:
    """Raise Conflict for a version that a module of its own reads and chooses."""
    if version.runner not in catalogue.runner_kinds():
        raise errors.Conflict(
            f"{version.uri} is run by {version.runner!r}, which chooses its own versions",
            fix="use the page of the module that runs it",
        )


def deployable(
    model: str,
    champion: catalogue.Version | None,
    candidate: catalogue.Version,
    *,
    share: float | None,
    shadow: bool,
) -> None:
    """Raise unless `candidate` may answer some people of `model`, or run beside it."""
    if share is None and not shadow:
        raise errors.BadInput("neither a canary share nor shadow is asked for", fix="give one of them, or promote")
    if share is not None and not 0 < share <= interface.MAX_SHARE:
        raise errors.BadInput(
            f"the canary share is {share:g}", fix=f"give more than 0 and at most {interface.MAX_SHARE:g}, such as 0.1"
        )
    served(candidate)
    if champion is None:
        raise errors.Conflict(
            f"{model!r} has no champion to go back to", fix="promote a version first", code="no_champion"
        )
    not_champion(candidate, champion)
    if shadow and candidate.runner == "remote":
        raise errors.Conflict(
            f"{candidate.uri} runs on another server: it would get every question without being asked for it",
            fix="shadow a version that runs here",
        )
    if missing := sorted(set(champion.tasks) - set(candidate.tasks)):
        raise errors.Conflict(
            f"{candidate.uri} does not do {', '.join(missing)}, which {champion.uri} does",
            fix="try a version that claims the same tasks",
        )
    _same_inputs(champion, candidate)


def not_champion(candidate: catalogue.Version, champion: catalogue.Version | None) -> None:
    """Raise Conflict for a trial or a promotion that would change nothing but the history."""
    if champion is not None and champion.id == candidate.id:
        raise errors.Conflict(
            f"{candidate.uri} is the champion already",
            fix="choose another version; a trial beside it ends by stopping it",
            code="champion_already",
        )


def beside(before: Row[Any] | None, version: int, *, share: float | None, shadow: bool) -> dict[str, Any]:
    """What is tried from now on: the one that is not named stays.  Any: values of the row."""
    canary, part = (before.canary_version, before.canary_share) if before is not None else (None, 0.0)
    if share is not None:
        canary, part = version, share
    shown = version if shadow else (before.shadow_version if before is not None else None)
    return {
        "canary_version": canary,
        "canary_share": part,
        "shadow_version": shown,
        "state": "canary" if canary is not None else "shadow",
    }


def thawed(why: str, until: datetime | None) -> None:
    """Raise Frozen while nothing may change by itself."""
    if why:
        told = "an exam is running" if why == "exam" else "classes may be sitting"
        when = f" until {until.isoformat(sep=' ', timespec='minutes')}" if until is not None else ""
        raise interface.Frozen(f"{told}: nothing changes by itself{when}", fix="a person may do it, or it waits")


def thaws_at(local: datetime, exam_until: datetime | None) -> datetime | None:
    """When changes may happen by themselves again; None: they may now. local: in the school's own time.

    >>> from datetime import UTC
    >>> monday = datetime(2026, 9, 7, 9, tzinfo=UTC)
    >>> thaws_at(monday, None).hour, thaws_at(monday, monday.replace(hour=20)).hour
    (18, 20)
    """
    at = clock.after_school(local)
    if exam_until is not None and exam_until > at:
        at = clock.after_school(exam_until.astimezone(local.tzinfo))
    return at if at > local else None


def subjects(candidate: catalogue.Version) -> tuple[str, ...]:
    """What a verdict on this version may be of. A parent is somebody else, and so is the run of what was compressed."""
    run = candidate.lineage.get("run", "")
    return (candidate.uri, run) if run and "compression" not in candidate.lineage else (candidate.uri,)


def of_candidate(verdict: evaluation.Verdict, candidate: catalogue.Version) -> evaluation.Verdict:
    """The verdict, if it judged this version or the run whose file it is. Raises BadInput."""
    if verdict.subject not in subjects(candidate):
        raise errors.BadInput(
            f"the verdict is of {verdict.subject[:120]!r}, not of {candidate.uri}", fix="judge this version"
        )
    return verdict


def serving_reason(
    verdict: evaluation.Verdict | None, doubt: evaluation.Doubt, reason: str, *, by_admin: bool, automatic: bool
) -> str:
    """Why this may answer people. Raises GateNotPassed without a verdict that holds, or an administrator's reason.

    What goes on by itself has a verdict; an administrator who began it may have named its gate.
    """
    if verdict is not None and verdict.passed and not doubt:
        return reason.strip() or f"gate {verdict.gate} passed"
    said = _unproven(verdict, doubt)
    named = verdict is not None and verdict.passed and doubt == "other_gate"
    if not by_admin or (automatic and not named):
        raise interface.GateNotPassed(
            f"{said}, and no administrator takes the decision",
            fix="judge it by the gate of its task, or let an administrator decide",
        )
    if not reason.strip():
        raise interface.GateNotPassed(
            f"{said}, and no reason is given",
            fix="say why it should be served all the same, or order a report of it and hold that against its gate",
        )
    return reason.strip()


def _unproven(verdict: evaluation.Verdict | None, doubt: evaluation.Doubt) -> str:
    if verdict is None:
        return "no gate was asked"
    if not verdict.passed:
        return f"gate {verdict.gate} failed: {', '.join(line.figure for line in verdict.failed)[:200]}"
    return f"gate {verdict.gate} passed, but {_DOUBTS[doubt]}"


def told_of(verdict: evaluation.Verdict | None) -> dict[str, object] | None:
    """What the history keeps of a verdict."""
    if verdict is None:
        return None
    return {"id": verdict.id, "gate": verdict.gate, "passed": verdict.passed, "report": verdict.report_id}


def champion_before(model: str, history: Sequence[catalogue.Alias]) -> int:
    """The champion one step back. history: newest first. Raises Conflict."""
    back = way_back(history)
    if back is None:
        raise errors.Conflict(
            f"{model[:120]!r} has no earlier champion",
            fix="promote the version you want by number",
            code="no_earlier_champion",
        )
    return back


def way_back(history: Sequence[catalogue.Alias]) -> int | None:
    """The champion one step back, if there is one. A move to an earlier one is a way back and not a new step, so that
    going back twice goes back two."""
    way = list[catalogue.Alias]()
    for move in reversed(history):
        known = [at for at, one in enumerate(way) if one.version_id == move.version_id]
        way = way[: known[-1] + 1] if known else [*way, move]
    return way[-2].version_number if len(way) > 1 else None


def _same_inputs(champion: catalogue.Version, candidate: catalogue.Version) -> None:
    one, other = _inputs(champion.spec), _inputs(candidate.spec)
    if one and other and one != other:
        raise errors.Conflict(
            f"{candidate.uri} takes {', '.join(sorted(other))[:200]}, {champion.uri} {', '.join(sorted(one))[:200]}",
            fix="callers would have to change: give it a name of its own",
        )


def _inputs(spec: Mapping[str, object]) -> set[str]:
    """Names and datatypes that a version says it takes; empty: it does not say."""
    told = spec.get("inputs")
    if not isinstance(told, Sequence) or isinstance(told, str):
        return set()
    return {
        f"{port.get('name')}:{port.get('dtype') or port.get('datatype') or ''}"
        for port in told
        if isinstance(port, Mapping)
    }
