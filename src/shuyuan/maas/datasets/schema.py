"""What the columns of a table are: kinds from every value, roles from names. A person may correct both.

Imported only where polars may be: in child processes.
"""

from collections.abc import Mapping

import polars as pl

from shuyuan.maas.datasets import findings, interface

MISSING_WORDS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none")
TIME_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
)
ZONED_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
ALMOST = 0.9  # from this share on, a column is said to be of mixed types
_CATEGORIES, _CATEGORY_SHARE, _CATEGORY_CHARS = 50, 0.05, 64
_LABELS = frozenset({"label", "labels", "target", "class", "y", "标签", "类别", "final_result"})
_FILE_NAME = "path"  # of a picture, as a zip of them is read
_SCHOOL_CLASS = "class"  # what is to be found, or where somebody sits: see _without_school_class
_PERSONS = frozenset({
    "person", "person_id", "actor", "student", "student_id", "student_no", "student_number", "student_name", "students",
    "studentid", "id_student", "pupil", "pupil_id", "pupil_no", "pupil_number", "pupil_name", "pupils", "child",
    "child_id", "child_name", "user", "user_id", "userid", "uid", "username", "user_name", "learner", "learner_id",
    "learner_name", "participant", "participant_id", "candidate", "candidate_id", "candidate_no", "account_id", "login",
    "name", "full_name", "fullname", "first_name", "last_name", "given_name", "family_name", "surname", "nickname",
    "email", "e_mail", "phone", "mobile", "学号", "姓名", "学生", "学生号", "学生编号", "学生姓名", "学籍号", "考号",
    "考生号", "准考证号", "邮箱", "电话", "手机号", "身份证号", "用户", "用户名", "用户编号",
})  # fmt: skip
_TIMES = frozenset({"time", "timestamp", "date", "datetime", "at", "时间", "日期"})
_EXAMPLES, _EXAMPLE_CHARS = 3, 60
_COUNTED_ROWS = 1 << 18  # up to here distinct values are counted exactly, beyond within about 2 %


def inferred(
    frame: pl.DataFrame, told: Mapping[str, interface.ColumnPlan] = {}
) -> tuple[pl.DataFrame, list[interface.Column], list[interface.Finding]]:
    """The table in plain types, its columns, and what was seen. Raises WrongColumns for an unknown told column."""
    check_names(told, frame.columns)
    seen: list[interface.Finding] = []
    typed = pl.DataFrame([_typed(series, seen) for series in frame])
    columns = _without_file_names([_column(series, told.get(series.name)) for series in typed], told)
    guessed = _without_school_class(columns, told)
    return typed, profiled(typed, guessed), seen


def check_names(told: Mapping[str, object], there: "list[str]") -> None:
    """Raises WrongColumns naming the first that is not there."""
    for name in told:
        if name not in there:
            raise interface.WrongColumns(f"there is no column {name!r}", fix=f"use one of: {', '.join(there[:50])}")


def profiled(frame: pl.DataFrame, columns: "list[interface.Column]") -> "list[interface.Column]":
    """The columns with how many values miss, how many differ, and a few of them."""
    plain = [name for name, dtype in frame.schema.items() if not isinstance(dtype, pl.Binary | pl.List)]
    values = pl.col(plain).drop_nulls()
    counted = values.n_unique() if frame.height <= _COUNTED_ROWS else values.approx_n_unique()
    distinct = frame.select(counted).row(0, named=True) if plain else {}
    return [column.model_copy(update=_profile(frame[column.name], column.kind, distinct)) for column in columns]


def _profile(series: pl.Series, kind: interface.Kind, distinct: "dict[str, int]") -> "dict[str, object]":
    known = series.head(10_000).drop_nulls()
    known = known if len(known) else series.drop_nulls()
    if isinstance(series.dtype, pl.Binary | pl.List):
        listed = [] if kind == "image" else [one.to_list() for one in known[:_EXAMPLES]]
        return {
            "missing": series.null_count(),
            "distinct": len(series) - series.null_count(),
            "examples": tuple(map(_shown, listed)),
        }
    some = known.head(1000).unique(maintain_order=True)[:_EXAMPLES]
    return {"missing": series.null_count(), "distinct": distinct[series.name], "examples": tuple(map(_shown, some))}


def as_time(series: pl.Series) -> pl.Series | None:
    """Text as times in UTC without zone, where every value is one; else None."""
    known = series.drop_nulls()
    if not len(known) or not known[0][:4].isdigit():
        return None
    for form in (*TIME_FORMATS, *ZONED_FORMATS):
        sample = parsed(known[:100], form)
        if sample is not None and not sample.null_count():
            whole = parsed(series, form)
            if whole is not None and whole.null_count() == series.null_count():
                return whole
    return None


def parsed(series: pl.Series, form: str) -> pl.Series | None:
    zoned = form in ZONED_FORMATS
    try:
        found = series.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC" if zoned else None)
    except pl.exceptions.PolarsError:
        return None
    return found.dt.replace_time_zone(None) if zoned else found


