"""A run or a search on the terminal until it has ended: a bar with the time left, the last figures, the outcome."""

import time
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from shuyuan.entrypoints.commands import runrooms

_EVERY_S = 0.5
_ENDED = ("finished", "failed", "cancelled")
_NO_FIGURES = ("step", "epoch", "split", "at_s", "line", "lr")
_Json = dict[str, Any]  # Any: JSON


def run(room: runrooms.Room, started: _Json, out: Console) -> None:
    """Stay until the run has ended; exits with 1 unless it is finished. Ctrl-C leaves it to whoever trains."""
    try:
        with _bar(out) as bar:
            found = _watched(room, started, bar)
    except KeyboardInterrupt:
        after = "it is paused; `shuyuan up` or the next `shuyuan train` goes on" if room.is_alone else "it goes on"
        out.print(f"left run {started['number']}: {after}", markup=False)
        raise typer.Exit(130) from None
    _conclude(found, out)


def search(room: runrooms.Room, started: _Json, out: Console, *, stay: bool) -> None:
    """Say that a search began; with `stay`, follow it to its best trial."""
    out.print(f"search {started['number']}: {escape(started['name'])}, by {started['metric']}")
    if not stay:
        return
    with _bar(out) as bar:
        task = bar.add_task("trials", total=started["trials"], last="", left="")
        found = started
        while found["state"] == "running":
            time.sleep(_EVERY_S)
            found = room.search(started["id"])
            best = "" if found["best_value"] is None else f"best {found['best_value']:.4g}"
            bar.update(task, completed=found["ended"], last=best)
    if found["state"] != "finished":
        _fail(found, out)
    values = ", ".join(f"{name}={found['best_config'][name]}" for name in found["space"])
    out.print(
        f"best: run {found['best_run_id']}, {found['metric']} {found['best_value']:.5g} with {values}", markup=False
    )


def _watched(room: runrooms.Room, found: _Json, bar: Progress) -> _Json:
    """The run as it ended."""
    task, line, last = bar.add_task(f"run {found['number']}", total=None, last="", left=""), 0, dict[str, str]()
    while True:
        for said in room.metrics(found["id"], line):
            line = said["line"]
            last[str(said.get("split", ""))] = _figures(said)
        bar.update(
            task,
            description=f"run {found['number']} · {found['stage'] or found['state']}",
            completed=found["step"],
            total=found["steps"] or None,
            last=escape(" · ".join(f"{split} {told}" for split, told in last.items())),
            left=_left(found["eta_s"]),
        )
        if found["state"] in _ENDED or found["state"] == "paused":
            return found
        time.sleep(_EVERY_S)
        found = room.run(found["id"])


def _conclude(found: _Json, out: Console) -> None:
    if found["state"] == "paused":
        if error := found["error"]:
            out.print(f"{error['message']}; {error['fix']}", markup=False)
        out.print(f"run {found['number']} is paused; go on with `shuyuan runs resume {found['number']}`", markup=False)
        return
    if found["state"] != "finished":
        _fail(found, out)
    chosen_by = {name: value for name, value in found["figures"].items() if not name.startswith("test_")}
    figures = ", ".join(f"{name} {value:.4g}" for name, value in chosen_by.items())
    out.print(f"finished: {figures}", markup=False)
    out.print(f"use it: `shuyuan runs register {found['number']} NAME`", markup=False)


def _fail(found: _Json, out: Console) -> None:
    error = found["error"] or {"message": f"it is {found['state']}", "fix": ""}
    out.print(f"{found['state']}: {error['message']}", markup=False)
    if error["fix"]:
        out.print(f"fix: {error['fix']}", markup=False)
    raise typer.Exit(1)


def _bar(out: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[last]}"),
        console=out,
    )


def _figures(said: _Json) -> str:
    told = {name: value for name, value in said.items() if name not in _NO_FIGURES and isinstance(value, int | float)}
    return " ".join(f"{name} {value:.4g}" for name, value in list(told.items())[:3])


def _left(eta_s: float | None) -> str:
    """Time left.

    >>> _left(75.2)
    '1:15 left'
    """
    return "" if eta_s is None else f"{int(eta_s) // 60}:{int(eta_s) % 60:02d} left"
