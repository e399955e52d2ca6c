"""Draw each row from memory through a narrow middle: a code of few numbers, and a score of how unusual a row is.

A row is called unusual when its error is above that of all but the given share of the training rows. A label with two
values is only compared with: the rarer one should score higher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from shuyuan.maas.training import encoders, options, supervised, task
from shuyuan.maas.training.encoders import TRUTH
from shuyuan.maas.training.tasks import clustering
from shuyuan.science import metrics

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.features import Features

NOISY = "*noisy"  # what the net is shown of the row it has to draw
LABELS = ("usual", "unusual")
_MEASURED = 8_192  # training rows the threshold is taken from


class Config(options.Config):
    """How narrow it is."""

    epochs: int = Field(40, ge=1, le=10_000, description="Passes over the training part")
    rate: float = Field(3e-3, gt=0, le=100, description="Learning rate at its highest")
    hidden: tuple[int, ...] = Field((32,), max_length=6, description="Width of each layer before the code")
    code: int = Field(4, ge=1, le=1_024, description="Numbers a row is kept in")
    noise: float = Field(0.0, ge=0, le=5, description="Spread of noise put on the rows it learns from; 0: none")
    unusual: float = Field(0.02, gt=0, lt=0.5, description="Share of the training rows that counts as unusual")


class Autoencoding(task.Task[Config]):
    """Rows to codes and scores."""

    NAME, CONFIG = "autoencoder", Config
    KINDS, FINDS = clustering.KINDS, "nothing"
    TITLE = task.Words("Find unusual rows", "异常检测（自编码器）")
    WHAT = task.Words(
        "Learns to draw rows from memory: gives a short code and a score of how unusual a row is; needs no label.",
        "学习重建数据行，给出压缩编码与异常分数，无需标签。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Four columns that follow one number."""
        rng = np.random.default_rng(seed)
        t = rng.uniform(-1, 1, rows)
        table = {name: np.round(at * t + t**2, 3) for name, at in zip("abcd", (1, 2, -1, 0.5), strict=True)}
        columns = tuple(task.Column(name, "number", "feature") for name in table)
        return task.Example(columns, table, {"rate": 0.02, "code": 2})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Codes:
        """Encoders of the feature columns."""
        self.require_columns(config, columns)
        fitted = encoders.fit(columns, train, init, self.KINDS, {"text_buckets": 256, "label": "classes"})
        clustering.require_dense(fitted)
        return Codes(config, fitted)


class Codes(supervised.Encoded):
    """Rows through the net and back."""

    OUTPUTS = ("reconstruction", "code", "score")

    def __init__(self, config: Config, fitted: Features) -> None:
        super().__init__(fitted)
        self.config = config
        self._threshold = np.inf

    def net(self) -> nn.Module:
        """Encoder and decoder."""
        from shuyuan.science.nets import autoencoder, unusual
        from shuyuan.science.nets.described.autoencoder import Autoencoder

        shape = Autoencoder(self.fitted.inputs[0].shape[0], self.config.code, self.config.hidden)
        return unusual.Scored(autoencoder.Autoencoder(shape))

    def batch(self, arrays: Mapping[str, Tensor], rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Rows with noise beside them, where asked for."""
        import torch

        found = super().batch(arrays, rows, rng)
        if self.config.noise:
            x = found[self.INPUTS[0]]
            noise = torch.from_numpy(rng.normal(0, self.config.noise, tuple(x.shape)).astype(np.float32)).to(x)
            found[NOISY] = x + noise
        return found

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> None:
        """Measure what is usual: the error that all but a few training rows stay below. Kept with the weights."""
        import torch

        with torch.no_grad():
            scores = net(arrays[self.INPUTS[0]][:_MEASURED])[2]
            net.get_buffer("threshold").copy_(scores.quantile(1 - self.config.unusual))

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> task.Loss:
        """Squared error between the row and what came back, mean over the columns."""
        x = batch[self.INPUTS[0]]
        back = net(batch[NOISY])[0] if NOISY in batch else net(x)[0]
        return task.Loss(((back - x) ** 2).mean(1).sum(), len(x))

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """All three; remembers the threshold that belongs to these weights."""
        self._threshold = float(net.get_buffer("threshold"))
        return super().outputs(net, batch)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """Usual or unusual, the score, and the code."""
        score, code = outputs["score"], outputs["code"]
        truth = [self.fitted.labels[n] if n >= 0 else None for n in arrays[TRUTH]] if TRUTH in arrays else None
        codes = {f"code_{n}": code[:, n] for n in range(code.shape[1])}
        return task.Predictions(
            truth or [None] * len(score),
            [LABELS[int(one > self._threshold)] for one in score],
            {"score": score, **codes},
        )

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Share of the variance that is kept, share of unusual rows; with a label of two values the AUC."""
        x, score = arrays[self.INPUTS[0]], outputs["score"]
        variance = float(x.var(0).mean())
        found = {"unusual_share": float((score > self._threshold).mean())}
        if variance:
            found["variance_kept"] = 1 - float(score.mean()) / variance
        if TRUTH in arrays and len(np.unique(arrays[TRUTH])) == 2 and arrays[TRUTH].min() >= 0:
            rarer = int(np.bincount(arrays[TRUTH])[:2].argmin())
            found["auc"] = float(metrics.auc(arrays[TRUTH] == rarer, score.astype(np.float64)))
        return found

    def spec(self) -> dict[str, Any]:  # JSON
        """Where usual ends."""
        threshold = self._threshold if np.isfinite(self._threshold) else None
        return {"labels": list(LABELS), "output": "score", "threshold": threshold}
