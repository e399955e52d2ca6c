"""`shuyuan deploy|promote|rollback|bundle|edge-report`: which version answers, the way back, versions that go offline.

They write to the home's database; a server that runs for it follows within two seconds.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data, moments
from shuyuan.identity import interface as identity_api
from shuyuan.identity import offline
from shuyuan.kernel import audit, errors
from shuyuan.maas.deployment import interface

_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
School = Annotated[str | None, typer.Option(help="School id or name; needed when there are several.")]
Name = Annotated[str, typer.Argument(help="A registered model.")]
Why = Annotated[str, typer.Option(help="Why; it stands in the history.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (deploy, promote, rollback, bundle):
        app.command()(command)
    app.command("edge-report")(edge_report)


def deploy(
    model: Name,
    version: Annotated[int | None, typer.Option(min=1, help="Left out: show what is served.")] = None,
    canary: Annotated[str | None, typer.Option(help="Share of the people it answers: 10% or 0.1.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Call it beside, and throw its answers away.")] = False,
    max_error_rate: Annotated[float | None, typer.Option(help="Taken back above this share of failed calls.")] = None,
    max_latency_ratio: Annotated[float | None, typer.Option(help="Taken back above this, to the champion's.")] = None,
    min_calls: Annotated[int | None, typer.Option(help="Fewer calls are never judged.")] = None,
    reason: Why = "",
    school: School = None,
    home: Home = None,
) -> None:
    """Try a version on a share of the people, or beside the champion; without --version show what is served."""
    with installation.opened(home) as platform:
        deployments, school_id = _deployments(platform), _school(platform, school)
        if version is not None:
            given = {
                "max_error_rate": max_error_rate,
                "max_latency_ratio": max_latency_ratio,
                "min_calls": min_calls,
            }
            said = {name: value for name, value in given.items() if value is not None}
            rules = interface.Rules.model_validate(said) if said else None
            share = None if canary is None else share_of(canary)
            try:
                deployments.deploy(
                    school_id, audit.SYSTEM, model, version, share=share, shadow=shadow, rules=rules, reason=reason
                )
            except interface.GateNotPassed as refused:
                way = f'judge it (`{_judging(model, version)}`), or say why it is tried: --reason "why"'
                raise interface.GateNotPassed(refused.message, fix=way) from refused
        _show(deployments, school_id, model)


def promote(
    model: Name,
    version: Annotated[int, typer.Option(min=1)],
    verdict: Annotated[
        str | None, typer.Option(help="Id of what a gate said of it; left out: the one on record.")
    ] = None,
    reason: Why = "",
    by: Annotated[str | None, typer.Option(help="Administrator who decides without a gate: login, name or id.")] = None,
    school: School = None,
    home: Home = None,
) -> None:
    """Make a version the champion: its gate passed, or --by a person with a --reason."""
    with installation.opened(home) as platform:
        deployments, school_id = _deployments(platform), _school(platform, school)
        actor = audit.SYSTEM if by is None else administrator(platform, school_id, by).id
        judged = platform.get("evaluation").verdict(school_id, verdict) if verdict is not None else None
        if judged is None and by is None:
            judged = deployments.spoken(school_id, model, version)
        try:
            deployments.promote(school_id, actor, model, version, judged, reason=reason)
        except interface.GateNotPassed as refused:
            if by is not None:
                raise
            way = f'judge it (`{_judging(model, version)}`), or let an administrator decide: --by NAME --reason "why"'
            raise interface.GateNotPassed(refused.message, fix=way) from refused
        _show(deployments, school_id, model)


def rollback(
    model: Name,
    reason: Why = "by the owner of this machine",
    school: School = None,
    home: Home = None,
) -> None:
    """The way back: end a canary; without one, serve the champion before this one."""
    with installation.opened(home) as platform:
        deployments, school_id = _deployments(platform), _school(platform, school)
        deployments.rollback(school_id, audit.SYSTEM, model, reason)
        _show(deployments, school_id, model)


def bundle(
    reference: Annotated[str, typer.Argument(help="models:/name/3")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip to write.")],
    school: School = None,
    home: Home = None,
) -> None:
    """Write a zip that runs a version without a network; it holds a key for its reports: guard it."""
    model, _, number = reference.removeprefix("models:/").rpartition("/")
    if not model or not number.isdigit():
        raise errors.BadInput(f"{reference!r} names no version", fix="write models:/name/3")
    installation.require_folder_of(output)
    with installation.opened(home) as platform:
        deployments, school_id = _deployments(platform), _school(platform, school)
        deployments.bundle(school_id, audit.SYSTEM, model, int(number), output)
    _out.print(f"wrote {output}, {output.stat().st_size / 1e6:.1f} MB: unpack it and run `python run.py`", markup=False)


def edge_report(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="report.jsonl of a bundle.")],
    school: School = None,
    home: Home = None,
) -> None:
    """Count what a bundle did without a network. Sent twice, it is counted once."""
    with installation.opened(home) as platform:
        new = _deployments(platform).take_report(_school(platform, school), file.read_bytes())
    _out.print(f"counted {len(new)} new lines")


def share_of(said: str) -> float:
    """A share as people write it.

    >>> share_of("10%"), share_of("0.1")
    (0.1, 0.1)
    """
    try:
        return float(said.removesuffix("%")) / (100 if said.endswith("%") else 1)
    except ValueError:
        raise errors.BadInput(f"{said!r} is no share", fix="write 10% or 0.1") from None


def _judging(model: str, version: int) -> str:
    """The command by which a gate gets to judge a version."""
    return f"shuyuan evaluate models:/{model}/{version} --data data:/NAME --gate auto"


def _show(deployments: interface.Deployments, school_id: str, model: str) -> None:
    now = deployments.deployment(school_id, model)
    trying = f"; version {now.canary.version} answers {now.canary.share:.0%} of the people" if now.canary else ""
    beside = f"; version {now.shadow} runs beside" if now.shadow else ""
    _out.print(f"{model}: champion is version {now.champion or 'none'}{trying}{beside} ({now.state})", markup=False)
    if standing := deployments.standing(school_id, model):
        if now.canary is None and now.shadow is None:
            _out.print("counted in the last trial, which has ended, by what each was then:", markup=False)
        _out.print(_counted(standing))
    for change in deployments.history(school_id, model)[:5]:
        said = f"{moments.told(change.at)} {change.kind} {change.version or ''}: {change.reason}"
        _out.print(said, markup=False)


def _counted(standing: Sequence[interface.Standing]) -> Table:
    table = Table("part", "version", "calls", "failed, 99.9 % sure", "typical time", "to the champion")
    for one in standing:
        low, high = one.error_rate
        ratio = f"{one.latency_ratio[0]:.2f} to {one.latency_ratio[1]:.2f}" if one.latency_ratio else ""
        typical = f"{one.latency_s * 1000:.1f} ms" if one.latency_s else ""
        table.add_row(Text(one.part), str(one.version), str(one.calls), f"{low:.1%} to {high:.1%}", typical, ratio)
    return table


def _deployments(platform: compose.Platform) -> interface.Deployments:
    found: interface.Deployments = platform.get("deployment")
    return found


def _school(platform: compose.Platform, wanted: str | None) -> str:
    return data.chosen_school(platform.get("identity").schools(), wanted).id


def administrator(platform: compose.Platform, school_id: str, named: str) -> identity_api.Account:
    """The administrator of this login, name or id."""
    reader = identity_api.Principal(audit.SYSTEM, school_id, "admin")
    accounts: list[identity_api.Account] = platform.get("identity").accounts(reader)
    known_as = {named}
    with contextlib.suppress(errors.NotFound):  # of several people of one name the administrator is meant
        known_as.add(offline.principal_of(platform.get("db"), platform.get("vault"), named).account_id)
    admins = [one for one in accounts if one.role == "admin" and one.active]
    found = [one for one in admins if known_as & {one.id, one.name}]
    if len(found) != 1:
        known = ", ".join(f"{one.name} ({one.id})" for one in admins)
        raise errors.NotFound(
            f"{len(found)} administrators are called {named!r}", fix=f"use a login, or one of: {known}"
        )
    return found[0]
