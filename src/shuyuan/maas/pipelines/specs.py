"""Specs as they were stored, also by an earlier version: what is no longer allowed is set right, and said. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shuyuan.maas.deployment import interface as deployment
from shuyuan.maas.pipelines import interface

Stored = Mapping[str, Any]  # Any: JSON
_MOST_MENDED = 20


def read(stored: Stored) -> tuple[interface.Spec, str]:
    """The spec, and what had to be changed to read it; empty: nothing.

    Raises ValidationError only where something is missing that no default stands for.
    """
    told, notes = dict(stored), list[str]()
    share = (told.get("canary") or {}).get("share")
    if isinstance(share, int | float) and share > deployment.MAX_SHARE:
        told["canary"] = {**told["canary"], "share": deployment.MAX_SHARE}
        notes.append(f"canary.share was stored as {share:g}; a canary answers at most {deployment.MAX_SHARE:g} now")
    for _ in range(_MOST_MENDED):
        try:
            return interface.Spec.model_validate(told), "; ".join(notes)
        except ValidationError as wrong:
            fault = wrong.errors(include_url=False, include_context=False)[0]
            where = [str(part) for part in fault["loc"]]
            if fault["type"] == "missing" or not where:
                raise
            told = _without(told, where)
            notes.append(f"{'.'.join(where)} was stored as {str(fault['input'])[:40]}, and is left out now")
    return interface.Spec.model_validate(told), "; ".join(notes)


def _without(told: dict[str, Any], where: list[str]) -> dict[str, Any]:
    """The same without one field, wherever it lies; within a list the whole list goes."""
    first, rest = where[0], where[1:]
    inner = told.get(first)
    if rest and isinstance(inner, dict):
        return {**told, first: _without(inner, rest)}
    return {name: value for name, value in told.items() if name != first}
