"""What every description of a net is made of."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple, Protocol

Shape = tuple[int, ...]
MAX_WIDTH, MAX_LAYERS = 4_096, 16


class BadShape(ValueError):
    """The description is not one of a net served here."""


class Input(NamedTuple):
    """One array a net takes: its name, element type, and the shape of one row."""

    name: str
    dtype: str
    shape: Shape


class Described(Protocol):
    """Sizes of a net. Fields are whole numbers, tuples of them, or one of a few words (CHOICES)."""

    NAME: ClassVar[str]
    OUTPUTS: ClassVar[tuple[str, ...]]

    def ports(self) -> tuple[Input, ...]:
        """The arrays of its `forward`, in order."""
        ...

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        ...

    def check(self) -> None:
        """Raises BadShape where the sizes do not fit each other."""
        ...


class Sizes:
    """With the limits that hold unless a family says otherwise."""

    LIMITS: ClassVar[Mapping[str, int]] = {}  # largest value of a field, where it is not MAX_WIDTH
    LEAST: ClassVar[Mapping[str, int]] = {}  # smallest value of a field, where it is not 1
    LENGTHS: ClassVar[Mapping[str, int]] = {}  # longest tuple of a field, where it is not MAX_LAYERS
    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def check(self) -> None:
        """Sizes alone are enough for most."""


def limits(**largest: int) -> Mapping[str, int]:
    """Largest values of fields."""
    return largest


def choices(**words: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Words that fields may hold."""
    return words


def pair(name: str, weight: Shape) -> dict[str, Shape]:
    """Weight and bias of one layer."""
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def joined(parts: Iterable[Mapping[str, Shape]]) -> dict[str, Shape]:
    """Tensors of several layers."""
    return {name: shape for part in parts for name, shape in part.items()}
