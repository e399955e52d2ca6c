"""`shuyuan pipeline start|show|list|cancel|schedule`: from data to a deployed model, with or without a server."""

import contextlib
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import moments
from shuyuan.entrypoints.commands import pipeline_schedules as schedules
from shuyuan.kernel import audit
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.pipelines import interface

_ROOMS = ("datasets", "training", "evaluation", "compression", "deployment", "pipelines")
_LOOK_EVERY_S = 0.5
_HELD = (
    "it goes on by itself then; before that `shuyuan promote {model} --version N` makes the change, "
    "`shuyuan pipeline cancel {number}` ends it"
)
_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
School = Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")]
Which = Annotated[str, typer.Argument(help="Number or id.")]
_app = typer.Typer(help="Pipelines: from data to a deployed model, durable.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    _app.add_typer(schedules.app, name="schedule")
    app.add_typer(_app, name="pipeline")


@_app.command()
def start(
    spec: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON file; see docs/life-cycle.")],
    school: School = None,
    home: Home = None,
) -> None:
    """Start one. A server that runs goes on with it; where none does, this command stays until it has ended."""
    said = schedules.read(spec)
    with installation.opened(home) as platform:
        school_id = schedules.chosen(platform, school)
        begun = schedules.pipelines(platform).start(school_id, audit.SYSTEM, said)
        _out.print(f"pipeline {begun.number} begins", markup=False)
        folder = kernel_settings.load(home=home).home
        if installation.is_served(folder):
            return
        with installation.sole_server(folder):
            ended = _done_here(platform, school_id, begun.id)
    _show(ended)
    if ended.state != "finished":
        raise typer.Exit(1)


@_app.command()
def show(which: Which, school: School = None, home: Home = None) -> None:
    """Each step with its state."""
    with installation.opened(home) as platform:
        _show(schedules.pipelines(platform).pipeline(schedules.chosen(platform, school), which))


@_app.command("list")
def list_(school: School = None, home: Home = None) -> None:
    """Newest first."""
    table = Table("number", "name", "model", "state", "version", "begun")
    with installation.opened(home) as platform:
        for one in schedules.pipelines(platform).pipelines(schedules.chosen(platform, school)):
            row = (one.name, one.model, one.state, one.version or "", moments.told(one.created_at))
            table.add_row(str(one.number), *(Text(word) for word in row))
    _out.print(table)


@_app.command()
def cancel(which: Which, school: School = None, home: Home = None) -> None:
    """Stop one and the work under way."""
    with installation.opened(home) as platform:
        school_id = schedules.chosen(platform, school)
        pipelines = schedules.pipelines(platform)
        before = pipelines.pipeline(school_id, which)
        pipelines.cancel(school_id, audit.SYSTEM, before.id)
        when = "" if installation.is_served(platform.settings.home) else " once a server runs: `shuyuan up`"
    how = "is being stopped already: it ends" if before.cancelling else "stops"
    _out.print(f"pipeline {before.number} {how}{when or ' now'}", markup=False)


def _done_here(platform: compose.Platform, school_id: str, pipeline_id: str) -> interface.Pipeline:
    """Do it in this process. Ctrl-C leaves it as it is: the next server, or `start`, goes on."""
    platform.get("batch_work")  # knows what else may lie unfinished here, and leaves it to a server
    platform.register_jobs([name for name in _ROOMS if name in compose.PARTS])
    for name in ("outbox", "scheduler"):
        platform.get(name).start()
    told = set[str]()
    while True:
        now = schedules.pipelines(platform).pipeline(school_id, pipeline_id)
        for step in now.steps:
            if step.state != "waiting" and (word := f"{step.name} {step.state}") not in told:
                told.add(word)
                _out.print(word, markup=False)
        if now.state in interface.ENDED:
            return now
        with contextlib.suppress(InterruptedError):
            time.sleep(_LOOK_EVERY_S)


def _show(pipeline: interface.Pipeline) -> None:
    told = f" ({pipeline.reason})" if pipeline.reason else ""
    _out.print(f"pipeline {pipeline.number}, {pipeline.name}: {pipeline.state}{told}", markup=False)
    table = Table("step", "state", "what came of it")
    for step in pipeline.steps:
        gave = step.error["message"] if step.error else ", ".join(f"{k} {v}" for k, v in step.output.items() if v)
        table.add_row(Text(step.name), Text(step.state), Text(gave))
    _out.print(table)
    if pipeline.state == "held":
        _out.print(_HELD.format(model=pipeline.model, number=pipeline.number), markup=False)
    if pipeline.left:
        _out.print(f"versions it left behind: {', '.join(pipeline.left)}", markup=False)
        _out.print(f"delete one: `shuyuan delete {pipeline.left[0].removeprefix('models:/')} --reason …`", markup=False)
