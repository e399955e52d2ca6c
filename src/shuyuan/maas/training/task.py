"""What a training task is. Light: names, forms and hooks are read without torch; torch is imported inside methods.

A task is one file in `tasks/` and one line in `tasks/__init__.py`. It has two halves:

`Task`  says what it is: NAME, TITLE, WHAT, CONFIG (the form on the page and the options of the command line come from
        its JSON schema), KINDS, FINDS and WEIGHS (which columns it can learn from: others are refused before a run is
        queued), `example` (tiny data of its kind: the shared suite runs on it) and `prepare`.
`Work`  is a task on one data set, encoders fitted: examples as arrays, a net, a loss, predictions, figures. The trainer
        (`loop`) knows nothing else. Everything a `Work` does is a function of its arguments and the seed.

    class Centre(task.Task[Config]):                     # tasks/centre.py: where do the rows lie on the whole?
        NAME, CONFIG = "centre", Config
        KINDS, FINDS = ("number",), "nothing"
        TITLE = task.Words("Centre", "中心")
        WHAT = task.Words("Finds the mean of each column.", "求每列的均值。")
        def example(self, rows, seed): ...               # columns, a table and a config that fits them
        def prepare(self, config, columns, train, init=None):
            return CentreWork(...)

    class CentreWork(task.Work):
        def arrays(self, table):                         # arrays by name, first axis = rows
            return {"x": self.fitted.transform(table)["features"]}
        def net(self):                                   # fresh weights; torch is seeded before
            from shuyuan.science.nets import modules, shapes
            return modules.build(shapes.Mlp(inputs=3, outputs=3, hidden=()))
        def loss_of(self, outputs, batch):               # a SUM over the rows, and how many rows
            return task.Loss(((outputs[0] - batch["x"]) ** 2).mean(1).sum(), len(batch["x"]))
        ...
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training.columns import BadTraining as BadTraining
from shuyuan.maas.training.columns import Column as Column
from shuyuan.maas.training.options import Config

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

Array = NDArray[Any]  # the element type is the task's own: numbers, ids, strings
Arrays = Mapping[str, Array]
Table = Mapping[str, Sequence[Any] | Array]  # a column is an array of numbers or a list (strings, bytes, lists, None)
C = TypeVar("C", bound=Config)


class Words(NamedTuple):
    """What people see, in both languages."""

    en: str
    zh: str


class Loss(NamedTuple):
    """Of one batch: the loss SUMMED over its rows (0-d) and the weight to divide by (how many rows, or their weights).

    Sums, because parts of a batch on several processes are then added up to exactly the whole.
    """

    total: Tensor
    weight: Tensor | float


@dataclass(frozen=True)
class Init:
    """Weights to start from, and the spec of the run or version they come from."""

    weights: Path
    spec: Mapping[str, Any]  # JSON

    @property
    def features(self) -> Mapping[str, Any] | None:
        """The encoders these weights were trained with, as JSON; None when the version carries none."""
        found = self.spec.get("features")
        return found if isinstance(found, Mapping) else None


@dataclass(frozen=True)
class Predictions:
    """Of one part, row by row: what was to be found, what was found, and columns of numbers (`p_0`, …)."""

    label: Sequence[Any]  # strings, numbers or None (no truth known)
    prediction: Sequence[Any]
    columns: Mapping[str, Array] = field(default_factory=dict)
    rows: Sequence[int] | None = None  # which rows of the table; None = all in order


@dataclass(frozen=True)
class Example:
    """A tiny data set of a task's kind and a config that suits it."""

    columns: tuple[Column, ...]
    table: Table
    config: Mapping[str, Any]  # JSON, as in job.json


class Task(Generic[C]):
    """What a task says of itself. One instance of each is registered."""

    NAME: ClassVar[str]
    TITLE: ClassVar[Words]
    WHAT: ClassVar[Words]
    CONFIG: ClassVar[type[Config]]
    OVERFITS: ClassVar[float | None] = 0.1  # training loss that ten examples must reach; None: there is no such thing
    KINDS: ClassVar[Collection[str]] = ()  # of the features it reads; see `require_columns`
    FINDS: ClassVar[asked.Finds] = "class"  # what its one label is; nothing: none is needed
    WEIGHS: ClassVar[bool] = False  # whether rows can count as a column of role weight says

    def example(self, rows: int, seed: int) -> Example:
        """Tiny data that can be learned, the same for the same seed."""
        raise NotImplementedError

    def prepare(self, config: C, columns: Sequence[Column], train: Table, init: Init | None = None) -> Work:
        """Fit the encoders on the training part only (or take those of `init`). Raises BadTraining."""
        raise NotImplementedError

    def require_columns(self, config: C, columns: Sequence[Column]) -> None:
        """Raises BadTraining where it cannot learn from such columns: before a run is queued, and by its child."""
        if self.FINDS != "nothing":
            asked.require_label(columns, self.FINDS)
        asked.require_features(columns, self.KINDS)
        self.require_weight(columns)

    def require_weight(self, columns: Sequence[Column]) -> None:
        """Raises BadTraining for two columns of role weight, or for one that it would not heed."""
        if (named := asked.weight(columns)) is not None and not self.WEIGHS:
            raise asked.no_weighing(named)

    def require_parent(self, config: C, *, goes_on: bool) -> None:
        """Raises BadTraining for a task that needs earlier weights. goes_on: there are some."""


