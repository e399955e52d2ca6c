"""`shuyuan backup|restore|doctor`, and the courses of `import`: content in, a whole installation out and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import markup
from rich.console import Console
from rich.table import Table

from shuyuan import migrations
from shuyuan.entrypoints import installation
from shuyuan.identity.interface import School
from shuyuan.kernel import backup as kernel_backup
from shuyuan.kernel import errors
from shuyuan.learning.courses import interface as courses

_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)
    app.command()(doctor)


def import_course(source: Path, school: str | None = None, home: Path | None = None, dry_run: bool = False) -> None:
    """`shuyuan import` of a course. Items that cannot be graded are listed with the reason; the others go in."""
    with installation.opened(home) as platform:
        identity = platform.get("identity")
        chosen = chosen_school(identity.schools(), school)
        report = courses.import_from(platform.get("courses"), chosen.id, source, dry_run=dry_run)
        for line in report.lines():
            _out.print(line, markup=False)


def backup(
    target: Annotated[Path, typer.Argument(help="The zip to write; it holds the keys: guard it.")], home: Home = None
) -> None:
    """Write everything into one zip: tables, keys, artefacts. Works while the server runs."""
    installation.require_folder_of(target)
    with installation.opened(home) as platform:
        database = platform.get("db")
        done = kernel_backup.write(database, platform.settings.home, target, schema=migrations.current(database))
    told = f"backed up {done.rows} rows of {done.tables} tables and {done.artefacts} artefacts to {target}"
    _out.print(told, markup=False)


def restore(source: Annotated[Path, typer.Argument(help="A zip that `backup` wrote.")], home: Home = None) -> None:
    """Restore a backup into an empty home (or an empty PostgreSQL database)."""
    with installation.opened(home, new=True) as platform:
        database = platform.get("db")
        done = kernel_backup.restore(database, platform.settings.home, source, schema=migrations.current(database))
    _out.print(f"restored {done.rows} rows of {done.tables} tables and {done.artefacts} artefacts")


def doctor(home: Home = None) -> None:
    """Check this machine and this home: Python, database, keys, disk, models, audit chain."""
    from shuyuan.entrypoints import checkup

    table = Table("check", "state", "what to do")
    healthy = True
    with installation.opened(home) as platform:
        for check in checkup.run(platform):
            healthy = healthy and check.ok
            table.add_row(check.name, "ok" if check.ok else "attention", markup.escape(check.advice))
    _out.print(table)
    if not healthy:
        raise typer.Exit(1)


def chosen_school(schools: Sequence[School], wanted: str | None) -> School:
    """The named school, or the only one."""
    found = [one for one in schools if wanted in (None, one.id, one.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.id} ({one.name})" for one in schools)
    fix = f"give --school with one of: {known}" if schools else "make the school first: `shuyuan up` prints a link"
    if wanted is not None:
        raise errors.NotFound(f"no school is called {wanted!r}", fix=fix)
    raise errors.BadInput(f"there are {len(schools)} schools", fix=fix)
