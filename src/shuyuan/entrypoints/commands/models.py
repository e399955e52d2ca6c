"""`shuyuan pull|list|show|ps`: the models of this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from shuyuan.kernel import errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface, puller, starters

_out = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(pull)
    app.command("list")(list_)
    app.command()(show)


def pull(
    name: Annotated[str, typer.Argument(help="A model of `shuyuan list`.")],
    source: Annotated[
        Path | None, typer.Option("--from", exists=True, file_okay=False, help="Folder of files; no network.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Fetch a model into the shared cache: resumes, and checks the hash before anything opens the file."""
    entry = _entry(name)
    _card(entry)
    if not yes and _out.is_terminal and not typer.confirm(f"fetch {entry.size_bytes / 1e6:,.0f} MB?", default=True):
        raise typer.Exit(1)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=_out
    ) as bar:
        task = bar.add_task(name, total=entry.size_bytes)

        def tell(progress: interface.PullProgress) -> None:
            bar.update(
                task,
                completed=progress.bytes_done,
                total=progress.bytes_total,
                description=f"{name} · {progress.stage}",
            )

        path = _puller().pull(name, from_dir=source, on_progress=tell)
    _out.print(f"{name} is ready: {path}")


def list_() -> None:
    """List the models this release knows, and which of them lie on this machine."""
    table = Table("name", "size", "languages", "tasks", "licence", "here")
    here = _puller()
    for entry in starters.ENTRIES.values():
        table.add_row(
            entry.name,
            f"{entry.size_bytes / 1e6:,.0f} MB",
            " ".join(entry.languages),
            " ".join(entry.tasks),
            entry.licence,
            _is_here(here, entry.name),
        )
    _out.print(table)


def show(name: Annotated[str, typer.Argument(help="A model of `shuyuan list`.")]) -> None:
    """Show a model's card: what it is, where it comes from, its licence and what it claims."""
    _card(_entry(name))


def _is_here(here: puller.Puller, name: str) -> str:
    try:
        here.locate(name)
    except interface.NotPulled:
        return "no"
    return "yes"


def _card(entry: interface.Entry) -> None:
    _out.print(f"[bold]{entry.name}[/bold]  {entry.title.en} · {entry.title.zh}")
    for label, value in (
        ("size", f"{entry.size_bytes / 1e6:,.0f} MB"),
        ("licence", entry.licence),
        ("languages", ", ".join(entry.languages)),
        ("claims", ", ".join(entry.tasks)),
        ("sha-256", entry.sha256),
    ):
        _out.print(f"  {label:<10} {value}")
    _out.print(f"\n{entry.card.en}\n{entry.origin.en}\n")


def _entry(name: str) -> interface.Entry:
    if name not in starters.ENTRIES:
        raise errors.NotFound(f"no model is called {name!r}", fix=f"choose one of {', '.join(starters.ENTRIES)}")
    return starters.ENTRIES[name]


def _puller() -> puller.Puller:
    return puller.Puller(cache_dir=kernel_settings.load().cache)
