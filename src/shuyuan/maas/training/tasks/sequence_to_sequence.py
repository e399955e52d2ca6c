"""From one sequence of items to another (words to words, notes to digits): a Transformer with encoder and decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, options, supervised, task
from shuyuan.maas.training.encoders import TRUTH

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from shuyuan.science.features import Features

PAD, START, END, UNKNOWN = 0, 1, 2, 3  # items of every target vocabulary; its own begin after them
_OWN = 3  # what is added to the index of an item
_MOST = 512


class Config(options.Config):
    """What the net looks like, and how long sequences may be."""

    width: int = Field(64, ge=4, le=1024, description="Width of every layer")
    heads: int = Field(4, ge=1, le=16, description="Heads of attention; they share the width")
    layers: int = Field(2, ge=1, le=8, description="Layers of the encoder, and as many of the decoder")
    source_length: int = Field(0, ge=0, le=_MOST, description="Items read; 0: as many as the longest of train")
    target_length: int = Field(0, ge=0, le=_MOST, description="Items written; 0: as many as the longest of train")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of values left out in each step")
    label_smoothing: float = Field(0.0, ge=0, le=0.5, description="Share of the truth given to all items alike")


class SequenceToSequence(task.Task[Config]):
    """Sequences to sequences."""

    NAME, CONFIG = "sequence_to_sequence", Config
    KINDS, FINDS = ("sequence", "text"), "sequence"
    TITLE = task.Words("Turn one sequence into another", "序列到序列")
    WHAT = task.Words(
        "Writes a sequence for each sequence it reads, with an encoder and a decoder; text is split at its spaces.",
        "用编码器和解码器把一个序列转换为另一个序列；文本按空格切分。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Sequences turned round, in capitals."""
        rng = np.random.default_rng(seed)
        source = [rng.choice(list("abcd"), rng.integers(1, 4)).tolist() for _ in range(rows)]
        target = [[item.upper() for item in reversed(one)] for one in source]
        columns = (task.Column("source", "sequence", "feature"), task.Column("target", "sequence", "label"))
        config = {"rate": 0.01, "width": 16, "heads": 2, "layers": 1}
        return task.Example(columns, {"source": source, "target": target}, config)

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Translation:
        """Items of both sides from the training part."""
        self.require_columns(config, columns)
        label = asked.require_label(columns, self.FINDS)
        if config.width % config.heads:
            raise task.BadTraining(
                f"width {config.width} does not divide by heads {config.heads}", fix="change one of them"
            )
        read = [one._replace(kind="sequence") if one.kind == "text" else one for one in columns]
        fitted = encoders.fit(
            read, train, init, ("sequence",), {"label": "raw", "sequence_length": config.source_length or None}
        )
        earlier = init.spec.get("target") if init is not None else None
        return Translation(config, fitted, target_items(label.name, train, config, earlier))

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """One sequence, or text, a row."""
        super().require_columns(config, columns)
        if len(asked.features(columns)) > 1:
            raise task.BadTraining("more than one column to read", fix="give the role 'feature' to one of them")


