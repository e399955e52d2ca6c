"""The data sets of knowledge tracing as tables of answers, each with its split, and what others published on it."""

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import harness, replay
from shuyuan.science.tracing.interactions import Answer, Interactions

PUBLISHED: dict[str, dict[str, float]] = {
    "kt_assist2009_qmatrix": {"rasch": 0.69, "pfa": 0.72, "best_lr": 0.77, "dkt": 0.75, "sakt": 0.75},
    "kt_assist2009_pid": {"dkt": 0.7541, "sakt": 0.7246, "akt": 0.7853, "simplekt": 0.7744},
    "kt_spanish": {"rasch": 0.68, "pfa": 0.85, "best_lr": 0.86, "dkt": 0.83, "sakt": 0.83},
    "kt_synthetic5": {"dkt": 0.803},
}
PROTOCOLS = {
    "kt_assist2009_qmatrix": "its own split by learner (80/20); published by Gervet et al. (2020), JEDM 12(3)",
    "kt_assist2009_pid": (
        "folds of the AKT repository: test = fold k, validation = fold k + 1; rows of one item that follow each other "
        "with other skills are ONE event of several points (as published with it, they leak); the published figures "
        "are from other preprocessing of the same data without the leak, second hand"
    ),
    "kt_assist2017_timed": "every fourth learner (from the first) is test; nothing published for this part",
    "kt_spanish": "every fourth learner (from the first) is test; published figures are of the whole, 182 learners",
    "kt_synthetic5": (
        "version v, its own halves; concepts are not told: each item is its own point; published figure as recalled, "
        "mean of versions"
    ),
    "kt_synthetic5_concepts": "the same, with the concept of each item told as its point",
}


class Part(NamedTuple):
    """Answers to learn from, to select by (None: left to the algorithm) and to report on."""

    train: Interactions
    validation: Interactions | None
    test: Interactions


def load(name: str, fold: int = 0) -> Part:
    """A data set by name; `fold` counts folds or versions, from 0. Raises ValueError for an unknown one."""
    match name:
        case "kt_assist2009_qmatrix":
            folder = harness.data_folder(name)
            return Part(replay.load(folder, "train"), None, replay.load(folder, "test"))
        case "kt_assist2009_pid":
            return _pid(harness.data_folder(name), fold)
        case "kt_assist2017_timed":
            return _every_fourth(_timed(harness.data_folder(name)))
        case "kt_spanish":
            return _every_fourth(_spanish(harness.data_folder(name)))
        case "kt_synthetic5" | "kt_synthetic5_concepts":
            return _synthetic(harness.data_folder("kt_synthetic5"), fold, told=name.endswith("concepts"))
    raise ValueError(f"no data set is called {name!r}; there are {', '.join(PROTOCOLS)}")


def digest(name: str) -> str:
    """SHA-256 over the files of a data set."""
    found = hashlib.sha256()
    for path in sorted(harness.data_folder(name.removesuffix("_concepts")).iterdir()):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def _every_fourth(table: Interactions) -> Part:
    """Learners in order of appearance: the first, the fifth … are test."""
    learners, first = np.unique(table.learner, return_index=True)
    chosen = np.isin(table.learner, learners[np.argsort(first)][::4])
    return Part(table.take(np.flatnonzero(~chosen)), None, table.take(np.flatnonzero(chosen)))


def _rows(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt") as lines:
        next(lines)
        yield from csv.reader(lines, delimiter="\t")


def _timed(folder: Path) -> Interactions:
    points = replay.points_of_items(folder / "qmatrix.csv.gz")
    rows = _rows(folder / "trials.tsv.gz")
    return Interactions.of(Answer(who, item, points[item], right == "1", float(at)) for who, item, at, right, _ in rows)


def _spanish(folder: Path) -> Interactions:
    rows = _rows(folder / "trials.tsv.gz")
    return Interactions.of(Answer(who, item, [skill], right == "1") for who, _, item, skill, right in rows)


def _lines(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt") as lines:
        return [line.strip().strip(",").split(",") for line in lines]


def _synthetic(folder: Path, version: int, *, told: bool) -> Part:
    concepts = json.loads((folder / f"v{version}_concept_of_item.json").read_text())

    def table(part: str) -> Interactions:
        lines = _lines(folder / f"v{version}_{part}.csv.gz")
        return Interactions.of(
            Answer(place, item, [f"c{concepts[int(item) - 1]}" if told else item], right == "1")
            for place in range(0, len(lines), 3)
            for item, right in zip(lines[place + 1], lines[place + 2], strict=True)
        )

    return Part(table("train"), None, table("test"))


def _pid(folder: Path, fold: int) -> Part:
    parts = [_pupils(folder / f"fold{1 + (fold + turn) % 5}.csv.gz") for turn in range(5)]
    alone = _pupils(folder / "train_only.csv.gz")
    test, validation, *train = parts
    return Part(
        Interactions.of([answer for part in (*train, alone) for answer in part]),
        Interactions.of(validation),
        Interactions.of(test),
    )


def _pupils(path: Path) -> list[Answer]:
    lines = _lines(path)
    return [
        answer
        for place in range(0, len(lines), 4)
        for answer in _events(lines[place][0], *lines[place + 1 : place + 4])
    ]


def _events(who: str, items: Sequence[str], skills: Sequence[str], marks: Sequence[str]) -> Iterator[Answer]:
    """Neighbouring rows of one item with skills not yet named are one answer; the same skill again is another try."""
    for item, rows in groupby(zip(items, skills, marks, strict=True), key=lambda row: row[0]):
        points: list[str] = []
        right = ""
        for _, skill, mark in rows:
            if points and (skill in points or mark != right):
                yield Answer(who, item, points, right == "1")
                points = []
            points, right = [*points, skill], mark
        yield Answer(who, item, points, right == "1")
