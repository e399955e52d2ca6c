"""Figures and findings of reports in the language of the page: functions for templates."""

from collections.abc import Mapping
from typing import Any, Literal

from jinja2 import pass_context
from jinja2.runtime import Context

from shuyuan.maas.evaluation.interface import (
    Family,
    Group,
    Slice,
    column_name,
    figure_name,
    finding,
    group_words,
    missing_reasons,
)
from shuyuan.maas.evaluation.interface import worse as slice_words
from shuyuan.web import glossary

Language = Literal["zh", "en"]
_PARTS = ("train", "validation", "test")


@pass_context
def called(page: Context, figure: str) -> str:
    """A figure's name for people."""
    return figure_name(figure, _language(page))


@pass_context
def measured(page: Context, figure: str) -> str:
    """A figure of a run, which begins with the part that it was measured on."""
    part, _, bare = figure.partition("_")
    if part not in _PARTS or not bare:
        return called(page, figure)
    language = _language(page)
    return glossary.say(
        language,
        "workshop.figure_on",
        part=glossary.say(language, f"workshop.part.{part}"),
        figure=figure_name(bare, language),
    )


@pass_context
def said_limit(page: Context, said: str | float) -> str:
    """The limit of a gate's line: a number as it is, a name in words, such as 现用版本 − 0.01."""
    language, (name, *rest) = _language(page), str(said).split(" ", 1)
    if not name[:1].isalpha():
        return str(said)
    known = glossary.say(language, "word.champion") if name == "champion" else figure_name(name, language)
    return " ".join([known, *(one.replace("*", "×").replace("-", "−") for one in rest)])


@pass_context
def column(page: Context, told: str) -> str:
    """A column as slices name it."""
    return column_name(told, _language(page))


@pass_context
def found(page: Context, key: str, **values: str) -> str:
    """A finding as the whole report says it."""
    return finding(key, _language(page), **values)


@pass_context
def worse(page: Context, one: Slice, family: Family) -> str:
    """What goes wrong in a slice, beside all rows."""
    return slice_words(one, family, _language(page))


@pass_context
def group(page: Context, one: Group) -> str:
    """A group's own figure, and of how many."""
    return group_words(one, _language(page))


def _language(page: Context) -> Language:
    return "en" if page.get("lang") == "en" else "zh"


# Any: functions for templates, handed on beside other values
WORDS: Mapping[str, Any] = {
    "called": called,
    "measured": measured,
    "said_limit": said_limit,
    "column": column,
    "found": found,
    "worse": worse,
    "group": group,
    "known_reasons": missing_reasons(),
}
