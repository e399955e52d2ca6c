"""`shuyuan data import|list|show|prepare|export` and the verbs of consent: files become data sets, plans versions."""

import json
import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich import markup
from rich.console import Console

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import consents, listing, moments
from shuyuan.entrypoints.commands.datasetviews import followed, opened, show_made, show_version, values_of
from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface

_out = Console(highlight=False, soft_wrap=True)
_ACTOR = "system"
_CELL_CHARS = 40
_CONSENT = (
    "You vouch that every person in it, or their guardian, agreed that models are trained and judged on these data. "
    "For nothing else: --purpose says what for. `data consent NAME no` takes it back."
)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
School = Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")]
Reference = Annotated[str, typer.Argument(help="data:/name/3, name/3, or name for its newest version.")]
Form = Literal["csv", "jsonl", "parquet", "images", "xapi"]


def register(app: typer.Typer) -> None:
    """Add the family `data`."""
    family = typer.Typer(help="Data sets: import, look, clean and split, take out again.", no_args_is_help=True)
    family.command("import")(import_)
    family.command("list")(list_)
    family.command()(show)
    family.command()(prepare)
    family.command()(steps)
    family.command()(export)
    consents.register(family)
    app.add_typer(family, name="data")


def import_(
    source: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON lines, Parquet, zip, xAPI.")],
    name: Annotated[str, typer.Option(help="What it is called: a-z 0-9 . _ -")],
    form: Annotated[Form | None, typer.Option("--format", help="By the file's ending if not given.")] = None,
    purpose: Annotated[str, typer.Option(help="What it is for.")] = "",
    personal: Annotated[
        bool,
        typer.Option("--personal", help="It tells of persons. Without --consent nothing is trained or judged on it."),
    ] = False,
    consent: Annotated[bool, typer.Option("--consent", help=_CONSENT)] = False,
    basis: Annotated[str, typer.Option(help="How they agreed: a letter, a date. It stays with the version.")] = "",
    delimiter: Annotated[str | None, typer.Option(help="Of CSV; found out if not given.")] = None,
    columns: Annotated[str, typer.Option(help='Corrections: {"age": {"kind": "number", "role": "ignore"}}')] = "{}",
    school: School = None,
    home: Home = None,
) -> None:
    """Import a file as the next version of a data set: nothing is registered unless all of it is read."""
    said = {"name": name, "format": form, "purpose": purpose, "personal": personal, "consent": consent, "basis": basis}
    try:
        new = interface.NewDataSet.model_validate({**said, "delimiter": delimiter, "columns": json.loads(columns)})
    except (ValidationError, ValueError) as wrong:
        raise _unreadable(wrong) from wrong
    with opened(home, school) as (datasets, school_id):
        work = datasets.create(school_id, _ACTOR, source, new)
        show_made(followed(datasets, work), work)


def list_(school: School = None, home: Home = None) -> None:
    """List the versions of every data set, newest first."""
    table = listing.of("data set", "rows", "parts", "made from", "used", "at", whole=("data set",))
    with opened(home, school) as (datasets, school_id):
        for one in datasets.versions(school_id):
            parts = ", ".join(f"{part} {info.rows:,}" for part, info in one.parts.items())
            made = markup.escape(one.source.split(" sha256:")[0])
            table.add_row(one.uri, f"{one.rows:,}", parts, made, str(one.used_by), moments.told(one.created_at))
    listing.show(table)


def show(reference: Reference, school: School = None, home: Home = None) -> None:
    """Show a version: columns, what cleaning found, the first rows."""
    with opened(home, school) as (datasets, school_id):
        version = datasets.version(school_id, reference)
        show_version(version)
        rows = datasets.preview(version)
    if rows:
        table = listing.of(*(markup.escape(name) for name in rows[0]), whole=())
        for row in rows:
            table.add_row(*(markup.escape(str(value)[:_CELL_CHARS]) for value in row.values()))
        listing.show(table)


def prepare(
    reference: Reference,
    plan: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: columns, rules, augment, split.")],
    name: Annotated[str | None, typer.Option(help="Keep the outcome under this name; the same if not given.")] = None,
    purpose: Annotated[str, typer.Option(help="What it is for.")] = "",
    school: School = None,
    home: Home = None,
) -> None:
    """Clean, split and augment by a plan: a new version, with this one as its parent."""
    try:
        read = interface.Plan.model_validate_json(plan.read_bytes())
    except (ValidationError, ValueError) as wrong:
        raise _unreadable(wrong) from wrong
    with opened(home, school) as (datasets, school_id):
        source = datasets.version(school_id, reference)
        if _is_outcome(source, reference, read, name):
            _out.print(f"{source.uri} was made by this very plan already; nothing was done", markup=False)
            _out.print(
                f"to prepare that outcome once more, name it: `shuyuan data prepare {source.uri} …`", markup=False
            )
            return
        work = datasets.prepare(school_id, _ACTOR, source.uri, read, name=name, purpose=purpose)
        show_made(followed(datasets, work), work)


def steps(home: Home = None) -> None:
    """List the rules and augmentations of a plan: {"rule": "missing", "by": "mode"}. Each takes `columns` as well."""
    table = listing.of("in", "rule", "option", "values", "if not given", "what", whole=("in", "rule", "option"))
    with installation.opened(home) as platform:
        described = platform.get("datasets").steps()
    for kind, every in described.items():
        for one in every:
            table.add_row(kind, one["rule"], "", "", "", one["what"])
            for name, asked in one["schema"]["properties"].items():
                if name != "columns":
                    what = asked.get("description", "")
                    table.add_row("", "", name, values_of(asked), json.dumps(asked["default"]), what)
    listing.show(table)


def export(
    reference: Reference,
    target: Annotated[Path, typer.Argument(help="The file to write, .parquet or .csv.")],
    part: Annotated[Literal["train", "validation", "test"], typer.Option(help="Which part.")] = "train",
    school: School = None,
    home: Home = None,
) -> None:
    """Write a part of a version into a file."""
    installation.require_folder_of(target)
    form = target.suffix.lower().removeprefix(".")
    if form not in ("csv", "parquet"):
        raise errors.BadInput(f"{target.name} says no format", fix="end it with .parquet or .csv")
    with opened(home, school) as (datasets, school_id):
        version = datasets.version(school_id, reference)
        if form == "csv":
            datasets.export_csv(version, part, target)
        else:
            shutil.copyfile(datasets.open_part(version, part), target)
        datasets.note_download(version, _ACTOR, part, form)
    _out.print(f"wrote {version.parts[part].rows:,} rows of {version.uri} to {target}", markup=False)


def _is_outcome(newest: interface.DataSetVersion, reference: str, plan: interface.Plan, name: str | None) -> bool:
    """Whether a name without a number has come to mean what this plan made of the version before."""
    is_named = not reference.rpartition("/")[2].isdigit() and name in (None, newest.name)
    return is_named and newest.parent_id is not None and interface.Plan.model_validate(newest.plan) == plan


def _unreadable(wrong: Exception) -> errors.BadInput:
    if isinstance(wrong, ValidationError):
        fault = wrong.errors(include_url=False, include_context=False)[0]
        said = f"{'.'.join(str(one) for one in fault['loc'])}: {fault['msg']}"
        return errors.BadInput(f"cannot be read: {said}"[:300], fix="correct the named field")
    return errors.BadInput(f"no JSON: {wrong}"[:300], fix="write a JSON object")
