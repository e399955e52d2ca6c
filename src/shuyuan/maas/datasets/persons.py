"""Columns of role person: every value becomes a pseudonym under the school's key, and rows of a person can be found.

So neither a version nor a net that is fitted on it holds a raw number, name or address of a person. Child processes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from shuyuan.maas.datasets import findings, interface
from shuyuan.science.features import base, pseudonyms


def columns(every: Sequence[interface.Column], plan: Mapping[str, interface.ColumnPlan] = {}) -> list[str]:
    """The names of those of role person, as a plan says it or as they are."""
    told = {name: said.role for name, said in plan.items()}
    return [one.name for one in every if (told.get(one.name) or one.role) == "person"]


def as_identifiers(every: Sequence[interface.Column]) -> list[interface.Column]:
    """The columns, those of role person as what they are now."""
    return [one.model_copy(update={"kind": "identifier"}) if one.role == "person" else one for one in every]


def replaced(frame: pl.DataFrame, names: Sequence[str], key: bytes) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """The table with pseudonyms in these columns, and what was done. Raises BadData without a key."""
    seen, changed = list[interface.Finding](), list[pl.Series]()
    for name in names:
        series = frame[name]
        if isinstance(series.dtype, pl.List | pl.Binary):
            raise interface.WrongColumns(f"column {name!r} holds no persons", fix="give it another role")
        known = series.drop_nulls().unique().to_list()
        words = {one: word for one in known if (word := base.word(one)) is not None}
        if all(type(one) is str and pseudonyms.is_one(one) for one in known):
            continue
        if not key:
            raise interface.BadData("there is no key for pseudonyms", fix="import through the platform")
        told = {one: pseudonyms.of(key, word) for one, word in words.items()}
        changed.append(series.replace_strict(told, default=None, return_dtype=pl.String).alias(name))
        seen.append(findings.found("pseudonyms", None, column=name, count=len(told), action="replaced"))
    return frame.with_columns(changed), seen


def as_pseudonyms(
    paths: Sequence[Path],
    every: Sequence[interface.Column],
    plan: interface.Plan,
    home: Path,
    key: bytes,
    *,
    unmarked: bool = False,
) -> tuple[list[Path], interface.Plan, list[interface.Finding]]:
    """The sources of a plan with pseudonyms in every column of role person, and the plan that leaves them so.

    unmarked: the table was read before pseudonyms had their mark.
    """
    names = columns(every, plan.columns)
    if not names:
        return list(paths), plan, []
    there = pl.concat([pl.read_parquet(path, columns=names, glob=False) for path in paths], how="vertical_relaxed")
    old = columns(every) if unmarked else []
    _, seen = replaced(marked(there, old), names, key)
    found = [home / f"persons-{at}.parquet" if seen or old else path for at, path in enumerate(paths)]
    for path, target in zip(paths, found, strict=True):
        if target != path:
            replaced(marked(pl.read_parquet(path, glob=False), old), names, key)[0].write_parquet(target)
    kept = {name: interface.ColumnPlan(kind="identifier", role="person") for name in names}
    return found, plan.model_copy(update={"columns": {**plan.columns, **kept}}), seen


def marked(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The table of which pseudonyms in these columns have the mark; what is none is left as it is."""
    texts = [pl.col(name) for name in names if frame.schema[name] == pl.String]
    unmarked = [(one, one.str.contains(f"^{pseudonyms.UNMARKED}$")) for one in texts]
    return frame.with_columns(
        pl.when(is_one).then(pl.lit(pseudonyms.MARK) + one).otherwise(one).name.keep() for one, is_one in unmarked
    )


def without(frame: pl.DataFrame, names: Sequence[str], persons: Sequence[str], key: bytes) -> pl.DataFrame:
    """The table without the rows of these persons, who are given as pseudonyms."""
    asked = set(persons)
    for name in names:
        known = {one: base.word(one) for one in frame[name].drop_nulls().unique().to_list()}
        gone = [one for one, word in known.items() if word and (word in asked or pseudonyms.of(key, word) in asked)]
        frame = frame.filter(~frame[name].is_in(gone).fill_null(False)) if gone else frame
    return frame
