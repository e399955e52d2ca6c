"""`shuyuan ps|load|unload|pin|stop`: the models in memory of a server that runs, and the end of it.

On the machine itself they use the owner's key, which the server keeps in its home while it runs (`server.key`, for
its owner's eyes only). Elsewhere: `--server URL` and the API key of an administrator or developer.
"""

import math
import os
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import markup
from rich.console import Console
from rich.table import Table

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import reaching
from shuyuan.kernel import errors

STOP_TIMEOUT_S = 60.0  # it lets running answers end, and closes what it opened
_out = Console(highlight=False, soft_wrap=True)
_Json = dict[str, Any]  # Any: JSON

Name = Annotated[str, typer.Argument(help="A model of `shuyuan list`, NAME@ALIAS or NAME/3.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (ps, load, unload, pin, stop):
        app.command()(command)


def ps(
    home: reaching.Home = None, server: reaching.Server = None, key: reaching.Key = None, school: reaching.School = None
) -> None:
    """Show the models in memory: what each takes, since when it is idle, what it is doing."""
    with reaching.server_of(home, server, key, school) as there:
        found = reaching.told(there.get("/api/models/residency"))
    if found["models"]:
        _out.print(_table(found["models"]))
    others = f", {_size(found['others_bytes'])} of it for other schools" if found["others_bytes"] else ""
    _out.print(f"models in memory take {_size(found['used_bytes'])} of {_size(found['budget_bytes'])}{others}")


def load(
    name: Name,
    replicas: Annotated[int | None, typer.Option(min=1, help="Worker processes, sharing the cores.")] = None,
    keep_alive: Annotated[
        str | None,
        typer.Option(help="Seconds it stays after its last answer; forever (or -1): until room is needed."),
    ] = None,
    pin_: Annotated[bool | None, typer.Option("--pin/--no-pin", help="Never freed to make room.")] = None,
    home: reaching.Home = None,
    server: reaching.Server = None,
    key: reaching.Key = None,
    school: reaching.School = None,
) -> None:
    """Load a model into memory now, instead of at its first call."""
    wanted: _Json = {"replicas": replicas, "pinned": pin_}
    body = {word: value for word, value in wanted.items() if value is not None}
    if keep_alive is not None:
        body["keep_alive_s"] = _seconds(keep_alive)
    with reaching.server_of(home, server, key, school) as there, _out.status(f"loading {markup.escape(name)}"):
        one = reaching.told(there.post(f"/api/models/{name}/load", json=body))
    _out.print(
        f"{one['model']} is in memory: {_size(one['memory_bytes'])}, {one['replicas']} replica(s), {_stays(one)}",
        markup=False,
    )


def unload(
    name: Name,
    home: reaching.Home = None,
    server: reaching.Server = None,
    key: reaching.Key = None,
    school: reaching.School = None,
) -> None:
    """Free a model's memory; the next call loads it again."""
    with reaching.server_of(home, server, key, school) as there:
        before = reaching.told(there.get("/api/models/residency"))["models"]
        one = reaching.told(there.post(f"/api/models/{name}/unload"))
    freed = sum(
        was["memory_bytes"] for was in before if (was["version"], was["shared"]) == (one["version"], one["shared"])
    )
    if freed:
        _out.print(f"unloaded {name}: {_size(freed)} of memory are free again; its next call loads it", markup=False)
    else:
        _out.print(f"{name} was not in memory; nothing was changed", markup=False)


def pin(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Let it go again when room is needed.")] = False,
    home: reaching.Home = None,
    server: reaching.Server = None,
    key: reaching.Key = None,
    school: reaching.School = None,
) -> None:
    """Keep a model in memory whatever else wants room. Does not load it."""
    with reaching.server_of(home, server, key, school) as there:
        one = reaching.told(there.put(f"/api/models/{name}/pin", json={"pinned": not off}))
    _out.print(f"{one['model']} {_stays(one)}; it is {one['state']}", markup=False)


def stop(home: reaching.Home = None) -> None:
    """Stop the server of a home as Ctrl-C would: running answers end first."""
    folder = reaching.served(home)
    pid = int((folder / installation.LOCK).read_text().strip() or 0)
    if pid <= 1:
        raise errors.Unavailable("the server is still starting", fix="try again in a moment")
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + STOP_TIMEOUT_S
    while installation.is_served(folder):
        if time.monotonic() > until:
            raise errors.Unavailable(f"process {pid} has not stopped", fix="wait, or end that process yourself")
        time.sleep(0.1)
    _out.print(f"stopped process {pid}")


def _table(loaded: Sequence[Mapping[str, Any]]) -> Table:
    """One line a model, least recently used first."""
    table = Table("model", "memory", "state", "now", "last used", "kept")
    for column in table.columns:
        column.no_wrap = True
    for one in loaded:
        busy = one["in_flight"] or one["queued"]
        cells = (
            one["model"].removeprefix("models:/"),
            _size(one["memory_bytes"]),
            f"{one['state']} ×{one['replicas']}" if one["replicas"] > 1 else one["state"],
            f"{one['in_flight']} answering, {one['queued']} waiting" if busy else "idle",
            _ago(one["last_used"]),
            "pinned" if one["pinned"] else "" if one["keep_alive_s"] is None else f"{one['keep_alive_s']:g} s",
        )
        table.add_row(*map(markup.escape, cells))
    return table


def _seconds(written: str) -> float | None:
    """None: until room is needed."""
    if written.lower() == "forever":
        return None
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise errors.BadInput(
            f"--keep-alive {written!r} is no number of seconds", fix="give seconds such as 600, or forever"
        )
    return seconds if seconds >= 0 else None


def _size(count: int) -> str:
    if 0 < count < 1e6:
        return f"{count / 1e3:,.0f} kB"
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _ago(moment: str | None) -> str:
    if moment is None:
        return "never"
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    return (
        f"{seconds} s ago"
        if seconds < 120
        else f"{seconds // 60} min ago"
        if seconds < 7200
        else f"{seconds // 3600} h ago"
    )


def _stays(one: Mapping[str, Any]) -> str:
    if one["pinned"]:
        return "is pinned"
    if one["keep_alive_s"] is None:
        return "stays until room is needed"
    return f"stays {one['keep_alive_s']:g} s after its last answer"
