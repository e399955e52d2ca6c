"""`shuyuan audit verify`: is the activity log whole?"""

from pathlib import Path
from typing import Annotated

import typer

from shuyuan.entrypoints import installation

Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(help="The activity log.", no_args_is_help=True)
    family.command()(verify)
    app.add_typer(family, name="audit")


def verify(home: Home = None) -> None:
    """Walk the chain of entries; exit 1 and name the place if one was changed, removed or cut off."""
    with installation.opened(home) as platform, platform.get("db").read() as conn:
        outcome = platform.get("audit").verify(conn)
    if outcome.fault:
        typer.echo(f"broken after {outcome.entries} entries: {outcome.fault}")
        raise typer.Exit(1)
    typer.echo(f"whole: {outcome.entries} entries")
