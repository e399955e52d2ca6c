"""Find a class from texts: hashed n-grams beside a sentence vector, or a small Transformer of our own.

n-grams need no dictionary and know any language; the vector of a starter model brings what it read elsewhere. The
Transformer reads characters in order; it may begin with weights that the task `language_model` made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, options, supervised, task

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.features import Features

KINDS = ("text", "number", "integer", "boolean", "category")
VECTOR = "vector"  # the input that a starter model makes of the texts
_STEP = 16  # batches are cut to a multiple of it


class Config(options.ClassConfig):
    """How texts are read."""

    epochs: int = Field(10, ge=1, le=10_000, description="Passes over the training part")
    rate: float = Field(1e-2, gt=0, le=100, description="Learning rate at its highest")
    schedule: options.Schedule = Field("cosine", description="How the rate changes over the run")
    net: Literal["ngrams", "transformer"] = Field(
        "ngrams", description="ngrams: hashed pieces of a few characters; transformer: characters in order"
    )
    embedding: Literal["none", "embed", "minilm"] = Field(
        "none",
        description="Starter model whose sentence vector joins the n-grams (embed: any language; minilm: English)",
    )
    vector_texts: Literal["all", "first"] = Field("all", description="Text columns the sentence vector is made of")
    buckets: int = Field(1 << 16, ge=64, le=1 << 20, description="How many the pieces are hashed into")
    shortest: int = Field(1, ge=1, le=8, description="Characters of the shortest n-gram")
    longest: int = Field(3, ge=1, le=8, description="Characters of the longest n-gram; a Transformer takes 1")
    length: int = Field(256, ge=8, le=4_096, description="Pieces of a text that are read; what comes after is not")
    hidden: int = Field(0, ge=0, le=4_096, description="Units between the sentence vector and the classes; 0: none")
    width: int = Field(64, ge=8, le=1_024, description="Of the Transformer")
    layers: int = Field(2, ge=1, le=16, description="Of the Transformer")
    heads: int = Field(4, ge=1, le=32, description="Of the Transformer; they divide its width")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of weights and units left out in each step")


class TextClassification(task.Task[Config]):
    """Texts to classes."""

    NAME, CONFIG = "text_classification", Config
    KINDS, WEIGHS = KINDS, True
    TITLE = task.Words("Classify texts", "文本分类")
    WHAT = task.Words(
        "Finds the class of a text: hashed n-grams with a sentence vector, or a small Transformer.",
        "判断文本所属的类别：哈希字符片段加句向量，或小型 Transformer。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Sentences about two subjects, with the words of one of them."""
        rng = np.random.default_rng(seed)
        labels = [("maths", "music")[n % 2] for n in range(rows)]
        words = {"maths": ["angle", "sum", "root"], "music": ["chord", "tune", "drum"]}
        texts = [f"{rng.choice(['the', 'a', '一个'])} {rng.choice(words[label])} {n}" for n, label in enumerate(labels)]
        columns = (task.Column("text", "text", "feature"), task.Column("label", "category", "label"))
        return task.Example(columns, {"text": texts, "label": labels}, {"rate": 0.05, "buckets": 256, "length": 32})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> TextClasses:
        """Labels and weights of n-grams from the training part."""
        self.require_columns(config, columns)
        texts = _texts(columns)
        if config.net == "transformer":
            return TransformerClasses(config, _fit(config, columns, train, init, (1, 1)), train, texts)
        fitted = _fit(config, columns, train, init, (config.shortest, config.longest))
        return NgramClasses(config, fitted, train, texts)

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """At least one text; for a Transformer nothing else."""
        texts = _texts(columns)
        if not texts or config.shortest > config.longest:
            found = "there is no text column" if not texts else f"n-grams go from {config.shortest} to {config.longest}"
            raise task.BadTraining(found, fix="give a feature column the kind text; let shortest be at most longest")
        super().require_columns(config, columns)
        if config.net == "transformer":
            _require_one(texts, [column.name for column in asked.features(columns)])


