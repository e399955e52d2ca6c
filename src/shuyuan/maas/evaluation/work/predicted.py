"""What a model said of some rows of a table, beside what was true: from its predictions file, or just predicted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science.features import base

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
_P = re.compile(r"p_(\d+)")
_OWN = {"part", "row", "label", "prediction"}
_HELD_OUT = ("test", "validation")  # of a fold; the second: where validation had no rows of its own


@dataclass(frozen=True)
class Predicted:
    """rows: which rows of the table.  label, prediction: words, numbers or None, one a row.  p: (N, K) of `labels`.

    values: further columns of numbers by name (rank, nll, tokens, query …); outputs of a regression are in prediction.
    """

    rows: Rows
    label: Sequence[Any]  # Any: words or numbers, as the task has them
    prediction: Sequence[Any]
    labels: tuple[str, ...] = ()
    p: Floats | None = None
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, kept: Rows) -> "Predicted":
        """These of its rows."""
        return replace(
            self,
            rows=self.rows[kept],
            label=[self.label[at] for at in kept],
            prediction=[self.prediction[at] for at in kept],
            p=None if self.p is None else self.p[kept],
            values={name: column[kept] for name, column in self.values.items()},
        )


def read(
    paths: Sequence[Path], rows: Sequence[Path], part: str, labels: Sequence[str], truth: Sequence[Any] | None
) -> Predicted | None:
    """The rows of `part` in all files; None where there are none.

    rows: for files of folds, the .npy that says which row of the table each of their rows is; then every row of the
    file's held-out part counts.  truth: the table's label column, which says more than the file (unseen classes).
    """
    found = [_read_one(path, None if not rows else np.load(rows[at]), part) for at, path in enumerate(paths)]
    tables = [table for table in found if len(table["row"])]
    if not tables:
        return None
    joined = {name: _joined([table[name] for table in tables]) for name in tables[0] if all(name in t for t in tables)}
    numbers = np.asarray(joined["row"], dtype=np.int64)
    if truth is not None and (not numbers.size or numbers.max() >= len(truth)):
        raise Refused(
            "wrong_rows",
            f"the predictions speak of row {numbers.max()}, the part has {len(truth)} rows",
            "evaluate on the version of the data set that they were made on",
        )
    label = list(joined["label"]) if truth is None else [truth[row] for row in numbers]
    p = sorted((int(match[1]), name) for name in joined if (match := _P.fullmatch(name)))
    probabilities = np.column_stack([np.asarray(joined[name], np.float64) for _, name in p]) if p else None
    spoken = list(joined["prediction"])
    known = tuple(labels) or (() if probabilities is None else _told_by(probabilities, spoken, label))
    others = {n: np.asarray(c) for n, c in joined.items() if n not in _OWN and not _P.fullmatch(n)}
    return Predicted(numbers, label, spoken, known, probabilities, others)


def write(path: Path, said: Predicted, part: str) -> None:
    """As a predictions file."""
    columns: dict[str, Any] = {  # Any: arrays and lists
        "part": [part] * len(said),
        "row": said.rows,
        "label": [None if one is None else one for one in said.label],
        "prediction": list(said.prediction),
    }
    if said.p is not None:
        columns |= {f"p_{at}": said.p[:, at] for at in range(said.p.shape[1])}
    frames.write(path, columns | dict(said.values))


def word(value: object) -> str | None:
    """A label as classes are compared: 1, 1.0, "1" are the same."""
    return base.word(value)


def _told_by(p: Floats, said: Sequence[Any], truth: Sequence[Any]) -> tuple[str, ...]:
    """Which class each column of p is, told by what was said where it is largest; () where that is not plain."""
    largest, words = p.argmax(axis=1), [word(one) for one in said]
    found = {int(at): {words[row] for row in np.flatnonzero(largest == at)} for at in np.unique(largest)}
    if p.shape[1] < 2 or any(len(one) != 1 or None in one for one in found.values()):
        return ()
    named = {at: str(next(iter(one))) for at, one in found.items()}
    left = sorted({str(one) for one in map(word, truth) if one is not None} - set(named.values()))
    never = [at for at in range(p.shape[1]) if at not in named]
    if len(set(named.values())) != len(named) or len(never) > 1 or len(left) < len(never):
        return ()
    named |= dict(zip(never, left[:1], strict=True))
    return tuple(named[at] for at in range(p.shape[1]))


def _read_one(path: Path, rows: Rows | None, part: str) -> dict[str, Any]:  # Any: columns
    table = frames.read(path)
    if missing := {"row", "prediction"} - table.keys():
        raise Refused("bad_predictions", f"{path.name} has no column {sorted(missing)[0]!r}", "write it as a run does")
    table.setdefault("label", [None] * len(table["row"]))
    parts = table.get("part", [part] * len(table["row"]))
    wanted = part if rows is None else next((one for one in _HELD_OUT if one in set(parts)), part)
    kept = np.flatnonzero(np.asarray([one == wanted for one in parts], dtype=bool))
    chosen = {name: _taken(column, kept) for name, column in table.items()}
    if rows is not None:
        chosen["row"] = rows[np.asarray(chosen["row"], dtype=np.int64)]
    return chosen


def _taken(column: Any, kept: Rows) -> Any:  # Any: an array or a list
    return column[kept] if isinstance(column, np.ndarray) else [column[at] for at in kept]


def _joined(columns: Sequence[Any]) -> Any:  # Any: arrays or lists
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns)
    return [one for column in columns for one in column]
