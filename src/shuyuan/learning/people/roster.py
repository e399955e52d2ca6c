"""Decide, line by line, what a class list would do. Reads nothing and writes nothing: lines in, plan out."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from shuyuan.identity.interface import pupil_login
from shuyuan.kernel import errors
from shuyuan.learning.people import codes, sheet
from shuyuan.learning.people.interface import AgeBand, RosterRow

BANDS: tuple[AgeBand, ...] = get_args(AgeBand)
_BAND_WORDS: dict[str, AgeBand] = {
    "未知": "unknown",
    "成人": "adult",
    "18+": "adult",
    "<13": "under_13",
    "13以下": "under_13",
    "13-15": "13_15",
    "16-17": "16_17",
}
_PLAIN = str.maketrans({"–": "-", "—": "-", "~": "-", " ": None, "周": None, "岁": None})
MAX_NAME = 64


@dataclass(frozen=True)
class Known:
    """A pupil who is there already."""

    learner_id: str
    name: str
    age_band: AgeBand


@dataclass(frozen=True)
class Planned:
    """A line with what will happen to it. `learner_id`: who is updated; `pin`: the one the list gives."""

    row: RosterRow
    class_id: str = ""
    age_band: AgeBand | None = None
    pin: str | None = None
    learner_id: str | None = None


@dataclass(frozen=True)
class Target:
    """A class that the caller may fill."""

    id: str
    name: str
    code: str


def plan(
    lines: list[sheet.Line],
    *,
    targets: Mapping[str, Target],
    only: Target | None,
    known: Callable[[Target, str], Known | None],
) -> list[Planned]:
    """One outcome a line. targets: class name → class.  only: every line belongs there.  known: who is there."""
    taken: set[str] = set()
    return [_one(line, targets, only, known, taken) for line in lines]


def age_band(text: str) -> AgeBand:
    """A band from its name, a Chinese or English wording, or an age in years. Raises BadInput."""
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN).casefold()
    if plain in BANDS:
        return BANDS[BANDS.index(plain)]
    if plain in _BAND_WORDS:
        return _BAND_WORDS[plain]
    if plain.isascii() and plain.isdigit() and 3 <= int(plain) <= 120:
        return band_of(int(plain))
    raise errors.BadInput(f"the age band {text[:20]!r} is unknown", fix=f"use one of {', '.join(BANDS)}, or years")


def band_of(years: int) -> AgeBand:
    """The band an age falls into."""
    return "under_13" if years < 13 else "13_15" if years < 16 else "16_17" if years < 18 else "adult"


def _one(
    line: sheet.Line,
    targets: Mapping[str, Target],
    only: Target | None,
    known: Callable[[Target, str], Known | None],
    taken: set[str],
) -> Planned:
    cell = line.cells.get
    number, name, class_name = cell("number", ""), cell("name", ""), cell("class", "")
    try:
        target = _target(class_name, targets, only)
        number, name = codes.clean_number(number), _name(name)
        band = age_band(cell("age_band", "")) if cell("age_band", "") else None
        pin = _pin(cell("pin", ""))
        login = pupil_login(target.code, number)
        if login in taken:
            raise errors.BadInput(f"the number {number!r} is twice in the list", fix="keep one line")
        taken.add(login)
    except errors.ShuyuanError as wrong:
        problem = f"{wrong.message}: {wrong.fix}" if wrong.fix else wrong.message
        return Planned(RosterRow(line.number, number[:40], name[:80], class_name[:80], problem, "refuse"))
    there = known(target, number)
    action: Literal["create", "update", "same"] = "create"
    if there is not None:
        action = "same" if name == there.name and band in (None, there.age_band) else "update"
    row = RosterRow(line.number, number, name, target.name, None, action)
    return Planned(row, target.id, band, pin, there.learner_id if there else None)


def _target(class_name: str, targets: Mapping[str, Target], only: Target | None) -> Target:
    if only is not None:
        if class_name not in ("", only.name):
            raise errors.BadInput(f"the class {class_name!r} is not {only.name!r}", fix="import it into its own class")
        return only
    if not class_name:
        raise errors.BadInput("the class is missing", fix="add a column 班级 (class), or open the class first")
    if class_name not in targets:
        raise errors.BadInput(f"unknown class {class_name!r}", fix="create the class first, or correct its name")
    return targets[class_name]


def _name(text: str) -> str:
    plain = " ".join(text.split())
    if not plain:
        raise errors.BadInput("the name is missing", fix="give every pupil a name")
    if len(plain) > MAX_NAME:
        raise errors.BadInput(f"the name has {len(plain)} characters", fix=f"use at most {MAX_NAME}")
    if not plain.isprintable():
        raise errors.BadInput("the name has unprintable signs", fix="type it again")
    return plain


def _pin(text: str) -> str | None:
    if text and not (len(text) == 6 and text.isascii() and text.isdigit()):
        raise errors.BadInput(f"the PIN has {len(text)} characters", fix="use 6 digits, or leave it empty")
    return text or None
