"""Language models: adapters (LoRA) on a model that is there, or a tiny Transformer of our own from nothing.

Texts are cut into pieces of `length` tokens. The figure is perplexity: how many tokens the model hesitates between;
with adapters also that of the model before, on the same pieces. The tiny one reads characters hashed into buckets: it
scores texts and lends its trunk to `text_classification`; it does not write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, options, supervised, task
from shuyuan.maas.training.tasks import text_classification

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from shuyuan.science.features import Features

TOKENS, ROW = "tokens", "*row"
_AT_ONCE = 16  # pieces a pass when judging: logits over a vocabulary are large
_PADDING = -1


class Config(options.Config):
    """Which model, and how much of it is trained."""

    epochs: int = Field(3, ge=1, le=10_000, description="Passes over the training part")
    batch: int = Field(8, ge=1, le=65_536, description="Pieces a step")
    schedule: options.Schedule = Field("cosine", description="How the rate changes over the run")
    clip: float = Field(1.0, ge=0, le=1e6, description="Longest gradient (2-norm over all weights); 0 clips nothing")
    base: Literal["scratch", "tiny", "folder"] = Field(
        "scratch", description="A tiny model from nothing, the starter tiny, or a folder of the model cache"
    )
    folder: str = Field(
        "",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,79})?$",
        description="Its name: config.json, tokenizer.json, safetensors",
    )
    length: int = Field(128, ge=8, le=4_096, description="Tokens of a piece")
    rank: int = Field(8, ge=1, le=256, description="LoRA: width of an adapter")
    alpha: float = Field(16.0, gt=0, le=1e4, description="LoRA: an adapter counts alpha / rank")
    adapter_dropout: float = Field(
        0.0, ge=0, lt=1, description="LoRA: share of an adapter's inputs left out in each step"
    )
    targets: tuple[str, ...] = Field(
        ("q_proj", "v_proj"), min_length=1, max_length=16, description="LoRA: names of the layers that get adapters"
    )
    merge: bool = Field(
        True, description="LoRA: also write the whole model with the adapters folded in (half precision)"
    )
    buckets: int = Field(4_096, ge=64, le=1 << 18, description="Scratch: what characters are hashed into")
    width: int = Field(64, ge=8, le=1_024, description="Scratch: width of the Transformer")
    layers: int = Field(2, ge=1, le=16, description="Scratch: its layers")
    heads: int = Field(4, ge=1, le=32, description="Scratch: its heads; they divide its width")
    dropout: float = Field(0.0, ge=0, lt=1, description="Scratch: share of units left out in each step")


class LanguageModel(task.Task[Config]):
    """Texts to a model of texts."""

    NAME, CONFIG = "language_model", Config
    KINDS, FINDS = ("text",), "nothing"
    OVERFITS = 0.5  # what cannot be known is how each text goes on where several begin alike
    TITLE = task.Words("Fine-tune a language model (LoRA)", "微调语言模型（LoRA）")
    WHAT = task.Words(
        "Teaches a small language model your texts by training adapters only; measured as perplexity on held-out text.",
        "只训练适配器，让小型语言模型学习你的文本，以留出文本的困惑度衡量。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Sentences that count."""
        rng = np.random.default_rng(seed)
        texts = [f"{n} and {n + 1} make {2 * n + 1}" for n in rng.integers(1, 9, rows)]
        config = {"length": 32, "width": 32, "buckets": 128, "rate": 0.01}
        return task.Example((task.Column("text", "text", "feature"),), {"text": texts}, config)

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> task.Work:
        """The work of the asked-for model. Raises BadTraining."""
        self.require_columns(config, columns)
        texts = _texts(columns)
        if not encoders.rows(train):
            raise asked.empty()
        if config.base != "scratch":
            return Adapters(config, texts[0].name)
        how = {"text": "ids", "text_buckets": config.buckets, "text_length": config.length, "ngrams": (1, 1)}
        return Scratch(config, encoders.fit(texts, train, init, self.KINDS, how), texts[0].name)

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """One text a row, whatever else there is; and a folder where one is to be read."""
        if (many := len(_texts(columns))) != 1:
            raise task.BadTraining(f"{many} text columns are features", fix="give one text column this role")
        if config.base == "folder" and not config.folder:
            raise task.BadTraining("no folder is named", fix="set folder, or base to tiny or scratch")
        self.require_weight(columns)


