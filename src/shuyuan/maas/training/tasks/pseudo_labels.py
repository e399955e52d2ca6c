"""Semi-supervised: the labels a net is sure of, in rows that have none, become labels it learns from.

Two nets of one kind learn side by side on the same batches: one from the given labels alone, one from the others too.
Both are judged on the same held rows, so that the figures say what the rows without labels brought, or cost. Only the
second is exported. Source: Lee (2013); the cap for each class as in class-balanced self-training (Zou et al., 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import around, options, supervised, task
from shuyuan.maas.training.encoders import TRUTH

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

GUESSED = "*guessed"  # 1 where the label is the net's own guess, 0 where it was given or is not known


class Config(options.ClassConfig):
    """Which guesses count, and how much."""

    epochs: int = Field(30, ge=1, le=10_000, description="Passes over the training part")
    base: around.Base = Field("tabular_classification", description="Task whose net is trained")
    base_options: Mapping[str, Any] = Field({}, description="Options of that task, such as hidden")  # JSON
    warm_up_epochs: int = Field(10, ge=0, le=10_000, description="Epochs on given labels before the first guess")
    guess_every: int = Field(2, ge=1, le=1_000, description="Epochs between two rounds of guesses")
    threshold: float = Field(0.9, gt=0, lt=1, description="Probability from which a guess counts")
    balance: Literal["none", "train", "equal"] = Field(
        "train", description="Classes among the guesses: as they come, in the shares of the given labels, or all alike"
    )
    weight: float = Field(0.5, gt=0, le=10, description="What a guess counts beside a given label")
    given_share: float = Field(
        0.5, ge=0, lt=1, description="Share of each batch that has given labels; 0: rows as they come"
    )


class PseudoLabels(task.Task[Config]):
    """Classes from few labels and many rows."""

    NAME, CONFIG = "pseudo_labels", Config
    WEIGHS = True
    TITLE = task.Words("Learn from few labels (pseudo-labels)", "半监督学习（伪标签）")
    WHAT = task.Words(
        "Uses rows without a label too: what the net is sure of becomes a label. Reports the gain this brings.",
        "利用无标签的行：模型有把握的预测成为伪标签，并报告相对仅用已有标签的增减。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Two clouds; every third label is missing."""
        rng = np.random.default_rng(seed)
        names = ["yes" if n % 2 else "no" for n in range(rows)]
        table = {
            axis: np.array([2.0 if one == "yes" else -2.0 for one in names]) + rng.normal(0, 0.5, rows) for axis in "xy"
        }
        labels = [None if n % 3 == 2 else one for n, one in enumerate(names)]
        columns = (
            *(task.Column(axis, "number", "feature") for axis in "xy"),
            task.Column("label", "category", "label"),
        )
        return task.Example(columns, {**table, "label": labels}, {"rate": 0.03, "warm_up_epochs": 2})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Guesses:
        """The work of the base task; rows without a label stay in."""
        return Guesses(config, around.prepared(config.base, config.base_options, config, columns, train, init))

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """Those of the base task."""
        around.require_columns(config.base, config.base_options, config, columns)


