"""`shuyuan compress`: a child of a version, smaller or faster, and a table of what it costs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data as data_commands
from shuyuan.kernel import errors
from shuyuan.maas.compression import interface

_out = Console(highlight=False, soft_wrap=True)
_ACTOR = "system"
_PAID_FOR = ("size_bytes", "latency_p50_ms", "peak_rss_bytes")  # what one compresses for
_EVEN = 0.15  # a ratio this near to 1 may be chance: times waver
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compress)


def compress(
    version: Annotated[str, typer.Argument(help="models:/name/3, or a model's name; left out with --list.")] = "",
    method: Annotated[str, typer.Option(help="int8_dynamic, int8_static, int4, structured … see --list.")] = "",
    data: Annotated[str | None, typer.Option(help="data:/name/3: to calibrate, train and measure on.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of the method; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same child.")] = 7,
    listed: Annotated[bool, typer.Option("--list", help="Show the methods and their options.")] = False,
    school: Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")] = None,
    home: Home = None,
) -> None:
    """Make a version smaller or faster; registers the child with its parent and prints both side by side."""
    with installation.opened(home) as platform:
        compression: interface.Compressing = platform.get("compression")
        if listed or not version or not method:
            _methods(compression.methods())
            return
        school_id = data_commands.chosen_school(platform.get("identity").schools(), school).id
        new = _asked(version, method, data, _options(option or []), seed)
        done = _followed(compression, school_id, compression.start_for(school_id, _ACTOR, new))
    if done.error is not None:
        raise errors.BadInput(done.error["message"], fix=done.error["fix"], code=done.error["code"])
    if done.state != "finished":
        raise errors.Conflict(f"compression {done.number} was {done.state}", fix="start it again")
    _print(done)


def _asked(
    version: str, method: str, data: str | None, config: dict[str, object], seed: int
) -> interface.NewCompression:
    try:
        return interface.NewCompression(version=version, method=method, config=config, data=data, seed=seed)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        raise errors.BadInput(f"{first['loc'][0]} is {first['input']!r}: {first['msg']}", fix="mend it") from wrong


def _options(given: list[str]) -> dict[str, object]:
    """Values are JSON where they are, and words otherwise."""
    found: dict[str, object] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign:
            raise errors.BadInput(f"--set {one!r} has no value", fix="write --set name=value")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _followed(
    compression: interface.Compressing, school_id: str, started: interface.Compression
) -> interface.Compression:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_out, transient=True) as bar:
        task = bar.add_task("queued", total=1.0)

        def tell(now: interface.Compression) -> None:
            bar.update(task, description=now.stage or now.state, completed=now.done)

        return compression.wait(school_id, started.id, on_change=tell)


def _methods(known: list[interface.MethodInfo]) -> None:
    for one in known:
        needs = f" · needs {', '.join(one.needs)}" if one.needs else ""
        _out.print(f"{one.name}{needs}", style="bold", markup=False)
        _out.print(f"  {one.what['en']}\n  {one.what['zh']}", markup=False)
        properties = one.config_schema.get("properties")
        for name, said in (properties if isinstance(properties, dict) else {}).items():
            _out.print(f"    {name}={json.dumps(said.get('default'))}  {said.get('description', '')}", markup=False)


def _print(done: interface.Compression) -> None:
    table = Table("figure", "parent", "child", "child / parent", title=f"{done.parent} → {done.child}")
    for row in done.table:
        table.add_row(row.figure, _shown(row.parent), _shown(row.child), _shown(row.ratio))
    _out.print(table)
    for note in done.notes:
        _out.print(note, markup=False)
    if said := cost(done.table):
        _out.print(f"{said}; `shuyuan delete {str(done.child).removeprefix('models:/')}` takes it away", markup=False)


def cost(table: Sequence[interface.Row]) -> str:
    """That a child does not pay: larger or slower than its parent, and in no way smaller or faster; else empty.

    >>> cost([interface.Row(figure="size_bytes", parent=100, child=280, ratio=2.8)])
    'it does not pay: size_bytes × 2.8'
    >>> cost([interface.Row(figure="size_bytes", parent=100, child=50, ratio=0.5)])
    ''
    """
    ratios = {row.figure: row.ratio for row in table if row.figure in _PAID_FOR and row.ratio is not None}
    more = [f"{name} × {ratio:.2g}" for name, ratio in ratios.items() if ratio > 1 + _EVEN]
    if any(ratio < 1 - _EVEN for ratio in ratios.values()):
        return ""
    return f"it does not pay: {', '.join(more)}" if more else ""


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
