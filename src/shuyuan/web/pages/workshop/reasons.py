"""Reasons that the platform wrote by itself, in the reader's language. What a person wrote stays as it is. Pure."""

import re
from collections.abc import Mapping

_KNOWN: Mapping[str, re.Pattern[str]] = {
    "pipeline_passed": re.compile(r"pipeline (?P<n>\d+): gate (?P<gate>\S+) passed"),
    "pipeline": re.compile(r"pipeline (?P<n>\d+)"),
    "gate_passed": re.compile(r"gate (?P<gate>\S+) passed"),
    "tried": re.compile(r"version (?P<n>\d+) is tried"),
    "cancelled": re.compile(r"the pipeline was cancelled"),
}


def told(reason: str) -> tuple[str, Mapping[str, str]] | None:
    """The key of its words and what stands in them; None: a person's own words.

    >>> told("pipeline 2: gate lax passed")
    ('workshop.reason.pipeline_passed', {'n': '2', 'gate': 'lax'})
    >>> told("the old one cannot read zeros") is None
    True
    """
    for name, pattern in _KNOWN.items():
        if found := pattern.fullmatch(reason):
            return f"workshop.reason.{name}", found.groupdict()
    return None
