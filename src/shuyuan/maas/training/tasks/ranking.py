"""Which items suit a person: two towers on identifiers, trained against items drawn at random (negatives).

Each row of the data is a person and an item that belong together. With a label column, rows whose label is 0, false or
no do not. Held rows are judged by the place of their item among all items the person is not known to have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import encoders, options, supervised, task

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.features import Features

_NOT = ("0", "false", "no", "False")
_TOP = 10
_FIT = "*fit"  # 1 where person and item belong together


class Config(options.Config):
    """What the net looks like, and how it is taught."""

    width: int = Field(32, ge=2, le=512, description="Width of the vectors that meet")
    hidden: int = Field(64, ge=2, le=4096, description="Width of the layer of each tower")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of an embedding left out in each step")
    negatives: int = Field(16, ge=1, le=1024, description="Items drawn against each true one")
    popularity: float = Field(
        0.5, ge=0, le=1, description="Negatives by how often they occur to this power; 0: all alike"
    )


class Ranking(task.Task[Config]):
    """Persons and items."""

    NAME, CONFIG = "ranking", Config
    FINDS = "nothing"
    TITLE = task.Words("Rank items for a person", "个性化排序")
    WHAT = task.Words(
        "Learns from pairs of person and item which items suit whom, with two towers.",
        "从“人—项目”配对中学习，用双塔网络为每个人给项目排序。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Persons that like items of their own parity."""
        rng = np.random.default_rng(seed)
        persons = rng.integers(0, 6, rows)
        items = rng.integers(0, 5, rows) * 2 + persons % 2
        table = {"person": [f"p{n}" for n in persons], "item": [f"i{n}" for n in items]}
        columns = (task.Column("person", "identifier", "person"), task.Column("item", "identifier", "feature"))
        return task.Example(columns, table, {"rate": 0.03, "width": 8, "hidden": 16, "negatives": 4})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Suits:
        """Persons and items of the training part."""
        self.require_columns(config, columns)
        person, item = _pair(columns)
        read = [one._replace(kind="identifier", role="feature") for one in (person, item)]
        label = next((one.name for one in columns if one.role == "label"), None)
        fitted = encoders.fit(read, train, init, ("identifier",))
        return Suits(config, fitted, label, train)

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """A person and an item."""
        _pair(columns)
        self.require_weight(columns)


