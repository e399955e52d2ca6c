"""From a file as it came to one table and what was seen on the way: one file a format, one line here."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.bounds import Bounds

if TYPE_CHECKING:
    import polars as pl

FORMATS: dict[interface.Format, str] = {
    "csv": "shuyuan.maas.datasets.reading.csv",
    "jsonl": "shuyuan.maas.datasets.reading.jsonl",
    "parquet": "shuyuan.maas.datasets.reading.parquet",
    "images": "shuyuan.maas.datasets.reading.images",
    "xapi": "shuyuan.maas.datasets.reading.xapi",
}
ENDINGS: dict[str, interface.Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".zip": "images",
    ".json": "xapi",
}


class Reader(Protocol):
    """A module of this folder."""

    def read(
        self, path: Path, told: interface.NewDataSet, bounds: Bounds, work_dir: Path, key: bytes
    ) -> "tuple[pl.DataFrame, list[interface.Finding]]":
        """The table. key: of pseudonyms; work_dir: for files on the way. Raises BadData."""
        ...


def format_of(told: interface.NewDataSet) -> interface.Format:
    """The format that was said, or that the file's ending says. Raises BadData."""
    if told.format:
        return told.format
    name = told.filename.lower().removesuffix(".gz")
    for ending, found in ENDINGS.items():
        if name.endswith(ending):
            return found
    raise interface.BadData(
        f"{told.filename[:120]!r} does not say what it is", fix=f"give the format: {', '.join(FORMATS)}"
    )


def reader(kind: interface.Format) -> Reader:
    """The module that reads this format; it imports polars."""
    module: Reader = importlib.import_module(FORMATS[kind])
    return module
