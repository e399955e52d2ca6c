"""How models look on the command line: the list, a card, the versions of a registered model."""

import json
from collections.abc import Iterable

from rich import markup
from rich.console import Console
from rich.table import Table

from shuyuan.maas.catalogue import extras, interface, puller

out = Console(highlight=False, soft_wrap=True)
_OF_A_READER = "what its own reader does"


def entries(listed: Iterable[interface.Entry], here: puller.Puller) -> None:
    """One line an entry."""
    table = Table("name", "size", "languages", "tasks", "licence", "here")
    for one in listed:
        table.add_row(
            one.name,
            _size(one.total_bytes),
            " ".join(one.languages),
            " ".join(one.tasks),
            one.licence,
            _state(here, one.name).split(":")[0],
        )
    out.print(table)


def entry(one: interface.Entry, here: puller.Puller) -> None:
    """The whole card of an entry, whether it is here or not."""
    out.print(f"[bold]{one.name}[/bold]  {one.title.en} · {one.title.zh}")
    for label, value in (
        ("size", _size(one.total_bytes)),
        ("licence", one.licence),
        ("languages", ", ".join(one.languages)),
        ("claims", ", ".join(one.tasks)),
        ("memory", f"{one.memory_bytes / 1e6:,.0f} MB once loaded"),
        ("runner", one.runner),
        ("here", _state(here, one.name)),
    ):
        out.print(f"  {label:<10} {value}", markup=False)
    for filename, size_bytes, sha256 in (
        (one.filename, one.size_bytes, one.sha256),
        *((beside.filename, beside.size_bytes, beside.sha256) for beside in one.also),
    ):
        out.print(f"  {'file':<10} {filename} · {_size(size_bytes)} · sha-256 {sha256}", markup=False)
    out.print(f"\n{one.card.en}\n{one.origin.en}\n", markup=False)
    missing_extra(one.runner)


def missing_extra(runner: str) -> None:
    """Say what to install before the runner can run; silent when nothing is missing."""
    if extra := extras.missing(runner):
        out.print(f"To run it, install more first: {extras.advice(extra)}", markup=False)


def registered(catalogue: interface.Catalogue, school_id: str, school: str) -> None:
    """One line a registered model that is this school's own."""
    table = Table("name", "newest", "champion", "runner", "tasks", title=f"registered: {markup.escape(school)}")
    for name in catalogue.known(school_id):
        if own := _own(catalogue, school_id, name):
            newest = own[0]
            table.add_row(
                name,
                str(newest.number),
                _champion(catalogue, school_id, name),
                newest.runner,
                " ".join(newest.tasks) or _OF_A_READER,
            )
    if table.row_count:
        out.print(table)


def versions(
    catalogue: interface.Catalogue, school_id: str, school: str, name: str, only: interface.Version | None = None
) -> bool:
    """Every version that is this school's own, or `only` that one, with card and spec; False when there is none."""
    own = [one for one in _own(catalogue, school_id, name) if only is None or one.id == only.id]
    aliases = catalogue.aliases(school_id, name) if own else {}
    for one in own:
        meant = "".join(f" · {alias}" for alias, number in aliases.items() if number == one.number)
        out.print(f"{one.uri} · {school}{meant}", style="bold", markup=False)
        for label, value in (
            ("runner", one.runner),
            ("claims", ", ".join(one.tasks) or _OF_A_READER),
            ("file", f"{_size(one.size_bytes)} · sha-256 {one.artefact_sha256}"),
            ("spec", json.dumps(one.spec, ensure_ascii=False) if one.spec else "none"),
            ("added", f"{one.created_at:%Y-%m-%d %H:%M} UTC"),
            ("card", one.card.en),
        ):
            out.print(f"  {label:<10} {value}", markup=False)
    if own:
        missing_extra(own[0].runner)
    return bool(own)


def added(one: interface.Version, champion: bool) -> None:
    """What was registered, and how one calls it."""
    out.print(f"registered {one.uri}{' as champion' if champion else ''}: {', '.join(one.tasks)}", markup=False)
    if champion:
        out.print(f"call it as {one.model}", markup=False)
    else:
        out.print(
            f"call it as {one.model}/{one.number}; to serve it as {one.model}: "
            f'shuyuan promote {one.model} --version {one.number} --by ADMINISTRATOR --reason "why"',
            markup=False,
        )
    missing_extra(one.runner)


def _own(catalogue: interface.Catalogue, school_id: str, name: str) -> list[interface.Version]:
    return [one for one in catalogue.versions(school_id, name) if one.school_id == school_id]


def _champion(catalogue: interface.Catalogue, school_id: str, name: str) -> str:
    history = catalogue.alias_history(school_id, name)
    return str(history[0].version_number) if history else "none"


def _state(here: puller.Puller, name: str) -> str:
    try:
        return f"yes: {here.locate(name).path.parent}"
    except interface.HashMismatch as wrong:
        return f"damaged: {wrong.message}"
    except interface.NotPulled:
        progress = here.pull_progress(name)
    if progress is None:
        return "no"
    return f"partly: {progress.bytes_done / max(1, progress.bytes_total):.0%}, {progress.error or progress.stage}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:,.1f} kB"
