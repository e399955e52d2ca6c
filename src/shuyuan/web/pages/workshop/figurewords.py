"""Figures and findings of reports in the language of the page: functions for templates."""

from collections.abc import Mapping
from typing import Any, Literal

from jinja2 import pass_context
from jinja2.runtime import Context

from shuyuan.maas.evaluation.interface import column_name, figure_name, finding, missing_reasons

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


def _language(page: Context) -> Language:
    return "en" if page.get("lang") == "en" else "zh"


# Any: functions for templates, handed on beside other values
WORDS: Mapping[str, Any] = {"called": called, "column": column, "found": found, "known_reasons": missing_reasons()}
