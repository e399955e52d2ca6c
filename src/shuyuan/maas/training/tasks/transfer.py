"""Transfer: a net that learned elsewhere keeps what it knows, and a new last layer learns the new classes.

Weights that fit by name and shape are taken over and stay as they are, or move at a slower rate; what does not fit (the
head, when the classes are others) begins fresh. With `new_head` the head begins fresh in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from shuyuan.maas.training import around, options, supervised, task
from shuyuan.maas.training.tasks import tabular_classification

if TYPE_CHECKING:
    from torch import nn


class Config(options.ClassConfig):
    """What may still change."""

    base: around.Base = Field(
        "tabular_classification", description="Task of the parent; its options must fit the parent"
    )
    base_options: Mapping[str, Any] = Field({}, description="Options of that task, such as hidden")  # JSON
    body_rate: float = Field(
        0.0, ge=0, le=1, description="Rate of what was taken over, as a share of the rate; 0: it stays as it is"
    )
    new_head: bool = Field(True, description="Begin the last layer anew even where the classes are the same")
    from_scratch: bool = Field(False, description="Allow a run without a parent, to compare with")


class Transfer(task.Task[Config]):
    """A new head on an earlier net."""

    NAME, CONFIG = "transfer", Config
    WEIGHS = True
    TITLE = task.Words("Go on from an earlier net (transfer)", "迁移学习")
    WHAT = task.Words(
        "Keeps what an earlier version has learned, and teaches a new last layer other classes from few rows.",
        "保留先前版本学到的表示，只用少量数据训练新的输出层。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """That of tabular classification, without a parent."""
        found = tabular_classification.TabularClassification().example(rows, seed)
        return task.Example(found.columns, found.table, {**found.config, "from_scratch": True})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Transferred:
        """The base's work with the encoders of the parent. Raises BadTraining without a parent."""
        self.require_parent(config, goes_on=init is not None)
        if init is not None and init.features is not None and config.new_head:  # of the parent's classes none is kept
            init = task.Init(init.weights, {**init.spec, "features": {**init.features, "label": None}})
        return Transferred(config, around.prepared(config.base, config.base_options, config, columns, train, init))

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """Those of the base task."""
        around.require_columns(config.base, config.base_options, config, columns)

    def require_parent(self, config: Config, *, goes_on: bool) -> None:
        """Weights to go on from, or the word that there are to be none."""
        if not goes_on and not config.from_scratch:
            raise task.BadTraining("transfer needs a parent", fix="name one, such as models:/name/3 or runs:/id")


class Transferred(around.Around):
    """The base's work, with what was taken over held fast."""

    def __init__(self, config: Config, inner: supervised.Classes) -> None:
        super().__init__(inner)
        self.config = config
        self._body: frozenset[str] = frozenset()

    def start(self, net: nn.Module, init: task.Init) -> None:
        """Take over what fits, then give the head fresh weights."""
        from shuyuan.maas.training import weights

        fresh = {name: tensor for name, tensor in weights.copied(net).items() if name in head_of(net)}
        taken = self.inner.take_over(net, init).taken
        if self.config.new_head:
            net.load_state_dict({**net.state_dict(), **fresh})
            taken = tuple(name for name in taken if name not in fresh)
        self._body = frozenset(taken)
        if not self.config.body_rate:
            for name, tensor in net.named_parameters():
                tensor.requires_grad_(name not in self._body)

    def groups(self, net: nn.Module) -> Sequence[Mapping[str, Any]] | None:  # options of torch's optimisers
        """A slower body beside the head; None where it stands still."""
        if not self._body or not self.config.body_rate:
            return None
        body = [tensor for name, tensor in net.named_parameters() if name in self._body]
        head = [tensor for name, tensor in net.named_parameters() if name not in self._body]
        rate = self.config.rate
        return [{"params": head, "lr": rate}, {"params": body, "lr": rate * self.config.body_rate}]


def head_of(net: nn.Module) -> frozenset[str]:
    """Names of the tensors of the last layer: the module that holds the last parameter."""
    last = list(net.named_parameters())[-1][0].rpartition(".")[0]
    return frozenset(name for name, _ in net.named_parameters() if name.rpartition(".")[0] == last)