class Scratch(supervised.Encoded):
    """A tiny Transformer over characters."""

    def __init__(self, config: Config, fitted: Features, text: str) -> None:
        super().__init__(fitted)
        self.config, self.text = config, text
        self.INPUTS, self.OUTPUTS = (text,), ("surprise", "count")

    def net(self) -> nn.Module:
        """The trunk, its table of tokens used again for what comes next."""
        from shuyuan.science.nets import language

        return language.Language(text_classification.trunk_of(self.config, self.fitted, self.text))

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> task.Loss:
        """Negative log-likelihood of every character after the first."""
        surprise, count = self._told(net, batch[self.text])
        return task.Loss(surprise.sum(), count.sum())

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Of each text, a few at a time."""
        import torch

        parts = [self._told(net, some) for some in torch.split(batch[self.text], _AT_ONCE)]
        return tuple(torch.cat(column) for column in zip(*parts, strict=True))

    def _told(self, net: nn.Module, ids: Tensor) -> tuple[Tensor, Tensor]:
        from shuyuan.science.nets import adapted

        return adapted.surprise(net(ids)[0], ids, 0)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """Perplexity of each text."""
        return _perplexities(outputs, None)

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Perplexity over all characters."""
        return {"perplexity": _perplexity(outputs["surprise"], outputs["count"])}

    def spec(self) -> dict[str, Any]:  # JSON
        """What it does not do."""
        return {"labels": [], "output": "logits", "tokens": "hashed characters: scores texts, writes none"}

    def export(self, net: nn.Module, arrays: task.Arrays, out: Path) -> dict[str, Any]:  # JSON
        """Ids to logits over buckets."""
        from shuyuan.maas.training import export

        return export.write(net, (self.text,), ("logits",), arrays, out)


class Adapters(task.Work):
    """LoRA on a model from local files."""

    INPUTS, OUTPUTS = (TOKENS,), ("surprise", "count", "surprise_before")

    def __init__(self, config: Config, text: str) -> None:
        from shuyuan.maas.training import lora

        self.config, self.text = config, text
        self._source = lora.source(config.folder if config.base == "folder" else config.base)
        self._tokenizer = lora.tokenizer(self._source)

    def arrays(self, table: task.Table) -> task.Arrays:
        """Pieces of tokens, each text ended, -1 behind the end; which text each is of."""
        end, length = self._tokenizer.eos_token_id, self.config.length
        pieces, rows = list[list[int]](), list[int]()
        for row, text in enumerate(table[self.text]):
            ids = self._tokenizer(str(text or ""), add_special_tokens=False)["input_ids"] + (
                [end] if end is not None else []
            )
            found = [ids[at : at + length] for at in range(0, len(ids), length)]
            kept = [piece for piece in found if len(piece) > 1]
            pieces += kept
            rows += [row] * len(kept)
        tokens = np.full((len(pieces), length), _PADDING, np.int64)
        for n, piece in enumerate(pieces):
            tokens[n, : len(piece)] = piece
        return {TOKENS: tokens, ROW: np.array(rows, np.int64)}

    def net(self) -> nn.Module:
        """The model, of which the adapters are trained."""
        from shuyuan.maas.training import lora
        from shuyuan.science.nets import adapted

        config = self.config
        model = lora.load(
            self._source, rank=config.rank, alpha=config.alpha, dropout=config.adapter_dropout, targets=config.targets
        )
        return adapted.Adapted(model)

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Negative log-likelihood of every token after the first."""
        return task.Loss(outputs[0].sum(), outputs[1].sum())

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """Perplexity of each piece."""
        return _perplexities(outputs, arrays[ROW].tolist())

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Perplexity over all tokens, now and before."""
        now, before = (_perplexity(outputs[name], outputs["count"]) for name in ("surprise", "surprise_before"))
        return {"perplexity": now, "perplexity_before": before, "perplexity_ratio": now / before}

    def spec(self) -> dict[str, Any]:  # JSON
        """What the adapters stand on."""
        config = self.config
        base = config.folder if config.base == "folder" else config.base
        return {"labels": [], "base": base, "rank": config.rank, "alpha": config.alpha, "targets": list(config.targets)}

    def export(self, net: Any, arrays: task.Arrays, out: Path) -> dict[str, Any]:  # an Adapted; JSON
        """Adapters for peft, weights to go on from, and the merged model where asked for. No ONNX."""
        from shuyuan.maas.training import export, lora

        export.write_weights(net, out / "weights.safetensors")
        lora.write_adapter(net.model, out)
        if self.config.merge:
            lora.write_merged(net.model, self._tokenizer, out, self._source)
        sizes = {
            name: (out / name).stat().st_size
            for name in (lora.ADAPTER, lora.MERGED, lora.GGUF)
            if (out / name).is_file()
        }
        return {"inputs": [], "outputs": [], "opset": None, "size_bytes": sizes}


def _texts(columns: Sequence[task.Column]) -> list[task.Column]:
    return [column for column in asked.features(columns) if column.kind == "text"]


def _perplexity(surprise: task.Array, count: task.Array) -> float:
    return float(np.exp(surprise.astype(float).sum() / max(float(count.sum()), 1.0)))


def _perplexities(outputs: task.Arrays, rows: Sequence[int] | None) -> task.Predictions:
    each = np.exp(outputs["surprise"].astype(float) / np.maximum(outputs["count"], 1))
    return task.Predictions([None] * len(each), each.tolist(), {"tokens": outputs["count"]}, rows)
