"""`shuyuan`: the command line. Thin: parse, call, print; errors are sentences with the fix, exit code 1."""

import sys

import typer
from rich import markup
from rich.console import Console

import shuyuan
from shuyuan.entrypoints.commands import (
    accounts,
    audit,
    compression,
    conversion,
    crossvalidation,
    data,
    datasets,
    deployment,
    evaluation,
    gates,
    link,
    models,
    pipelines,
    serving,
    simulating,
    tour,
    tracers,
    training,
    up,
    upkeep,
)
from shuyuan.kernel import errors

app = typer.Typer(
    help="Shuyuan 书院: an open, self-hosted Model-as-a-Service platform for education.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for family in (
    up,
    link,
    accounts,
    models,
    serving,
    data,
    datasets,
    training,
    evaluation,
    crossvalidation,
    gates,
    compression,
    conversion,
    deployment,
    upkeep,
    pipelines,
    tracers,
    simulating,
    audit,
    tour,
):
    family.register(app)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(shuyuan.__version__)


def main() -> None:
    """Run a command; an expected error becomes one line and its fix on stderr."""
    try:
        app(prog_name="shuyuan")
    except errors.ShuyuanError as error:
        console = Console(stderr=True)
        said = markup.escape(error.message)
        console.print(f"[red]error[/red] ({error.error_code}): {said}", highlight=False, soft_wrap=True)
        if error.fix:
            console.print(f"[bold]fix[/bold]: {markup.escape(error.fix)}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
