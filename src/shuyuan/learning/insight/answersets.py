"""Data sets of the workshop as tables of answers: which suit, and their rows as CSV. The test part stays unread."""

import shutil
from pathlib import Path

from shuyuan.kernel import errors
from shuyuan.learning.insight.interface import Source
from shuyuan.maas.datasets import interface as datasets_api


def sources(datasets: datasets_api.DataSets, school_id: str) -> list[Source]:
    """What one may compare on."""
    found = [one for one in datasets.versions(school_id) if suits(one)]
    return [Source(one.uri, one.column(_person(one)).distinct, _rows(one), True) for one in found]


def suits(version: datasets_api.DataSetVersion) -> bool:
    """Whether it is a table of answers that may be read: person, item, time, a label of two classes, consent."""
    label = next(iter(version.with_role("label")), None)
    names = {one.name for one in version.columns}
    return bool(
        version.purged_at is None
        and (version.consent or not version.personal)
        and label is not None
        and label.distinct == 2
        and version.with_role("person")
        and version.with_role("time")
        and "item" in names
        and any(part != "test" for part in version.parts)
    )


def write(datasets: datasets_api.DataSets, version: datasets_api.DataSetVersion, target: Path) -> None:
    """Every part but the test part. Raises BadInput, ConsentMissing, RawPersons."""
    if not suits(version):
        raise errors.BadInput(
            f"{version.uri} is no table of answers",
            fix="it takes a person, an item, a label of two classes and a time column, and rows beside its test part",
        )
    datasets.require_trainable(version)
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


def _person(version: datasets_api.DataSetVersion) -> str:
    return version.with_role("person")[0].name


def _rows(version: datasets_api.DataSetVersion) -> int:
    return sum(info.rows for part, info in version.parts.items() if part != "test")


def _renamed(heading: bytes, version: datasets_api.DataSetVersion) -> bytes:
    """The headings with the names that are read, by their roles."""
    names = {
        _person(version): "learner",
        version.with_role("label")[0].name: "correct",
        version.with_role("time")[0].name: "at_s",
    }
    said = heading.decode("utf-8-sig").strip().split(",")
    return (",".join(names.get(one.strip('"'), one.strip('"')) for one in said) + "\n").encode()
