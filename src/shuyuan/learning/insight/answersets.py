"""Data sets of the workshop as tables of answers: which suit, and their rows as CSV. The test part stays unread.

A column is found by its role, or, as in the school's own export, by its name. A feature of kind text that is no finer
than the items is taken for what they say; whether it is, is seen when the rows are read.
"""

import shutil
from pathlib import Path

from shuyuan.kernel import errors
from shuyuan.learning.insight.interface import Source
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.science.tracing import interchange

NAMES: dict[datasets_api.Role, str] = {
    "person": "learner",
    "label": "correct",
    "time": "at_s",
}  # role → heading that is read


def sources(datasets: datasets_api.DataSets, school_id: str) -> list[Source]:
    """What one may compare on."""
    found = [one for one in datasets.versions(school_id) if suits(one)]
    return [Source(one.uri, _columns(one)["person"].distinct, _rows(one), True) for one in found]


def suits(version: datasets_api.DataSetVersion) -> bool:
    """Whether it is a table of answers that may be read: person, item, time, a label of two classes, consent."""
    return (
        version.purged_at is None
        and (version.consent or not version.personal)
        and not _missing(version)
        and any(part != "test" for part in version.parts)
    )


def write(datasets: datasets_api.DataSets, version: datasets_api.DataSetVersion, target: Path) -> None:
    """Every part but the test part. Raises BadInput, ConsentMissing, DataSetPurged, RawPersons."""
    datasets.require_trainable(version)
    if not suits(version):
        why = ", ".join(_missing(version)) or "all its rows are in its test part, which stays unread"
        raise errors.BadInput(
            f"{version.uri} is no table of answers: {why}",
            fix="it takes a person, an item, a label of two classes and a time column (or learner, item, correct and "
            "at_s), and rows beside its test part",
        )
    with target.open("wb") as out:
        for at, part in enumerate(part for part in version.parts if part != "test"):
            piece = target.with_name(f"{part}.csv")
            datasets.export_csv(version, part, piece)
            with piece.open("rb") as found:
                heading = found.readline()
                if at == 0:
                    out.write(_renamed(heading, version))
                shutil.copyfileobj(found, out)
            piece.unlink()


def _columns(version: datasets_api.DataSetVersion) -> dict[datasets_api.Role, datasets_api.Column]:
    """role → column, of those that are there."""
    named = {one.name: one for one in version.columns}
    found = {role: next(iter(version.with_role(role)), named.get(name)) for role, name in NAMES.items()}
    return {role: column for role, column in found.items() if column is not None}


def _text(version: datasets_api.DataSetVersion) -> datasets_api.Column | None:
    """What an item says, where a column does: it has not many more different values than there are items."""
    most = next((1.02 * one.distinct for one in version.columns if one.name == "item"), 0.0)
    others = [one for one in version.with_role("feature") if one.name not in interchange.COLUMNS]
    found = [one for one in others if one.kind == "text" and 1 < one.distinct <= most]
    return min(found, key=lambda one: one.name != interchange.TEXT, default=None)


def _missing(version: datasets_api.DataSetVersion) -> list[str]:
    """What keeps it from being read, in words."""
    found = _columns(version)
    missing = [f"no column has the role {role} or the name {name}" for role, name in NAMES.items() if role not in found]
    if "label" in found and found["label"].distinct != 2:
        missing.append(f"{found['label'].name} has {found['label'].distinct} classes, not two")
    if not any(one.name == "item" for one in version.columns):
        missing.append("no column is called item")
    return missing


def _rows(version: datasets_api.DataSetVersion) -> int:
    return sum(info.rows for part, info in version.parts.items() if part != "test")


def _renamed(heading: bytes, version: datasets_api.DataSetVersion) -> bytes:
    """The headings with the names that are read, by their roles."""
    names = {column.name: NAMES[role] for role, column in _columns(version).items()}
    if (text := _text(version)) is not None:
        names[text.name] = interchange.TEXT
    said = heading.decode("utf-8-sig").strip().split(",")
    return (",".join(names.get(one.strip('"'), one.strip('"')) for one in said) + "\n").encode()