class Guesses(around.Around):
    """Two nets on the same batches."""

    OUTPUTS = ("logits", "given_only")

    def __init__(self, config: Config, inner: supervised.Classes) -> None:
        super().__init__(inner)
        self.config = config
        self.OUTPUTS = ("logits", "given_only")
        self.SELECT = ("accuracy", "max")

    def arrays(self, table: task.Table) -> task.Arrays:
        """Those of the base, and which labels are guesses: none yet."""
        found = self.inner.arrays(table)
        return {**found, GUESSED: np.zeros(len(found[TRUTH]), np.int64)}

    def net(self) -> nn.Module:
        """Two of the base's nets that begin alike."""
        from shuyuan.science.nets import pair

        return pair.Pair(self.inner.net(), self.inner.net())

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Given labels for both nets, guesses for the first alone."""
        truth, guessed = batch[TRUTH], batch[GUESSED] > 0
        given = {**batch, TRUTH: truth.masked_fill(guessed, -1)}
        guesses = {**batch, TRUTH: truth.masked_fill(~guessed, -1)}
        first, second = self.inner.loss_of(outputs[:1], given), self.inner.loss_of(outputs[1:], given)
        third = self.inner.loss_of(outputs[:1], guesses)
        return task.Loss(
            first.total + second.total + self.config.weight * third.total,
            first.weight + self.config.weight * third.weight,
        )

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> task.Loss:
        """Of both nets."""
        return self.loss_of(self.outputs(net, batch), batch)

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Logits of both nets."""
        found: tuple[Tensor, ...] = net(*(batch[name] for name in self.INPUTS))
        return found

    def row_weights(self, arrays: task.Arrays) -> task.Array | None:
        """Given labels as often as asked for; rows nobody has guessed yet are drawn too, but weigh nothing."""
        given = (arrays[TRUTH] >= 0) & (arrays[GUESSED] == 0)
        if not self.config.given_share or given.all() or not given.any():
            return self.inner.row_weights(arrays)
        share = self.config.given_share
        drawn: task.Array = np.where(given, share / given.sum(), (1 - share) / (~given).sum())
        return drawn

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
        """Every few epochs guess anew all labels that were not given."""
        after = epoch - self.config.warm_up_epochs
        if after < 0 or after % self.config.guess_every:
            return None
        import torch

        truth = arrays[TRUTH].masked_fill(arrays[GUESSED] > 0, -1)
        rows = (truth < 0).nonzero()[:, 0]
        if not len(rows):
            return None
        was = net.training
        net.eval()
        with torch.no_grad():
            parts = [
                net(*(arrays[name][some] for name in self.INPUTS))[0].softmax(1) for some in torch.split(rows, 1024)
            ]
        net.train(was)
        p = torch.cat(parts).cpu().numpy()
        shares = np.bincount(truth[truth >= 0].cpu().numpy(), minlength=len(self.inner.labels))
        sure = torch.from_numpy(chosen(p, self.config.threshold, self.config.balance, shares)).to(rows)
        truth[rows[sure]] = torch.from_numpy(p.argmax(1)).to(truth)[sure]
        guessed = torch.zeros_like(arrays[GUESSED])
        guessed[rows[sure]] = 1
        return {**arrays, TRUTH: truth, GUESSED: guessed}

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """Of the net that saw the guesses."""
        return self.inner.predict(outputs, arrays)

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Of both nets, and the difference."""
        first = self.inner.figures({"logits": outputs["logits"]}, arrays)
        second = self.inner.figures({"logits": outputs["given_only"]}, arrays)
        return {
            **first,
            **{f"given_only_{name}": value for name, value in second.items()},
            **{f"gain_{name}": first[name] - second[name] for name in first},
        }

    def start(self, net: nn.Module, init: task.Init) -> None:
        """Both begin with the earlier weights."""
        for child in net.children():
            self.inner.start(child, init)

    def export(self, net: nn.Module, arrays: task.Arrays, out: Path) -> dict[str, Any]:  # JSON
        """The net that saw the guesses."""
        return self.inner.export(next(net.children()), arrays, out)


def chosen(p: task.Array, threshold: float, balance: str, shares: task.Array) -> task.Array:
    """Which rows' guesses count: indices into p (rows, classes), the surest of each class first.

    >>> p = np.array([[0.99, 0.01], [0.95, 0.05], [0.05, 0.95], [0.6, 0.4]])
    >>> chosen(p, 0.9, "equal", np.array([1, 1])).tolist()
    [0, 2]
    """
    found, surest = p.argmax(1), p.max(1)
    counts = np.bincount(found[surest >= threshold], minlength=p.shape[1])
    if balance == "none" or not counts.any():
        return np.flatnonzero(surest >= threshold)
    wanted = np.ones(p.shape[1]) if balance == "equal" else np.maximum(shares, 1) / max(shares.sum(), 1)
    most = np.floor(wanted * (counts[counts > 0] / wanted[counts > 0]).min() + 1e-9)
    order = np.argsort(-surest, kind="stable")
    picks = [
        order[(found[order] == n) & (surest[order] >= threshold)][: max(int(most[n]), 1)] for n in range(p.shape[1])
    ]
    return np.sort(np.concatenate(picks))
