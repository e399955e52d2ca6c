"""`shuyuan evaluate`: a model or a run on a part of a data set, its figures, its report, and what a gate says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data as data_commands
from shuyuan.kernel import errors
from shuyuan.maas.evaluation import interface

_out = Console(highlight=False, soft_wrap=True)
_ACTOR = "system"
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(evaluate)


def evaluate(
    subject: Annotated[str, typer.Argument(help="models:/name/3, a model's name, or runs:/id.")],
    data: Annotated[str, typer.Option(help="data:/name/3, or data:/name for the newest.")],
    part: Annotated[
        str, typer.Option(help="train, validation or test; each reading of test is logged.")
    ] = "validation",
    group: Annotated[list[str] | None, typer.Option(help="Column to compare people by; may be repeated.")] = None,
    task: Annotated[str, typer.Option(help="Needed only where the model does not say it.")] = "",
    gate: Annotated[str | None, typer.Option(help="Judge by this gate too; auto: the one of its task.")] = None,
    against: Annotated[str | None, typer.Option(help="The champion that the gate compares with.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the same as JSON to this file.")] = None,
    language: Annotated[str, typer.Option(help="zh or en, of the file.")] = "zh",
    school: Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")] = None,
    home: Home = None,
) -> None:
    """Evaluate a model on a part of a data set. With --gate it exits with 1 when the gate does not pass."""
    new = _asked(subject, data, part, group or [], task)
    with installation.opened(home) as platform:
        school_id = data_commands.chosen_school(platform.get("identity").schools(), school).id
        evaluation: interface.Evaluation = platform.get("evaluation")
        name = "" if gate in (None, "auto") else str(gate)
        if name:  # an unknown one, or one for another part, is refused before anything is evaluated
            _require_part(evaluation.gate(school_id, name), part)
        report = _made(evaluation, school_id, new)
        _print(report)
        if html is not None:
            html.write_bytes(evaluation.html(school_id, report.id, _language(language)))
        if json is not None:
            json.write_text(report.model_dump_json(indent=1), "utf-8")
        if gate is None:
            return
        champion = _made(evaluation, school_id, new.model_copy(update={"subject": against})) if against else None
        verdict = evaluation.judge(school_id, _ACTOR, name, report.id, champion.id if champion else None)
    _verdict(verdict)
    if not verdict.passed:
        raise typer.Exit(1)


def _asked(subject: str, data: str, part: str, groups: Sequence[str], task: str) -> interface.NewReport:
    if part not in ("train", "validation", "test"):
        raise errors.BadInput(f"there is no part {part!r}", fix="use train, validation or test")
    told = {"subject": subject, "data": data, "part": part, "groups": tuple(groups), "task": task}
    return interface.NewReport.model_validate(told)


def _require_part(gate: interface.Gate, part: str) -> None:
    if gate.part is not None and gate.part != part:
        raise errors.BadInput(
            f"gate {gate.name!r} judges reports on part {gate.part}, not on {part}",
            fix=f"evaluate with --part {gate.part}, or name another gate",
        )


def _language(said: str) -> Literal["zh", "en"]:
    if said not in ("zh", "en"):
        raise errors.BadInput(f"there is no language {said!r}", fix="use zh or en")
    return "zh" if said == "zh" else "en"


def _made(evaluation: interface.Evaluation, school_id: str, new: interface.NewReport) -> interface.Report:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_out, transient=True) as bar:
        line = bar.add_task(Text(new.subject).plain, total=None)

        def tell(now: Mapping[str, object]) -> None:
            bar.update(
                line, description=str(now["stage"]), completed=float(str(now["step"])), total=float(str(now["steps"]))
            )

        made = evaluation.evaluate(school_id, _ACTOR, new, on_progress=tell)
    return evaluation.report(school_id, made.id)


def _print(report: interface.Report) -> None:
    table = Table("figure", "value", "95 % interval", title=Text(f"{report.subject} on {report.data} {report.part}"))
    for name, value in report.figures.items():
        bounds = report.intervals.get(name)
        table.add_row(Text(name), f"{value:.5g}", f"{bounds.low:.4g} – {bounds.high:.4g}" if bounds else "")
    _out.print(table)
    if report.of_class is not None:
        _out.print(f"precision, recall, f1, auc, brier, calibration: of class {report.of_class!r}", markup=False)
    for one in report.slices:
        where = ", ".join(f"{column} = {value}" for column, value in one.where.items())
        _out.print(f"worse where {where}: {interface.worse(one, report.family, 'en')}", markup=False)
    for gap in report.groups:
        _gap(gap)
    if report.control is not None and report.control.flagged:
        suspects = ", ".join(one.column for one in report.control.suspects)
        _out.print(f"the label seems to leak{': ' + suspects if suspects else ''}", markup=False)
    _out.print(f"report {report.id}", markup=False)


def _gap(gap: interface.Gap) -> None:
    """Each group's own figure, then how far they are apart."""
    figure = interface.figure_name(gap.figure, "en")
    apart = "too few to compare" if gap.gap is None else f"apart by {gap.gap:.3g}"
    chance = "" if gap.by_chance is None else f", by chance below {gap.by_chance:.3g} in 95 of 100"
    _out.print(f"{gap.column}, {figure}: {apart}{chance}", markup=False)
    for one in gap.groups:
        _out.print(f"  {interface.group_words(one, 'en')}", markup=False)


def _verdict(verdict: interface.Verdict) -> None:
    table = Table("condition", "figure", "limit", "", "why", title=Text(f"gate {verdict.gate}"))
    for line in verdict.lines:
        said = f"{line.figure} {line.comparison} {line.said}"
        value = "missing" if line.value is None else f"{line.value:.5g}"
        limit = "" if line.limit is None else f"{line.limit:.5g}"
        why = " ".join(one for one in (line.note.replace("_", " "), line.reason) if one)
        table.add_row(Text(said), value, limit, "kept" if line.passed else "NOT KEPT", Text(why))
    _out.print(table)
    _out.print("passed" if verdict.passed else "not passed")
    _out.print(f"verdict {verdict.id}", markup=False)
