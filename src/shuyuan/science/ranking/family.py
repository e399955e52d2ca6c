"""What every ranker can do, and where each is: one algorithm a file.

    fitted = family.find("ease").fit(histories)
    scores = fitted.scores(histories)             # (learners, items), larger is better, for items not yet taken

Names are read without importing any algorithm. A learner who took nothing gets the popular items first.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from shuyuan.science.ranking.histories import Floats, Histories

REGISTRY: Mapping[str, str] = {
    name: f"shuyuan.science.ranking.{name}"
    for name in ("popularity", "neighbours", "ease", "slim", "walks", "succession", "foresight")
}


class Fitted(Protocol):
    """A ranker with its numbers."""

    def scores(self, histories: Histories) -> Floats:
        """(learners, items), finite. Whoever asks leaves out what was taken (`evaluation.best`)."""
        ...


class Algorithm(Protocol):
    """A module of the family."""

    NAME: str

    def fit(self, histories: Histories, **settings: Any) -> Fitted:  # Any: each algorithm names its own settings
        """Learn from everything in `histories`; the same input and settings give the same numbers."""
        ...


def find(name: str) -> Algorithm:
    """The algorithm of that name. Raises ValueError naming those there are."""
    if name not in REGISTRY:
        raise ValueError(f"no ranker is called {name!r}; there are {', '.join(REGISTRY)}")
    return cast(Algorithm, importlib.import_module(REGISTRY[name]))