class Translation(supervised.Encoded):
    """Sequences to sequences. The net sees the target shifted by one; the truth is the target with its end."""

    SELECT: tuple[str, Literal["min", "max"]] = ("loss", "min")
    OUTPUTS = ("written",)

    def __init__(self, config: Config, fitted: Features, target: Mapping[str, Any]) -> None:
        super().__init__(fitted)
        self.config = config
        self.items, self.length = tuple(target["items"]), int(target["length"])
        self._index = {item: at for at, item in enumerate(self.items, start=_OWN + 1)}
        self._source = self.INPUTS
        self.INPUTS = (*self._source, "target")

    def arrays(self, table: task.Table) -> task.Arrays:
        """Source, mask, target as far as it is known at each place, and what comes next."""
        inputs = self.fitted.transform(table)
        truth = self._encoded(list(encoders.truth(self.fitted, table)))
        shown = np.concatenate([np.full((len(truth), 1), START), truth[:, :-1]], axis=1)
        shown[shown == END] = PAD
        return {**{name: inputs[name] for name in self._source}, "target": shown, TRUTH: truth}

    def net(self) -> nn.Module:
        """As the config says."""
        from shuyuan.science.nets import transformer
        from shuyuan.science.nets.described.transformer import EncoderDecoder

        config, items = self.config, self.fitted.inputs[0]
        vocabularies = (self.fitted.sizes[items.name], _OWN + 1 + len(self.items))
        sizes = (items.shape[0], self.length, config.width, config.heads, config.layers)
        return transformer.EncoderDecoder(EncoderDecoder(*vocabularies, *sizes), config.dropout)

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Cross entropy of each item of the target; padding weighs nothing."""
        from torch.nn import functional

        truth, smoothing = batch[TRUTH].flatten(), self.config.label_smoothing
        total = functional.cross_entropy(
            outputs[0].flatten(0, 1), truth, ignore_index=PAD, reduction="sum", label_smoothing=smoothing
        )
        return task.Loss(total, (truth != PAD).sum())

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> task.Loss:
        """With the true target shown; what is kept of a part (`outputs`) is written item by item instead."""
        return self.loss_of(net(*(batch[name] for name in self.INPUTS)), batch)

    def outputs(self, net: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:  # an EncoderDecoder
        """What it writes, as the exported file does: indices (rows, target_length)."""
        from shuyuan.science.nets import writing

        return (writing.greedy(net, PAD, START, END)(*(batch[name] for name in self._source)),)

    def export(self, net: Any, arrays: task.Arrays, out: Path) -> dict[str, Any]:  # an EncoderDecoder; JSON
        """The weights of the net; the graph reads a source and writes the whole sequence."""
        import torch

        from shuyuan.maas.training import export
        from shuyuan.science.nets import writing

        source, mask = (torch.from_numpy(arrays[name][:2]) for name in self._source)
        with export.quiet():
            served = writing.exportable(net.eval().cpu(), source, mask, PAD, START, END)
        return export.write(net, self._source, self.OUTPUTS, arrays, out, served=served)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """Both as items with spaces between."""
        found, truth = self._words(outputs["written"]), self._words(arrays[TRUTH])
        return task.Predictions([one or None for one in truth], found)

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Share of sequences that are right altogether, and of items at their place."""
        found, truth = outputs["written"].astype(np.int64), arrays[TRUTH]
        there = truth != PAD
        if not there.any():
            return {}
        after = np.cumsum(found == END, axis=1) - (found == END) > 0
        cut = np.where(after, PAD, found)
        return {"exact": float((cut == truth).all(1).mean()), "items_right": float((cut == truth)[there].mean())}

    def spec(self) -> dict[str, Any]:  # JSON
        """How to read what it writes: index less `first` is the item, from `end` on there is nothing."""
        target = {"items": list(self.items), "length": self.length, "first": _OWN + 1}
        return {"labels": [], "output": "written", "target": target | {"pad": PAD, "start": START, "end": END}}

    def _encoded(self, values: Sequence[object]) -> task.Array:
        made = np.full((len(values), self.length), PAD, np.int64)
        for row, value in enumerate(values):
            indices = [self._index.get(item, UNKNOWN) for item in _items(value)][: self.length - 1]
            if indices:
                made[row, : len(indices) + 1] = [*indices, END]
        return made

    def _words(self, indices: task.Array) -> list[str]:
        return [" ".join(self._word(one) for one in _before_end(row)) for row in indices.astype(np.int64).tolist()]

    def _word(self, index: int) -> str:
        return self.items[index - _OWN - 1] if index > _OWN else "?"


def target_items(name: str, train: task.Table, config: Config, earlier: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The vocabulary and the length of targets; those of earlier weights where there are any."""
    if earlier is not None:
        return earlier
    found = [_items(value) for value in train[name]]
    longest = max((len(one) for one in found), default=0)
    if not longest:
        raise task.BadTraining("no target holds an item", fix="choose another label column, or clean this one")
    length = config.target_length or min(longest + 1, _MOST)  # one more: the end
    return {"items": sorted({item for one in found for item in one}), "length": length}


def _items(value: object) -> list[str]:
    if value is None:
        return []
    many = value.split() if isinstance(value, str) else value
    return [str(item) for item in many]  # type: ignore[attr-defined]  # a list column holds lists


def _before_end(row: Sequence[int]) -> list[int]:
    end = row.index(END) if END in row else len(row)
    return [one for one in row[:end] if one not in (PAD, START)]
