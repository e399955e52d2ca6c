"""Answers as text that people and other programs read: CSV and JSON of the same columns. Pure: text in, rows out.

`learner,item,points,correct,at_s` with points parted by "|" and times in seconds since 1970 (or since anything: only
their order counts). Read are also `person` and `user` for the learner, `label` for correct, ISO times in `at`, and
`text`: what the item says, in one of its rows or in all. Times are all seconds, all ISO or all left out.
Refuses: rows it would have to guess at, each by its line; more rows than MOST_ROWS.
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

from shuyuan.science.tracing.interactions import Answer

COLUMNS = ("learner", "item", "points", "correct", "at_s")
TEXT = "text"
MOST_ROWS, MOST_CHARACTERS = 1_000_000, 4_000  # characters of a text that are read
_ALSO = {
    "learner": ("person", "user"),
    "item": ("item_id", "problem"),
    "points": ("skills", "skill", "concepts"),
    "correct": ("label", "right"),
    "at_s": ("at", "time"),
}
_MARKS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


class Unreadable(ValueError):
    """A line that cannot be read; the message names it and what was expected."""


class Said(NamedTuple):
    """What items say. differ: item → the line where it says another thing than before, so that its text is not read."""

    texts: dict[str, str]
    differ: dict[str, int]


def write_csv(answers: Iterable[Answer], file: TextIO, text_of: Callable[[str], str] | None = None) -> int:
    """The rows as they come; returns how many. text_of: what an item says, written in its first row."""
    sheet, count = csv.writer(file), 0
    sheet.writerow(COLUMNS if text_of is None else (*COLUMNS, TEXT))
    said: set[str] = set()
    for one in answers:
        count += 1
        row = [one.learner, one.item_id or "", "|".join(one.point_ids), int(one.correct), f"{one.at_s:.0f}"]
        if text_of is not None:
            new = one.item_id is not None and one.item_id not in said
            row.append(text_of(one.item_id) if one.item_id is not None and new else "")
            said.add(one.item_id or "")
        sheet.writerow(row)
    return count


def write_json(answers: Iterable[Answer], file: TextIO) -> int:
    """One object: `columns` and `rows`, a list each; returns how many."""
    file.write(json.dumps({"columns": COLUMNS})[:-1] + ', "rows": [')
    count = 0
    for one in answers:
        count += 1
        row = [one.learner, one.item_id, list(one.point_ids), one.correct, round(one.at_s)]
        file.write((",\n" if count > 1 else "\n") + json.dumps(row, ensure_ascii=False))
    file.write("\n]}\n")
    return count


def read_csv(file: TextIO) -> list[Answer]:
    """The rows, those of each learner in time order. Raises Unreadable.

    >>> import io
    >>> read_csv(io.StringIO("learner,item,correct\\nann,q1,1\\n"))
    [Answer(learner='ann', item_id='q1', point_ids=(), correct=True, at_s=0.0)]
    """
    lines = csv.DictReader(file)
    names = _names(lines.fieldnames or ())
    found = list(_rows(lines, names))
    if not found:
        raise Unreadable("there is no row under the headings")
    return sorted(found, key=lambda one: one.at_s)


def read_texts(file: TextIO) -> Said:
    """What items say, of a file that `read_csv` takes; nothing without such a column.

    >>> import io
    >>> read_texts(io.StringIO("learner,item,correct,text\\nann,q1,1,2 + 3\\nbo,q1,0,\\n")).texts
    {'q1': '2 + 3'}
    """
    lines = csv.DictReader(file)
    headings = {heading.strip().lower().removeprefix("\ufeff"): heading for heading in lines.fieldnames or ()}
    item, found, differ = _names(lines.fieldnames or ())["item"], dict[str, str](), dict[str, int]()
    for row in lines if TEXT in headings else ():
        key, text = (row.get(item) or "").strip(), (row.get(headings[TEXT]) or "").strip()[:MOST_CHARACTERS]
        if key and text and found.setdefault(key, text) != text:
            differ.setdefault(key, lines.line_num)
    return Said({key: text for key, text in found.items() if key not in differ}, differ)


def _names(headings: Iterable[str]) -> dict[str, str]:
    """column → heading of the file."""
    by_word = {heading.strip().lower().removeprefix("\ufeff"): heading for heading in headings}
    found = {}
    for column in COLUMNS:
        words = [word for word in (column, *_ALSO[column]) if word in by_word]
        if words:
            found[column] = by_word[words[0]]
    missing = [column for column in ("learner", "item", "correct") if column not in found]
    if missing:
        raise Unreadable(f"no column {', '.join(missing)}: the headings are {', '.join(by_word) or 'missing'}")
    return found


def _rows(lines: "csv.DictReader[str]", names: Mapping[str, str]) -> Iterator[Answer]:
    times = _Times()
    for line, row in _numbered(lines):
        said = {column: (row.get(heading) or "").strip() for column, heading in names.items()}
        if not said["learner"]:
            raise Unreadable(f"line {line} names no learner")
        mark = _MARKS.get(said["correct"].lower())
        if mark is None:
            raise Unreadable(f"line {line}: correct is {said['correct'][:20]!r}, not 1 or 0")
        points = tuple(dict.fromkeys(one for one in said.get("points", "").split("|") if one))
        yield Answer(said["learner"], said["item"] or None, points, mark, times.read(said.get("at_s", ""), line))


def _numbered(lines: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    """(line of the file where the row ends, row)."""
    try:
        for count, row in enumerate(lines, 1):
            if count > MOST_ROWS:
                raise Unreadable(f"more than {MOST_ROWS} rows: give a part of them")
            yield lines.line_num, row
    except csv.Error as wrong:
        raise Unreadable(f"line {lines.reader.line_num} is no row of a CSV: {wrong}") from wrong


class _Times:
    """Reads the times of a file. Refuses those of another kind than its first: their order would be a guess."""

    def __init__(self) -> None:
        self._first: tuple[str, int] | None = None  # kind, line

    def read(self, said: str, line: int) -> float:
        """In seconds; 0 where no row has a time."""
        kind, at_s = _time(said, line)
        first, at = self._first = self._first or (kind, line)
        if kind != first:
            told = f"line {line} has {kind} {said[:40]!r}" if said else f"line {line} has {kind}"
            raise Unreadable(f"{told} where line {at} has {first}: write all alike, or leave the column out")
        return at_s


def _time(said: str, line: int) -> tuple[str, float]:
    """What kind of time it is, and in seconds."""
    if not said:
        return "no time", 0.0
    try:
        if math.isfinite(at_s := float(said)):
            return "seconds", at_s
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(said)
    except ValueError as wrong:
        raise Unreadable(f"line {line}: the time is {said[:40]!r}, neither seconds nor ISO 8601") from wrong
    return "a date", (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
