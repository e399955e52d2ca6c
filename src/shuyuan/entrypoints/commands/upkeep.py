"""`shuyuan delete|alias`: versions that are no longer wanted, and the names by which versions are called.

They write to the home's database; files go once its server hears of it.
"""

from typing import Annotated

import typer
from rich.console import Console

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data
from shuyuan.entrypoints.commands.deployment import Home, School, administrator
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface

_out = Console(highlight=False, soft_wrap=True)
By = Annotated[str, typer.Option("--by", help="Administrator who decides, by name or id.")]
Why = Annotated[str, typer.Option(help="Why; it stands in the activity log.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(delete)
    app.command()(alias)


def delete(
    reference: Annotated[str, typer.Argument(help="NAME/3, a version; or NAME, the whole model.")],
    by: By = "",
    reason: Why = "",
    school: School = None,
    home: Home = None,
) -> None:
    """Delete a version, or a whole model; refused while an alias, a trial or a version made from it stands on it."""
    model, number = _named(reference)
    with installation.opened(home) as platform:
        catalogue, school_id, actor = _decided(platform, school, by)
        gone = catalogue.delete(school_id, actor, model, number, reason)
    _out.print(f"deleted {', '.join(one.uri for one in reversed(gone))}", markup=False)


def alias(
    reference: Annotated[str, typer.Argument(help="NAME/3: the version it shall mean; with --remove, NAME.")],
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as trial; calls then name NAME@trial.")],
    by: By = "",
    reason: Why = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias off.")] = False,
    school: School = None,
    home: Home = None,
) -> None:
    """Point an alias at a version, or take it off."""
    model, number = _named(reference)
    if number is None and not remove:
        raise errors.BadInput(f"{reference!r} names no version", fix=f"write {model}/3, or add --remove")
    with installation.opened(home) as platform:
        catalogue, school_id, actor = _decided(platform, school, by)
        if number is None or remove:
            catalogue.remove_alias(school_id, actor, model=model, alias=name, reason=reason)
            said = f"{model} has no alias {name} any more"
        elif name == interface.CHAMPION:  # what people are served: with its history, and by its rules
            platform.get("deployment").promote(school_id, actor, model, number, reason=reason)
            said = f"version {number} answers for {model}"
        else:
            catalogue.move_alias(school_id, actor, model=model, alias=name, version=number, reason=reason)
            said = f"{model}@{name} is version {number}"
    _out.print(said, markup=False)


def _named(reference: str) -> tuple[str, int | None]:
    """A model and the number of a version; None where none was written."""
    model, _, number = reference.removeprefix("models:/").partition("/")
    if not model or (number and not number.isdecimal()):
        raise errors.BadInput(f"{reference!r} names no version", fix="write NAME/3, or NAME for the whole model")
    return model, int(number) if number else None


def _decided(platform: compose.Platform, school: str | None, by: str) -> tuple[interface.Catalogue, str, str]:
    """The catalogue, the school, and who decides. Raises BadInput for nobody."""
    if not by:
        raise errors.BadInput("nobody takes the decision", fix='add --by NAME --reason "why"')
    platform.get("deployment")  # it tells what is tried
    school_id = data.chosen_school(platform.get("identity").schools(), school).id
    return platform.get("catalogue"), school_id, administrator(platform, school_id, by).id
