"""BERT with mean pooling a second time, in plain numpy straight from the weights: the reference."""

from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from tests.maas.runners import numpy_encoder

Floats = NDArray[np.float32]
_EPSILON = 1e-12


class Bert:
    """Texts are given as token ids with their end marks, one at a time: no padding, no mask."""

    def __init__(self, path: Path, heads: int) -> None:
        self._weights = safetensors.numpy.load_file(path)
        self._heads = heads

    def unit_mean(self, ids: list[int]) -> Floats:
        """The mean of the last hidden states, as a unit vector."""
        w = self._weights
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings")
        layers = sum(name.endswith("query.weight") for name in w)
        for n in range(layers):
            x = self._layer(x, f"encoder.layer.{n}.")
        mean: Floats = x.mean(axis=0)
        return mean / np.float32(np.linalg.norm(mean))

    def _layer(self, x: Floats, at: str) -> Floats:
        q, k, v = (self._heads_of(self._linear(x, f"{at}attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]).astype(np.float32)
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = (odds / odds.sum(axis=-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(x.shape)
        x = self._norm(x + self._linear(seen, f"{at}attention.output.dense"), f"{at}attention.output")
        up = numpy_encoder.gelu(self._linear(x, f"{at}intermediate.dense"))
        return self._norm(x + self._linear(up, f"{at}output.dense"), f"{at}output")

    def _heads_of(self, x: Floats) -> Floats:
        return x.reshape(len(x), self._heads, -1).transpose(1, 0, 2)

    def _linear(self, x: Floats, name: str) -> Floats:
        out: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return out

    def _norm(self, x: Floats, name: str) -> Floats:
        scale, shift = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return numpy_encoder.normalise(x, scale, shift, _EPSILON)
