"""`shuyuan gates`: what a version must fulfil, line by line: list, show, set, remove."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import conditions as typed
from shuyuan.entrypoints.commands import data, reaching
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit
from shuyuan.maas.evaluation import interface

_out = Console(highlight=False, soft_wrap=True)
Name = Annotated[str, typer.Argument(help="Name of the gate.")]
app_ = typer.Typer(help="Gates: list, show, figures, set, remove.", no_args_is_help=True, add_completion=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(app_, name="gates")


@app_.command("list")
def list_(home: reaching.Home = None, school: reaching.School = None) -> None:
    """The school's own, then the shipped ones."""
    table = Table("gate", "conditions", "part", "change", "reason")
    with installation.opened(home) as platform:
        for one in _evaluation(platform).gates(_school(platform, school)):
            change = str(one.number) if one.number else "shipped"
            table.add_row(Text(one.name), str(len(one.conditions)), one.part or "any", change, Text(one.reason))
    _out.print(table)


@app_.command()
def show(name: Name, home: reaching.Home = None, school: reaching.School = None) -> None:
    """Its conditions."""
    with installation.opened(home) as platform:
        _print(_evaluation(platform).gate(_school(platform, school), name))


@app_.command()
def figures(home: reaching.Home = None) -> None:
    """What a condition may speak of, by family: the same in every home."""
    table = Table("family", "figures")
    for family in interface.FAMILIES:
        table.add_row(family, Text(", ".join(interface.known_figures(family))))
    _out.print(table)
    _out.print("and subgroup_gap:COLUMN, cv_mean:FIGURE, cv_spread:FIGURE", markup=False)


@app_.command("set")
def set_(
    name: Name,
    conditions: Annotated[list[str], typer.Argument(help="'accuracy >= champion - 0.01' 'latency_p99_ms <= 200' …")],
    part: Annotated[str | None, typer.Option(help="The part a report must be on: validation or test.")] = None,
    reason: Annotated[str, typer.Option(help="Why; needed to change one in force.")] = "",
    home: reaching.Home = None,
    school: reaching.School = None,
) -> None:
    """Set a gate; what it was before stays on record."""
    told = {"conditions": [typed.condition(one) for one in conditions], "part": part, "reason": reason}
    new = typed.valid(interface.NewGate, told)
    with installation.opened(home) as platform:
        _print(_evaluation(platform).put_gate(_admin(platform, school), name, new))


@app_.command()
def remove(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why it goes.")] = "",
    home: reaching.Home = None,
    school: reaching.School = None,
) -> None:
    """Out of force; refused while a pipeline or a schedule names it."""
    with installation.opened(home) as platform:
        principal = _admin(platform, school)
        compose.resolve("shuyuan.maas.evaluation.jobs:know_gates")(
            platform.get("evaluation"), platform.get("pipelines")
        )
        _evaluation(platform).remove_gate(principal, name, reason)
    _out.print(f"gate {name} is out of force", markup=False)


def _print(gate: interface.Gate) -> None:
    part = f"reports on part {gate.part}" if gate.part else "reports on any part but train"
    table = Table("figure", "", "limit", "without a champion", title=Text(f"gate {gate.name}, {part}"))
    for one in gate.conditions:
        table.add_row(Text(one.figure), one.comparison, Text(str(one.limit)), one.first)
    _out.print(table)


def _evaluation(platform: compose.Platform) -> interface.Evaluation:
    found: interface.Evaluation = platform.get("evaluation")
    return found


def _school(platform: compose.Platform, wanted: str | None) -> str:
    return data.chosen_school(platform.get("identity").schools(), wanted).id


def _admin(platform: compose.Platform, wanted: str | None) -> Principal:
    return Principal(audit.SYSTEM, _school(platform, wanted), "admin")
