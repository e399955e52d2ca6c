"""`shuyuan cross-validate`: a fit for each fold, figures with their mean and interval; `shuyuan shuffled-fit`: one with
labels that mean nothing, to see whether something leaks. They ask the server that runs; where none does they train in
the foreground, and Ctrl-C leaves it for the next `shuyuan up`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import conditions, data, reaching
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit
from shuyuan.maas.evaluation import interface

_out = Console(highlight=False, soft_wrap=True)
_LOOK_EVERY_S = 1.0
_PARTS = ("train", "validation")
_Json = Mapping[str, Any]  # Any: JSON


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("cross-validate")(cross_validate)
    app.command("shuffled-fit")(shuffled_fit)


@reaching.asked
def cross_validate(
    run: Annotated[str, typer.Argument(help="runs:/id whose task, data and config are taken; or give them.")] = "",
    task: Annotated[str, typer.Option(help="What to train.")] = "",
    data_: Annotated[str, typer.Option("--data", help="data:/name/3, or data:/name for the newest.")] = "",
    folds: Annotated[int, typer.Option(min=2, max=20, help="How many.")] = 5,
    by: Annotated[str, typer.Option(help="auto, person, stratified, random or time.")] = "auto",
    with_test: Annotated[bool, typer.Option("--with-test", help="Deal the test part, too; that is logged.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A field of the task: rate=0.01; repeat it.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended.")] = False,
    *,
    way: reaching.Way,
) -> None:
    """Train a fit for each fold of the rows and report on all that was held out."""
    parts = (*_PARTS, "test") if with_test else _PARTS
    told = {"run": run, "task": task, "data": data_, "k": folds, "by": by, "parts": parts}
    told |= {"config": conditions.fields(set_)} if set_ else {}
    new = conditions.valid(interface.NewCrossValidation, told)
    body = new.model_dump(mode="json")
    _order(way, "/api/cross-validations", body, lambda there, who: there.cross_validate(who, new), follow)


@reaching.asked
def shuffled_fit(
    report: Annotated[str, typer.Argument(help="Id of a report on a run that finds classes or a number.")],
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended.")] = False,
    *,
    way: reaching.Way,
) -> None:
    """Train what a report is of once more, at most 5 epochs, with shuffled labels: what it finds then, it must not."""
    path = f"/api/reports/{quote(report, safe='')}/shuffled-fits"
    _order(way, path, None, lambda there, who: there.retrain_shuffled(who, report), follow)


def _order(
    way: reaching.Way,
    path: str,
    body: _Json | None,
    begin: Callable[[interface.Evaluation, Principal], interface.Refit],
    follow: bool,
) -> None:
    """At the server by `path`, or here by `begin`."""
    if way.server is not None or way.key is not None or reaching.has_way(way.home):
        with reaching.server_of(*way) as there:
            begun = reaching.told(there.post(path, json=body))
            _followed(lambda: reaching.told(there.get(f"/api/cross-validations/{begun['id']}")), follow)
        return
    with installation.opened(way.home) as platform, installation.sole_server(platform.settings.home):
        school_id = data.chosen_school(platform.get("identity").schools(), way.school).id
        evaluation = _at_work(platform)
        refit = begin(evaluation, Principal(audit.SYSTEM, school_id, "admin"))
        _followed(lambda: evaluation.refit(school_id, refit.id).model_dump(mode="json"), True)


def _at_work(platform: compose.Platform) -> interface.Evaluation:
    """Training and evaluation of this home, in this process."""
    training, evaluation = platform.get("training"), platform.get("evaluation")
    training.readings = evaluation.note_reading
    training.open()
    evaluation.refit_work.open()
    found: interface.Evaluation = evaluation
    return found


def _followed(look: Callable[[], _Json], stay: bool) -> None:
    now, ended = look(), -1
    while stay and now["state"] == "running":
        if now["ended"] != ended:
            ended = now["ended"]
            _out.print(f"{ended} of {now['k']} folds, {now['stage']}")
        time.sleep(_LOOK_EVERY_S)
        now = look()
    _print(now)
    if now["state"] in ("failed", "cancelled"):
        raise typer.Exit(1)


def _print(now: _Json) -> None:
    what = "cross-validation" if now["kind"] == "folds" else "fit with shuffled labels"
    _out.print(f"{what} {now['number']} (cv:/{now['id']}): {now['state']}", markup=False)
    if now["error"]:
        _out.print(f"{now['error']['message']}; {now['error'].get('fix', '')}", markup=False)
    if (one := now["retrained"]) is not None:
        leaks = "too far: something leaks into training" if one["flagged"] else "near enough: nothing leaks that way"
        _out.print(f"{one['figure']} {one['value']:.4g}, by chance {one['chance']:.4g}: {leaks}", markup=False)
    if not now["spreads"]:
        return
    table = Table("figure", "mean", "95 % interval", *(f"fold {n}" for n in range(1, now["k"] + 1)))
    for name, one in now["spreads"].items():
        bounds = f"{one['low']:.4g} – {one['high']:.4g}" if one["low"] is not None else ""
        table.add_row(Text(name), f"{one['mean']:.4g}", bounds, *(f"{value:.4g}" for value in one["values"]))
    _out.print(table)
    _out.print(f"report {now['report_id']}", markup=False)