class Suits(supervised.Encoded):
    """How well persons and items fit."""

    SELECT: tuple[str, Literal["min", "max"]] = ("ndcg_at_10", "max")
    OUTPUTS = ("score", "rank", "best")

    def __init__(self, config: Config, fitted: Features, label: str | None, train: task.Table) -> None:
        super().__init__(fitted)
        self.config, self._label = config, label
        self._persons, self._items = (fitted.sizes[name] for name in self.INPUTS)
        if self._items < 3:
            raise task.BadTraining("there is one item only", fix="rank at least two items")
        arrays = self.arrays(train)
        person, item = (arrays[name][arrays[_FIT] > 0] for name in self.INPUTS)
        self._known = np.unique(person * self._items + item)  # pairs of train, sorted
        counts = np.bincount(item, minlength=self._items)[1:].clip(min=1) ** config.popularity
        self._chances = np.cumsum(counts / counts.sum())

    def arrays(self, table: task.Table) -> task.Arrays:
        """Indices, and whether they belong together."""
        inputs = self.fitted.transform(table)
        known = self._label is not None and self._label in table
        values = list(table[self._label or ""]) if known else [1] * encoders.rows(table)
        fits = np.array([value is not None and str(value) not in _NOT for value in values], np.float32)
        return {**{name: inputs[name] for name in self.INPUTS}, _FIT: fits}

    def net(self) -> nn.Module:
        """Two towers."""
        from shuyuan.science.nets import towers
        from shuyuan.science.nets.described.towers import TwoTower

        shape = TwoTower(self._persons, self._items, self.config.width, self.config.hidden)
        return towers.TwoTower(shape, self.config.dropout)

    def batch(self, arrays: Mapping[str, Tensor], rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """With the true item first and negatives after it."""
        import torch

        made = super().batch(arrays, rows, rng)
        drawn = np.searchsorted(self._chances, rng.random((len(rows), self.config.negatives))) + 1
        others = torch.from_numpy(np.minimum(drawn, self._items - 1)).to(rows.device)
        made["*items"] = torch.cat([made[self.INPUTS[1]][:, None], others], dim=1)
        return made

    def loss(self, net: Any, batch: Mapping[str, Tensor]) -> task.Loss:  # a TwoTower
        """Cross entropy of the true item among those drawn; drawn ones that the person has count for nothing."""
        import torch
        from torch.nn import functional

        person, true = (batch[name] for name in self.INPUTS)
        items = batch["*items"] if "*items" in batch else torch.arange(1, self._items).expand(len(true), -1)
        scores = net.score(net.person(person), items)
        scores = scores.masked_fill(self._has(person, items) & (items != true[:, None]), float("-inf"))
        wanted = torch.zeros_like(true) if "*items" in batch else true - 1
        fits = (batch[_FIT] > 0) & (true > 0)
        total = functional.cross_entropy(scores[fits], wanted[fits], reduction="sum")
        return task.Loss(total, fits.sum())

    def outputs(self, net: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:  # a TwoTower
        """Score of the item, its place among the others, and the item in the first place."""
        import torch

        person, true = (batch[name] for name in self.INPUTS)
        items = torch.arange(self._items, device=true.device).expand(len(true), -1)
        scores = net.score(net.person(person), items)
        own = scores.gather(1, true[:, None])
        hidden = (self._has(person, items) & (items != true[:, None])) | (items == 0)
        scores = scores.masked_fill(hidden, float("-inf"))
        return own[:, 0], 1 + (scores > own).sum(1), scores.argmax(1)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """The item, the one that would have come first, its score and its place."""
        names = ("", *self.fitted.encoders[1].known)  # type: ignore[attr-defined]  # of a Category
        label = [names[n] or None for n in arrays[self.INPUTS[1]]]
        best = [names[n] for n in outputs["best"].astype(np.int64)]
        return task.Predictions(label, best, {"p_0": outputs["score"], "rank": outputs["rank"]})

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Of rows that belong together and whose item was seen in training."""
        judged = (arrays[_FIT] > 0) & (arrays[self.INPUTS[1]] > 0)
        rank = outputs["rank"][judged]
        if not len(rank):
            return {}
        gain = np.where(rank <= _TOP, 1 / np.log2(rank + 1), 0.0)
        hit = float((rank <= _TOP).mean())
        return {"hit_at_10": hit, "ndcg_at_10": float(gain.mean()), "mrr": float((1 / rank).mean())}

    def spec(self) -> dict[str, Any]:  # JSON
        """Scores compare items for one person; they are no probabilities."""
        return {"labels": [], "output": "score", "ranking": {"person": self.INPUTS[0], "item": self.INPUTS[1]}}

    def export(self, net: nn.Module, arrays: task.Arrays, out: Any) -> dict[str, Any]:  # JSON
        """The file scores a person with an item; places are for whoever asks to count."""
        from shuyuan.maas.training import export

        return export.write(net, self.INPUTS, ("score",), arrays, out)

    def _has(self, person: Tensor, items: Tensor) -> Tensor:
        """Which of the items (rows, many) each person had in training."""
        import torch

        known = torch.from_numpy(self._known).to(items.device)
        pairs = person[:, None] * self._items + items
        at = torch.searchsorted(known, pairs).clamp(max=len(known) - 1)
        return known[at] == pairs


def _pair(columns: Sequence[task.Column]) -> tuple[task.Column, task.Column]:
    """The person (by role, else the first identifier) and the item. Raises BadTraining."""
    identifiers = [one for one in columns if one.role == "feature" and one.kind in ("identifier", "category")]
    persons = [one for one in columns if one.role == "person"] or identifiers[:1]
    items = [one for one in identifiers if one not in persons]
    if len(persons) != 1 or len(items) != 1:
        raise task.BadTraining(
            f"{len(persons)} columns of persons and {len(items)} of items",
            fix="give one column the role 'person' and one of kind identifier the role 'feature'",
        )
    return persons[0], items[0]
