"""What every tracer of the family can do, and where each is: one algorithm a file.

    fitted = family.find("best_lr").fit(train, validation=None, seed=0)
    p = fitted.predict(test)                  # (N,) before each answer, learners cold at their first row

An algorithm is a module with NAME, `fit` and `load`. Names are read without importing any of them.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy.typing as npt

from shuyuan.science.tracing.interactions import Floats, Interactions

Arrays = Mapping[str, npt.NDArray[Any]]  # Any: numbers of several widths, as safetensors stores them

REGISTRY: Mapping[str, str] = {
    name: f"shuyuan.science.tracing.{room}.{name}"
    for room, names in (
        ("classical", ("rasch", "pfa", "best_lr", "bkt", "elo", "kalman")),
        ("neural", ("dkt", "sakt", "akt", "simplekt", "recurrent")),
    )
    for name in names
}


class Fitted(Protocol):
    """A tracer with its numbers."""

    def predict(self, table: Interactions) -> Floats:
        """(N,) P(right) before each answer, from earlier rows of the same learner only.

        Every learner is cold at its first row; items and points that were not in the fit are average ones.
        """
        ...

    def to_arrays(self) -> Arrays:
        """Plain arrays for safetensors; `load` of the same module gives an equal tracer back."""
        ...


class Algorithm(Protocol):
    """A module of the family."""

    NAME: str

    def fit(self, train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Fitted:
        """Learn from answers in time order. validation: learners to select by; never the learners reported on."""
        ...

    def load(self, arrays: Arrays) -> Fitted:
        """The reverse of `Fitted.to_arrays`."""
        ...


def find(name: str) -> Algorithm:
    """The algorithm of that name. Raises ValueError naming those there are."""
    require(name)
    return cast(Algorithm, importlib.import_module(REGISTRY[name]))


def require(name: str) -> None:
    """Raises ValueError for a name that is none, naming those there are. Imports nothing."""
    if name not in REGISTRY:
        raise ValueError(f"no tracer is called {name[:40]!r}; there are {', '.join(REGISTRY)}")


def needs_torch(name: str) -> bool:
    """Whether it is a net: such are fitted in child processes only. Imports nothing."""
    require(name)
    return ".neural." in REGISTRY[name]
