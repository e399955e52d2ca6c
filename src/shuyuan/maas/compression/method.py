"""What a method is: one file in `methods/`, light to import, and one line in `methods/__init__.py`."""

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from shuyuan.maas.compression import interface

if TYPE_CHECKING:  # what follows imports onnx; methods import it when they run
    from shuyuan.maas.compression.examples import Examples

Words = Mapping[Literal["zh", "en"], str]


class Config(BaseModel):
    """Options of a method, with defaults that suit most."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Work:
    """What a method is given. tell: how much of the work is done, 0 to 1."""

    model: Path
    spec: Mapping[str, Any]  # JSON
    folder: Path
    seed: int
    train: "Examples | None"
    validation: "Examples | None"
    threads: int = 1
    timed_s: float = 0.5  # how long each model is timed, for each figure
    tell: Callable[[float], None] = field(default=lambda share: None)

    def examples(self) -> "Examples":
        """To learn or calibrate from: train, else validation. Raises DataNeeded."""
        if (found := self.train or self.validation) is None:
            raise interface.DataNeeded("the method needs examples and no data set was named", fix="give data:/name")
        return found


@dataclass(frozen=True)
class Child:
    """What a method gives back: a file that `runner` reads. layers: one JSON object a weight, for the table."""

    path: Path
    runner: str = "onnx"
    spec: Mapping[str, object] = field(default_factory=dict)  # what changes in the parent's
    notes: tuple[str, ...] = ()
    layers: tuple[Mapping[str, object], ...] = ()


class Method(abc.ABC, Generic[C]):
    """One way to make a version smaller or faster."""

    NAME: ClassVar[str]
    TITLE: ClassVar[Words]
    WHAT: ClassVar[Words]
    SOURCE: ClassVar[str]
    CONFIG: ClassVar[type[Config]]
    NEEDS: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def run(self, work: Work, config: C) -> Child:
        """Make the child. Raises CannotCompress, DataNeeded."""

    def info(self) -> interface.MethodInfo:
        """For forms and lists."""
        return interface.MethodInfo(
            name=self.NAME,
            title=self.TITLE,
            what=self.WHAT,
            source=self.SOURCE,
            needs=self.NEEDS,
            config_schema=self.CONFIG.model_json_schema(),
        )
