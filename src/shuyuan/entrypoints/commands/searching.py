"""`shuyuan runs search`: searches for settings: list them, show one with its trials, follow it, cancel it.

One begins with `shuyuan train TASK --data … --space space.json`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shuyuan.entrypoints.commands import following, reaching, runrooms
from shuyuan.kernel import errors

_out = Console(highlight=False, soft_wrap=True)
_Json = dict[str, Any]  # Any: JSON
_SHOWN = 20
Search = Annotated[str, typer.Argument(help="Its number or id.")]

search_app = typer.Typer(help="Searches for settings: list, show, cancel.", add_completion=False)


@search_app.callback(invoke_without_command=True)
@reaching.asked
def searches(context: typer.Context, *, way: reaching.Way) -> None:
    """Searches of the school; without a further word: the newest."""
    if context.invoked_subcommand is None:
        _listed(_SHOWN, way)


@search_app.command("list")
@reaching.asked
def list_(limit: Annotated[int, typer.Option(min=1, max=200)] = _SHOWN, *, way: reaching.Way) -> None:
    """The newest searches, each with the best it has found."""
    _listed(limit, way)


@search_app.command()
@reaching.asked
def show(
    search: Search,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended, with its progress.")] = False,
    *,
    way: reaching.Way,
) -> None:
    """One search: its best values so far, and every trial with its values and figure."""
    with runrooms.opened(way) as room:
        found = room.search(search)
        if follow and found["state"] == "running":
            following.search(room, found, _out, stay=True)
            found = room.search(found["id"])
        trials = room.trials(found["id"])
    _out.print(f"search {found['number']}: {found['name']}, {_state(found)}, by {found['metric']}", markup=False)
    if found["best_value"] is not None:
        values = ", ".join(f"{name}={found['best_config'][name]}" for name in found["space"])
        _out.print(f"best: run {found['best_run_id']}, {found['best_value']:.5g} with {values}", markup=False)
    table = Table("trial", "run", "state", *found["space"], found["metric"])
    for run in trials:
        table.add_row(*map(escape, _trial(found, run)))
    _out.print(table)
    if error := found["error"]:
        _out.print(f"error: {error['message']}; {error['fix']}", markup=False)


@search_app.command()
@reaching.asked
def cancel(search: Search, *, way: reaching.Way) -> None:
    """Stop it and the trial under way; what was tried stays."""
    with runrooms.opened(way) as room:
        found = room.cancel_search(search)
    _out.print(f"search {found['number']} is {found['state']}, {found['ended']} of {found['trials']} tried")


def read(path: Path) -> _Json:
    """A search space from a file. Raises BadInput."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as wrong:
        raise errors.BadInput(f"{path} is not JSON: {wrong}", fix="give a file that holds one JSON object") from wrong
    if not isinstance(told, dict):
        raise errors.BadInput(f"{path} holds no JSON object", fix='write {"rate": {"low": 0.001, "high": 0.1}}')
    return told


def _listed(limit: int, way: reaching.Way) -> None:
    with runrooms.opened(way) as room:
        found = room.searches(limit)
    if not found:
        _out.print("no searches yet: start one with `shuyuan train TASK --data data:/NAME --space FILE`")
        return
    table = Table("search", "name", "task", "data", "state", "tried", "best")
    for one in found:
        tried = f"{one['ended']}/{one['trials']}"
        cells = (str(one["number"]), one["name"], one["task"], one["data"], _state(one), tried, _best(one))
        table.add_row(*map(escape, cells))
    _out.print(table)


def _state(found: Mapping[str, Any]) -> str:
    return str(found["state"]) + (f", waits for {found['waits_for']}" if found["waits_for"] else "")


def _best(found: Mapping[str, Any]) -> str:
    return "" if found["best_value"] is None else f"{found['metric']} {found['best_value']:.4g}"


def _trial(search: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[str, ...]:
    figure = run["figures"].get(search["metric"])
    values = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in _values(search, run))
    return (
        str(run["trial"] + 1), str(run["number"]), run["state"], *values, "" if figure is None else f"{figure:.4g}"
    )  # fmt: skip


def _values(search: Mapping[str, Any], run: Mapping[str, Any]) -> list[object]:
    return [run["config"].get(name, "") for name in search["space"]]
