"""`shuyuan data consent|purge|erase|from-records`: who agreed, what goes when they do not, answers as a data set."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data
from shuyuan.entrypoints.commands.datasetviews import followed, opened, show_version
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit

_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
School = Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")]
Reference = Annotated[str, typer.Argument(help="data:/name/3, name/3, or name for its newest version.")]
Reason = Annotated[str, typer.Option(help="How they agreed (a letter, a date), or why not; it stays with it.")]


def register(family: typer.Typer) -> None:
    """Add the commands to `shuyuan data`."""
    family.command()(consent)
    family.command()(purge)
    family.command()(erase)
    family.command("from-records")(from_records)


def consent(
    reference: Reference,
    answer: Annotated[Literal["yes", "no"], typer.Argument(help="yes: every person in it, or their guardian, agreed.")],
    reason: Reason,
    school: School = None,
    home: Home = None,
) -> None:
    """Note that the persons in a version agreed that models are trained and judged on it, or that they no longer do.

    Ask every person in it, or their guardian, first; you vouch for it with --reason. It is about
    this file alone: what families allow with their own answers is noted under Privacy. A no holds for every
    version with the same rows, and what reads one stops.
    """
    with opened(home, school) as (datasets, school_id):
        show_version(datasets.set_consent(school_id, audit.SYSTEM, reference, answer == "yes", reason))


def purge(reference: Reference, reason: Reason, school: School = None, home: Home = None) -> None:
    """Remove the rows of a withdrawn version, and of all made from it, for good."""
    with opened(home, school) as (datasets, school_id):
        done = datasets.purge(school_id, audit.SYSTEM, reference, reason)
    _out.print(f"removed the rows of {', '.join(done.versions)}", markup=False)
    for told, which in (("was used by", done.used_by), ("the same rows are still in", done.shared_with)):
        if which:
            _out.print(f"{told}: {', '.join(which)}", markup=False)


def erase(
    reference: Reference,
    persons: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="One person a line.")],
    reason: Reason,
    school: School = None,
    home: Home = None,
) -> None:
    """Take persons out of a version, of what it was made from and of all made from it; the old ones are purged."""
    who = [line.strip() for line in persons.read_text("utf-8-sig").splitlines() if line.strip()]
    with opened(home, school) as (datasets, school_id):
        work = datasets.erase_persons(school_id, audit.SYSTEM, reference, who, reason)
        show_version(followed(datasets, work))


def from_records(
    name: Annotated[str, typer.Option(help="What it is called: a-z 0-9 . _ -")],
    purpose: Annotated[Literal["improvement", "research"], typer.Option(help="What the learners agreed to.")],
    said: Annotated[str, typer.Option(help="What it is for.")] = "",
    school: School = None,
    home: Home = None,
) -> None:
    """Make a data set of the school's own answers: of learners who agreed, under pseudonyms."""
    with installation.opened(home) as platform:
        chosen = data.chosen_school(platform.get("identity").schools(), school)
        whole_school = Principal(audit.SYSTEM, chosen.id, "admin")
        work = platform.get("gathering").gather(whole_school, name, purpose, said=said)
        version = followed(platform.get("datasets"), work)
    show_version(version)
