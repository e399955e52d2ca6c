"""`shuyuan pipeline schedule add|list|pause|resume|delete`: pipelines that start by themselves."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data
from shuyuan.kernel import audit, errors
from shuyuan.maas.pipelines import interface

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)
_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
School = Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")]
Which = Annotated[str, typer.Argument(help="Id of the schedule.")]
app = typer.Typer(help="Start pipelines by themselves, outside school hours.", no_args_is_help=True)


@app.command()
def add(
    spec: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON file; see docs/life-cycle.")],
    every: Annotated[Literal["daily", "weekly", "new_data"], typer.Option(help="When.")] = "daily",
    hour: Annotated[int, typer.Option(min=0, max=23, help="In the school's own time.")] = 2,
    weekday: Annotated[Day, typer.Option(help="Of weekly.")] = "saturday",
    school: School = None,
    home: Home = None,
) -> None:
    """Start a spec every day or week, or with each new version of its data set."""
    said = {"spec": read(spec), "every": every, "hour": hour, "weekday": DAYS.index(weekday)}
    with installation.opened(home) as platform:
        new = interface.NewSchedule.model_validate(said)
        made = pipelines(platform).schedule(chosen(platform, school), audit.SYSTEM, new)
    _out.print(f"schedule {made.id}, next: {_next(made)}", markup=False)


@app.command("list")
def list_(school: School = None, home: Home = None) -> None:
    """Every schedule with its next start, in the school's time zone."""
    table = Table("id", "name", "every", "next", "said last")
    with installation.opened(home) as platform:
        for one in pipelines(platform).schedules(chosen(platform, school)):
            told = (one.spec.name, one.every, _next(one), one.error or one.note)
            table.add_row(one.id, *(Text(word) for word in told))
    _out.print(table)


@app.command()
def pause(which: Which, school: School = None, home: Home = None) -> None:
    """Start nothing until it is resumed."""
    _set_paused(which, True, school, home)


@app.command()
def resume(which: Which, school: School = None, home: Home = None) -> None:
    """From its next time on; what the pause missed is not made up for."""
    _set_paused(which, False, school, home)


@app.command()
def delete(which: Which, school: School = None, home: Home = None) -> None:
    """Start it no more. Pipelines it has started stay."""
    with installation.opened(home) as platform:
        pipelines(platform).unschedule(chosen(platform, school), audit.SYSTEM, which)
    _out.print(f"schedule {which} is deleted", markup=False)


def read(path: Path) -> interface.Spec:
    """A spec from a JSON file. Raises BadInput naming the first field that is wrong."""
    try:
        return interface.Spec.model_validate_json(path.read_bytes())
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise errors.BadInput(f"{path}: {where or 'it'}: {first['msg']}", fix="mend the spec") from wrong


def pipelines(platform: compose.Platform) -> interface.Pipelines:
    """Those of this installation."""
    found: interface.Pipelines = platform.get("pipelines")
    return found


def chosen(platform: compose.Platform, wanted: str | None) -> str:
    """Id of the school that is meant."""
    return data.chosen_school(platform.get("identity").schools(), wanted).id


def _set_paused(which: str, paused: bool, school: str | None, home: Path | None) -> None:
    with installation.opened(home) as platform:
        found = pipelines(platform).pause(chosen(platform, school), audit.SYSTEM, which, paused)
    _out.print(f"schedule {found.id}, next: {_next(found)}", markup=False)


def _next(one: interface.Schedule) -> str:
    if one.paused:
        return "paused"
    return "with new data" if one.next_at is None else f"{one.next_at:%a %Y-%m-%d %H:%M} {one.time_zone}"
