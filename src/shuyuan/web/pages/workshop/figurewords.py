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

Language = Literal["zh", "en"]


@pass_context
def called(page: Context, figure: str) -> str:
    """A figure's name for people."""
    return figure_name(figure, _language(page))


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
    "column": column,
    "found": found,
    "worse": worse,
    "group": group,
    "known_reasons": missing_reasons(),
}