def _typed(series: pl.Series, seen: "list[interface.Finding]") -> pl.Series:
    """The narrowest type that holds every value. What is nearly a number stays text, and is told."""
    if series.dtype == pl.Null:
        return series.cast(pl.String)
    if series.dtype == pl.Float64:
        return _finite(series, seen)
    if series.dtype != pl.String:
        return series
    words = series.set(series.is_in(MISSING_WORDS).fill_null(False), None)
    if not len(words.drop_nulls()):
        return words
    for dtype in (pl.Int64, pl.Float64):
        numbers = words.cast(dtype, strict=False)
        lost = numbers.null_count() - words.null_count()
        if not lost and not _is_coded(words):
            return _finite(numbers, seen) if dtype == pl.Float64 else numbers
    known = len(words) - words.null_count()
    if 0 < lost <= (1 - ALMOST) * known:
        first = words.filter(numbers.is_null() & words.is_not_null())[0]
        said = ("nearly_numbers", {"value": _shown(first)})
        seen.append(findings.found("types", said, column=series.name, count=lost, action="kept as text"))
    if set(words.drop_nulls().unique()[:3].str.to_lowercase()) <= {"true", "false"}:
        return words.str.to_lowercase() == "true"
    times = as_time(words)
    return times if times is not None else series.set((series == "").fill_null(False), None)


def _finite(series: pl.Series, seen: "list[interface.Finding]") -> pl.Series:
    """NaN and infinity are missing numbers."""
    odd = int((~series.is_finite()).sum() or 0)
    if not odd:
        return series
    seen.append(findings.found("types", ("not_finite", {}), column=series.name, count=odd, action="made missing"))
    return series.set((~series.is_finite()).fill_null(False), None)


def _is_coded(words: pl.Series) -> bool:
    """Digits that are no number: 007, or more of them than a whole number holds."""
    return bool(words.str.contains(r"^-?0\d").any())


def _column(series: pl.Series, told: interface.ColumnPlan | None) -> interface.Column:
    kind, role = _kind(series), _role(series)
    if (kind == "integer" and _named_id(series.name)) or (role == "person" and kind in ("category", "text")):
        kind = "identifier"
    if kind == "identifier" and role == "feature" and series.n_unique() == len(series) > 1:
        role = "ignore"  # the number of a row: it tells nothing
    if told is not None:
        kind, role = told.kind or kind, told.role or role
    return interface.Column(name=series.name, kind=kind, role=role)


def _without_file_names(
    columns: "list[interface.Column]", told: Mapping[str, interface.ColumnPlan]
) -> "list[interface.Column]":
    """Among pictures a column `path` is where each of them lay, which tells nothing; elsewhere it may be anything."""
    if not any(one.kind == "image" for one in columns):
        return columns
    said = {name for name, one in told.items() if one.role is not None}
    files = [one.name for one in columns if one.name.lower() == _FILE_NAME and one.name not in said]
    return [one.model_copy(update={"role": "ignore"}) if one.name in files else one for one in columns]


def _without_school_class(
    columns: "list[interface.Column]", told: Mapping[str, interface.ColumnPlan]
) -> "list[interface.Column]":
    """A column `class` is to be found where it stands last, as in tables for practice, and nothing says otherwise.

    Among persons, or beside another label, it is where they sit.
    """
    others = [one.role for one in columns if one.name.lower() != _SCHOOL_CLASS]
    if columns[-1].name.lower() == _SCHOOL_CLASS and not {"person", "label"} & set(others):
        return columns
    said = {name for name, one in told.items() if one.role is not None}
    seats = [one.name for one in columns if one.name.lower() == _SCHOOL_CLASS and one.name not in said]
    return [one.model_copy(update={"role": "feature"}) if one.name in seats else one for one in columns]


def _kind(series: pl.Series) -> interface.Kind:
    dtype = series.dtype
    if dtype == pl.Float64:
        return "number"
    if dtype == pl.Int64:
        return "integer"
    if dtype == pl.Boolean:
        return "boolean"
    if isinstance(dtype, pl.Datetime):
        return "time"
    if isinstance(dtype, pl.List):
        return "sequence"
    if dtype == pl.Binary:
        return "image"
    return _kind_of_words(series.drop_nulls(), may_be_marks=not _named_id(series.name))


def _kind_of_words(known: pl.Series, *, may_be_marks: bool) -> interface.Kind:
    if not len(known):
        return "category"
    distinct, chars = known.n_unique(), known.str.len_chars()
    mean, longest = float(chars.mean() or 0), int(chars.max() or 0)  # type: ignore[arg-type]  # of a number column
    if longest <= _CATEGORY_CHARS and distinct <= max(
        min(_CATEGORIES, len(known) // 2 + 1), _CATEGORY_SHARE * len(known)
    ):
        return "category"
    if may_be_marks and _mostly_numbers(known):
        return "text"
    if longest <= _CATEGORY_CHARS and mean <= 40 and _coded(known):
        return "identifier"
    return "text"


def _mostly_numbers(known: pl.Series) -> bool:
    """Numbers with some words among them, "absent" between marks: they name nobody and nothing."""
    return not _is_coded(known) and 2 * known.cast(pl.Float64, strict=False).null_count() < len(known)


def _coded(known: pl.Series) -> bool:
    """One word each, most with a digit."""
    digits = int(known.str.contains(r"\d").sum())
    return bool(known.str.contains(r"^[\w:./@-]+$").all()) and 2 * digits > len(known)


def _role(series: pl.Series) -> interface.Role:
    name = _plain(series.name)
    if name in _LABELS:
        return "label"
    if name in _PERSONS:
        return "person"
    if name in _TIMES and isinstance(series.dtype, pl.Datetime):
        return "time"
    return "feature"


def _named_id(name: str) -> bool:
    plain = _plain(name)
    return plain == "id" or plain.endswith(("_id", ".id")) or plain.startswith("id_") or plain in _PERSONS


def _plain(name: str) -> str:
    """A name as it is looked up: `Student ID` and `student-id` are student_id."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _shown(value: object) -> str:
    return str(value)[:_EXAMPLE_CHARS].replace("\0", "")  # PostgreSQL takes no NUL
