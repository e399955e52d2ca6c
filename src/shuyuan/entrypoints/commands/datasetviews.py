"""What the commands of data sets share: the school's room, a bar while a work is under way, a version in full."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rich import markup
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import listing, moments
from shuyuan.entrypoints.commands.data import chosen_school
from shuyuan.maas.datasets import interface

_out = Console(highlight=False, soft_wrap=True)
_POLL_S = 0.1
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


@contextmanager
def opened(home: Path | None, school: str | None) -> Iterator[tuple[interface.DataSets, str]]:
    """The data sets of the named school, or of the only one."""
    with installation.opened(home) as platform:
        chosen = chosen_school(platform.get("identity").schools(), school)
        yield cast(interface.DataSets, platform.get("datasets")), chosen.id


def followed(datasets: interface.DataSets, work: interface.Work) -> interface.DataSetVersion:
    """Wait for a work with a bar. Raises what it failed with."""
    with Progress(TextColumn("{task.description}"), BarColumn(), console=_out, transient=True) as bar:
        task = bar.add_task(work.name, total=None)
        while not (now := datasets.work(work.school_id, work.id)).ended:
            bar.update(
                task, description=f"{now.name} · {now.stage or now.state}", completed=now.done, total=now.total or None
            )
            time.sleep(_POLL_S)
    return datasets.wait(work.school_id, work.id)


def show_made(version: interface.DataSetVersion, work: interface.Work) -> None:
    """The version a work came to: a new one, or one that lay there with the same content."""
    if version.created_at < work.created_at:
        since = moments.told(version.created_at)
        _out.print(f"{version.uri} exists already, since {since}, with the same rows: nothing was added", markup=False)
    show_version(version)
    if version.personal and not version.consent:
        said_no = any(one.code == "no_stands" for one in version.findings)
        why = "some in these rows said no, or were taken out" if said_no else "nobody has noted that they agreed"
        _out.print(
            f"it tells of persons, and {why}: nothing is trained or judged on it until you "
            f"do, with `shuyuan data consent {version.uri} yes --reason …`",
            markup=False,
        )


def values_of(asked: Mapping[str, Any]) -> str:  # Any: JSON schema
    """What an option may be, in a few words.

    >>> values_of({"enum": ["clip", "drop"]}), values_of({"type": "number", "exclusiveMinimum": 0, "maximum": 1})
    ('clip, drop', 'number > 0 <= 1')
    """
    if "enum" in asked:
        return ", ".join(map(str, asked["enum"]))
    bounds = [f" {sign} {asked[name]}" for name, sign in _BOUNDS.items() if name in asked]
    kinds = [str(one["type"]) for one in asked.get("anyOf", [asked]) if one["type"] != "null"]
    return " or ".join(kinds) + "".join(bounds)


def show_version(version: interface.DataSetVersion) -> None:
    stands = (("personal", version.personal), ("consent", version.consent), ("purged", version.purged_at is not None))
    flags = [word for word, on in stands if on]
    parts = ", ".join(f"{part} {info.rows:,}" for part, info in version.parts.items())
    said = " · ".join(filter(None, [version.uri, parts, *flags, version.purpose, version.basis, version.purged_why]))
    _out.print(f"{said}\nsha256 {version.sha256} from {version.source}", markup=False)
    columns = listing.of("column", "kind", "role", "missing", "distinct", "for example", whole=("kind", "role"))
    for one in version.columns:
        some = markup.escape(", ".join(one.examples))
        columns.add_row(markup.escape(one.name), one.kind, one.role, f"{one.missing:,}", f"{one.distinct:,}", some)
    listing.show(columns)
    if version.findings:
        report = listing.of("rule", "column", "count", "done", "detail")
        for line in version.findings:
            cells = (line.rule, line.column, f"{line.count:,}", line.action, line.detail)
            report.add_row(*(markup.escape(cell) for cell in cells))
        listing.show(report)
