"""`shuyuan cross-validate`: a fit for each fold, figures with their mean and interval. Asks the server that runs; where
none does it trains in the foreground, and Ctrl-C leaves it for the next `shuyuan up`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

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
    """Add the command."""
    app.command("cross-validate")(cross_validate)


def cross_validate(
    run: Annotated[str, typer.Argument(help="runs:/id whose task, data and config are taken; or give them.")] = "",
    task: Annotated[str, typer.Option(help="What to train.")] = "",
    data_: Annotated[str, typer.Option("--data", help="data:/name/3, or data:/name for the newest.")] = "",
    folds: Annotated[int, typer.Option(min=2, max=20, help="How many.")] = 5,
    by: Annotated[str, typer.Option(help="auto, person, stratified, random or time.")] = "auto",
    with_test: Annotated[bool, typer.Option("--with-test", help="Deal the test part, too; that is logged.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A field of the task: rate=0.01; repeat it.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended.")] = False,
    home: reaching.Home = None,
    server: reaching.Server = None,
    key: reaching.Key = None,
    school: reaching.School = None,
) -> None:
    """Train a fit for each fold of the rows and report on all that was held out."""
    parts = (*_PARTS, "test") if with_test else _PARTS
    told = {"run": run, "task": task, "data": data_, "k": folds, "by": by, "parts": parts}
    told |= {"config": conditions.fields(set_)} if set_ else {}
    new = conditions.valid(interface.NewCrossValidation, told)
    if server is not None or key is not None or reaching.has_way(home):
        with reaching.server_of(home, server, key, school) as there:
            begun = reaching.told(there.post("/api/cross-validations", json=new.model_dump(mode="json")))
            _followed(lambda: reaching.told(there.get(f"/api/cross-validations/{begun['id']}")), follow)
        return
    with installation.opened(home) as platform, installation.sole_server(platform.settings.home):
        school_id = data.chosen_school(platform.get("identity").schools(), school).id
        evaluation = _at_work(platform)
        refit = evaluation.cross_validate(Principal(audit.SYSTEM, school_id, "admin"), new)
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
    _out.print(f"cross-validation {now['number']} (cv:/{now['id']}): {now['state']}", markup=False)
    if now["error"]:
        _out.print(f"{now['error']['message']}; {now['error'].get('fix', '')}", markup=False)
    if not now["spreads"]:
        return
    table = Table("figure", "mean", "95 % interval", *(f"fold {n}" for n in range(1, now["k"] + 1)))
    for name, one in now["spreads"].items():
        bounds = f"{one['low']:.4g} – {one['high']:.4g}" if one["low"] is not None else ""
        table.add_row(Text(name), f"{one['mean']:.4g}", bounds, *(f"{value:.4g}" for value in one["values"]))
    _out.print(table)
    _out.print(f"report {now['report_id']}", markup=False)