class Work:
    """A task on one data set. Subclasses fill in the first part; the rest have defaults."""

    SELECT: tuple[str, Literal["min", "max"]] = ("loss", "min")  # the validation figure that chooses the best weights
    INPUTS: tuple[str, ...] = ("x",)  # arrays given to the net, in the order of its `forward`
    OUTPUTS: tuple[str, ...] = ("logits",)  # what `forward` returns, a tuple in this order

    def arrays(self, table: Table) -> Arrays:
        """Examples: arrays whose first axis is the rows, inputs and targets alike."""
        raise NotImplementedError

    def net(self) -> nn.Module:
        """The net with fresh weights; the trainer has seeded torch before."""
        raise NotImplementedError

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> Loss:
        """The loss of a batch, summed over its rows, from what the net gave for it."""
        raise NotImplementedError

    def predict(self, outputs: Arrays, arrays: Arrays) -> Predictions:
        """What the net's outputs (by name, all rows of a part) say."""
        raise NotImplementedError

    def figures(self, outputs: Arrays, arrays: Arrays) -> dict[str, float]:
        """Figures of a part from the net's outputs; `loss` is added by the trainer."""
        return {}

    def spec(self) -> dict[str, Any]:  # JSON
        """What the served version must know beside inputs and outputs: `labels` and more."""
        return {"labels": []}

    def features(self) -> Mapping[str, Any] | None:
        """The fitted encoders as JSON, kept as features.json."""
        return None

    # --- with defaults: what only some tasks need ---

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> Loss:
        """The loss of a batch, where it needs more than one pass of the net over its inputs."""
        return self.loss_of(net(*(batch[name] for name in self.INPUTS)), batch)

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """What is kept of each row for `predict` and `figures`, in the order of OUTPUTS."""
        found: tuple[Tensor, ...] = net(*(batch[name] for name in self.INPUTS))
        return found

    def batch(self, arrays: Mapping[str, Tensor], rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The batch of these rows. `rng` is fixed by seed, epoch and step: draw negatives or noise from it only."""
        return {name: array[rows] for name, array in arrays.items()}

    def weigh(self, column: str) -> None:
        """Let rows count as this column says, in the loss and in the figures. The default refuses: BadTraining."""
        raise asked.no_weighing(column)

    def row_weights(self, arrays: Arrays) -> Array | None:
        """How often each row is drawn, relatively (resampling); None: each once an epoch."""
        return None

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
        """Before an epoch; returned arrays replace the training arrays from here on (pseudo-labels), None keeps them.

        Not called again when an epoch is resumed: the replaced arrays are then read from the checkpoint.
        """
        return None

    def stages(self) -> Sequence[int]:
        """Epochs before which the net grows, ascending (few parameters first, then more)."""
        return ()

    def grow(self, net: nn.Module, stage: int) -> nn.Module:
        """The larger net of growth number `stage` (0, 1, …) that computes the same.

        Its structure follows from `stage` alone: a resumed run grows a fresh net first and then reads the weights.
        """
        raise NotImplementedError

    def groups(self, net: nn.Module) -> Sequence[Mapping[str, Any]] | None:  # options of torch's optimisers
        """Parameter groups with own rates (transfer: a slower body); None: every trainable parameter alike."""
        return None

    def start(self, net: nn.Module, init: Init) -> None:
        """Take over weights of an earlier version. The default takes what fits by name and shape."""
        from shuyuan.maas.training import weights

        weights.take_over(net, init.weights)

    def export(self, net: nn.Module, arrays: Arrays, out: Path) -> dict[str, Any]:  # JSON
        """Write weights.safetensors and model.onnx into `out`; returns `inputs`, `outputs`, `opset` for the spec.

        arrays: some rows to check the file on.
        """
        from shuyuan.maas.training import export

        return export.write(net, self.INPUTS, self.OUTPUTS, arrays, out)
