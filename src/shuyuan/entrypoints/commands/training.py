"""`shuyuan train` and `shuyuan runs`: start a training, follow it, pause, resume, cancel, register, search.

Where a server runs for the home they ask it; where none runs they work on the home themselves: `train` then trains in
the foreground, and Ctrl-C pauses the run until `shuyuan up` or the next `train` goes on with it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shuyuan.entrypoints.commands import following, moments, reaching, runrooms, searching
from shuyuan.kernel import errors

_out = Console(highlight=False, soft_wrap=True)
_Json = dict[str, Any]  # Any: JSON
_MIB = 1 << 20
_SHOWN = 20
Run = Annotated[str, typer.Argument(help="Its number, or runs:/id.")]

runs_app = typer.Typer(help="Runs: list, show, pause, resume, cancel, register.", add_completion=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(train)
    runs_app.add_typer(searching.search_app, name="search")
    app.add_typer(runs_app, name="runs")


@reaching.asked
def train(
    task: Annotated[str | None, typer.Argument(help="What to train; left out: the tasks there are.")] = None,
    data: Annotated[str, typer.Option(help="data:/name/3, or data:/name for the newest.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="A field of the task: rate=0.01; repeat it.")] = None,
    name: Annotated[str, typer.Option(help="What you call the run.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="The same seed, data and config give the same weights.")] = 7,
    parent: Annotated[str | None, typer.Option(help="Go on from models:/name/3 or runs:/id.")] = None,
    processes: Annotated[int, typer.Option(min=1, max=16, help="Processes that share each batch.")] = 1,
    space: Annotated[Path | None, typer.Option(exists=True, help='Search: JSON {"rate": {"low":…, "high":…}}.')] = None,
    trials: Annotated[int, typer.Option(min=1, help="Of a search.")] = 20,
    metric: Annotated[str, typer.Option(help="Validation figure a search selects by.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended, with its progress.")] = False,
    *,
    way: reaching.Way,
) -> None:
    """Train a model on a data set. Without --data: the fields that the task takes."""
    with runrooms.opened(way, work=bool(task and data)) as room:
        if task is None or not data:
            _show_tasks(room.tasks(), task)
            return
        new: _Json = {"task": task, "data": data, "config": _config(set_ or []), "name": name, "seed": seed}
        new |= {"parent": parent, "processes": processes}
        if space is not None:
            told = {"run": new, "space": searching.read(space), "trials": trials, "metric": metric, "name": name}
            following.search(room, room.start_search(told), _out, stay=follow or room.is_alone)
            return
        run = room.start(new)
        _out.print(f"run {run['number']} ({runrooms.uri(run)}): {escape(run['name'])}")
        for note in run.get("notes", ()):
            _out.print(f"note: {note}", markup=False)
        if follow or room.is_alone:
            following.run(room, run, _out)


@runs_app.callback(invoke_without_command=True)
@reaching.asked
def runs(context: typer.Context, *, way: reaching.Way) -> None:
    """Runs of the school; without a further word: the newest."""
    if context.invoked_subcommand is None:
        _listed(None, _SHOWN, way)


@runs_app.command("list")
@reaching.asked
def list_(
    state: Annotated[str | None, typer.Option(help="queued, running, paused, failed, cancelled or finished.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = _SHOWN,
    *,
    way: reaching.Way,
) -> None:
    """The newest runs."""
    _listed(state, limit, way)


@runs_app.command()
@reaching.asked
def show(run: Run, *, way: reaching.Way) -> None:
    """One run: what it was made from, where it stands, what it gave."""
    with runrooms.opened(way) as room:
        found = room.run(run)
    table = Table(show_header=False)
    for label, value in _facts(found):
        table.add_row(label, escape(value))
    _out.print(table)


def _verb(name: str, what: str) -> None:
    """`shuyuan runs NAME RUN`."""

    @reaching.asked
    def do(run: Run, *, way: reaching.Way) -> None:
        with runrooms.opened(way) as room:
            found = room.change(run, name)
        wanted = _WANTED.get(found["wanted"], "")
        _out.print(f"run {found['number']} is {found['state']}{wanted}")

    runs_app.command(name, help=what)(do)


_WANTED = {"pause": ", to be paused", "cancel": ", to be cancelled"}
_verb("pause", "Checkpoint and stop; `resume` goes on from there.")
_verb("resume", "Back into the queue.")
_verb("cancel", "Stop for good.")


@runs_app.command("register")
@reaching.asked
def register_(
    run: Run,
    model: Annotated[str, typer.Argument(help="Name of the model whose next version it becomes.")],
    *,
    way: reaching.Way,
) -> None:
    """A finished run becomes a version of a model."""
    with runrooms.opened(way) as room:
        version = room.register(run, model)
    _out.print(f"registered models:/{version['model']}/{version['number']}", markup=False)


def _listed(state: str | None, limit: int, way: reaching.Way) -> None:
    with runrooms.opened(way) as room:
        found = room.runs(state, limit)
    if not found:
        _out.print("no runs yet: start one with `shuyuan train TASK --data data:/NAME`")
        return
    table = Table("run", "name", "task", "data", "state", "done", "figures")
    for run in found:
        table.add_row(*map(escape, _cells(run)))
    _out.print(table)


def _config(said: Sequence[str]) -> _Json:
    """`rate=0.01` as a field: numbers, true, false, null and JSON as such, everything else a word."""
    config: _Json = {}
    for one in said:
        field, sign, value = one.partition("=")
        if not sign or not field:
            raise errors.BadInput(f"--set {one!r} is no field with a value", fix="write --set rate=0.01")
        try:
            config[field.strip()] = json.loads(value)
        except ValueError:
            config[field.strip()] = value
    return config


def _show_tasks(tasks: Sequence[_Json], wanted: str | None) -> None:
    """All tasks, or the fields of one."""
    found = [task for task in tasks if wanted in (None, task["name"])]
    if not found:
        names = ", ".join(task["name"] for task in tasks)
        raise errors.BadInput(f"there is no training task {wanted!r}", fix=f"use one of {names}")
    if wanted is None:
        table = Table("task", "what it does")
        for task in found:
            table.add_row(task["name"], escape(task["what"]["en"]))
    else:
        table = Table("field", "default", "what it is", title=f"{wanted}: give --data, and --set FIELD=VALUE")
        for field, said in found[0]["config"].get("properties", {}).items():
            table.add_row(field, escape(json.dumps(said.get("default"))), escape(str(said.get("description", ""))))
    _out.print(table)


def _cells(run: Mapping[str, Any]) -> tuple[str, ...]:
    done = f"{run['step']}/{run['steps']}" if run["steps"] else ""
    validation = {name: value for name, value in run["figures"].items() if name.startswith("validation_")}
    figures = ", ".join(f"{name.removeprefix('validation_')} {value:.4g}" for name, value in validation.items())
    waits = f" (waits for the {run['waits_for']})" if run["waits_for"] else ""
    return (str(run["number"]), run["name"], run["task"], run["data"], run["state"] + waits, done, figures)


def _told(figures: Mapping[str, float], *, on_test: bool) -> str:
    found = {name: value for name, value in figures.items() if name.startswith("test_") is on_test}
    return ", ".join(f"{name} {value:.5g}" for name, value in found.items())


def _facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    error = run["error"] or {}
    told = {
        "run": f"{run['number']}  {runrooms.uri(run)}",
        "name": run["name"],
        "task": run["task"],
        "data": f"{run['data']}  sha-256 {run['data_sha256'][:12]}…",
        "parent": run["parent"] or "",
        "config": ", ".join(f"{name}={value}" for name, value in run["config"].items()),
        "seed": str(run["seed"]),
        "code": run["code_version"],
        "state": run["state"] + (f", waits for the {run['waits_for']}" if run["waits_for"] else ""),
        "begun": moments.told(run["started_at"]) if run["started_at"] else "",
        "ended": moments.told(run["ended_at"]) if run["ended_at"] else "",
        "step": f"{run['step']} of {run['steps']}" if run["steps"] else "",
        "figures": _told(run["figures"], on_test=False),
        "on test, for a release": _told(run["figures"], on_test=True),
        "files": ", ".join(run["artefacts"]),
        "versions": ", ".join(run["registered"]),
        "used": f"{run['cpu_s']:.1f} s of processor, {run['peak_rss_bytes'] / _MIB:,.0f} MB at most",
        "error": f"{error['message']}; {error['fix']}" if error else "",
    }
    return [(label, value) for label, value in told.items() if value]
