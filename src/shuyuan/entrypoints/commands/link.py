"""`shuyuan link`: a fresh single-use way in, when the one that `up` printed is used or too old."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shuyuan.entrypoints import installation, ways_in
from shuyuan.kernel import addresses, errors

_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(link)


def link(home: Home = None) -> None:
    """Print a fresh single-use link: into the demo school, or for the first administrator of a new home."""
    with installation.opened(home) as platform:
        found, settings = ways_in.make(platform), platform.settings
        if found is None:
            raise errors.Conflict(
                f"{settings.home} holds a school: people sign in there",
                fix="give somebody a new password: `shuyuan accounts reset LOGIN`",
            )
        _out.print(f"open this link once to {found.purpose}: {installation.address(platform)}/enter/{found.token}")
        if addresses.is_wildcard(settings.host):
            _out.print("the address is a guess: the server listens on every one of this machine")
        if not installation.is_served(settings.home):
            _out.print("nothing serves this home now: start `shuyuan up` first")