class TextClasses(supervised.Classes):
    """What both readers share."""

    def __init__(self, config: Config, fitted: Features, train: task.Table, texts: Sequence[str]) -> None:
        super().__init__(config, fitted, train)
        self.config, self.texts = config, texts
        self.INPUTS = tuple(one.name for one in fitted.inputs if one.dtype != "bool")  # padding is token 0

    def arrays(self, table: task.Table) -> task.Arrays:
        """Ids of texts, numbers, the label."""
        return self.encoded(table)

    def encoded(self, table: task.Table) -> dict[str, task.Array]:
        """What the encoders give; without their masks."""
        inputs = self.fitted.transform(table)
        found = {name: array for name, array in inputs.items() if array.dtype != bool}
        return {**found, encoders.TRUTH: self.truth(table), **self.weights_of(table)}

    def batch(self, arrays: Mapping[str, Tensor], rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Texts cut to the longest of the batch: what is left out is padding."""
        found = super().batch(arrays, rows, rng)
        for name in self.texts:
            longest = int((found[name] > 0).sum(1).max())
            found[name] = found[name][:, : max(-(-longest // _STEP) * _STEP, _STEP)]
        return found


class NgramClasses(TextClasses):
    """Hashed n-grams, numbers and, where asked for, a sentence vector."""

    def __init__(self, config: Config, fitted: Features, train: task.Table, texts: Sequence[str]) -> None:
        super().__init__(config, fitted, train, texts)
        self._idf = self._rarity(fitted.transform(train))
        self._vector_texts = texts if config.vector_texts == "all" else texts[:1]
        if config.embedding != "none":
            self.INPUTS = (*self.INPUTS, VECTOR)

    def arrays(self, table: task.Table) -> task.Arrays:
        """Ids of n-grams, numbers, the vector, the label."""
        found = self.encoded(table)
        if self.config.embedding == "none":
            return found
        from shuyuan.maas.training import vectors

        read = [table[name] for name in self._vector_texts]
        whole = ["\n".join(str(part or "") for part in parts) for parts in zip(*read, strict=True)]
        return {**found, VECTOR: vectors.of(whole, self.config.embedding)}

    def net(self) -> nn.Module:
        """One table of logits a text column."""
        import torch

        from shuyuan.maas.training.vectors import WIDTH
        from shuyuan.science.nets import ngrams

        numbers = sum(one.shape[0] for one in self.fitted.inputs if one.dtype == "float32")
        vector = 0 if self.config.embedding == "none" else WIDTH
        return ngrams.Ngrams(
            torch.from_numpy(self._idf), len(self.labels), numbers=numbers, vector=vector, hidden=self.config.hidden,
            dropout=self.config.dropout,
        )  # fmt: skip

    def spec(self) -> dict[str, Any]:  # JSON
        """Names the model that makes the input `vector`."""
        made = {"input": VECTOR, "model": self.config.embedding, "columns": list(self._vector_texts), "kind": "query"}
        return {**super().spec(), **({} if self.config.embedding == "none" else {"vectors": [made]})}

    def _rarity(self, arrays: task.Arrays) -> task.Array:
        """Inverse document frequency of each bucket: (texts, buckets + 1), 0 for padding."""
        found = []
        for name in self.texts:
            ids = np.sort(arrays[name], axis=1)
            first = np.diff(ids, axis=1, prepend=0) > 0  # each bucket once a text, padding never
            counts = np.bincount(ids[first], minlength=self.fitted.sizes[name])
            found.append(np.where(np.arange(len(counts)) > 0, np.log((1 + len(ids)) / (1 + counts)) + 1, 0.0))
        return np.stack(found).astype(np.float32)


class TransformerClasses(TextClasses):
    """Characters in order."""

    def __init__(self, config: Config, fitted: Features, train: task.Table, texts: Sequence[str]) -> None:
        super().__init__(config, fitted, train, texts)
        _require_one(texts, self.INPUTS)  # of earlier weights, which may have read others

    def net(self) -> nn.Module:
        """A trunk that a language model may have trained, and a head."""
        from shuyuan.science.nets import language

        return language.Reader(trunk_of(self.config, self.fitted, self.texts[0]), len(self.labels))


def _texts(columns: Sequence[task.Column]) -> list[str]:
    return [column.name for column in asked.features(columns) if column.kind == "text"]


def _require_one(texts: Sequence[str], read: Sequence[str]) -> None:
    """One text and nothing beside it, for a Transformer. Raises BadTraining."""
    if list(texts) != list(read) or len(texts) > 1:
        raise task.BadTraining(
            f"a Transformer reads one text column, this data set has {', '.join(read)}",
            fix="give the others the role 'ignore', or use net 'ngrams'",
        )


def trunk_of(config: Any, fitted: Features, text: str) -> Any:  # a config with width, layers, heads; a language.Trunk
    """The small Transformer that this task and `language_model` share. Raises BadTraining."""
    from shuyuan.science.nets import language

    if config.width % config.heads:
        raise task.BadTraining(
            f"width {config.width} does not divide by {config.heads} heads", fix="make width a multiple of heads"
        )
    length = next(one.shape[0] for one in fitted.inputs if one.name == text)
    return language.Trunk(fitted.sizes[text], length, config.width, config.layers, config.heads, config.dropout)


def _fit(
    config: Config,
    columns: Sequence[task.Column],
    train: task.Table,
    init: task.Init | None,
    ngrams: tuple[int, int],
) -> Features:
    how = {"text": "ids", "text_buckets": config.buckets, "text_length": config.length, "ngrams": ngrams}
    return encoders.fit(columns, train, init, KINDS, {**how, "label": "classes"})
