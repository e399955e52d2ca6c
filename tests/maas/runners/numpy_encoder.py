"""The encoder a second time, in plain numpy with float32 weights: what the fast one must agree with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import e5file

Floats = NDArray[np.float32]
_MASKED = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: Floats  # (width, 3 * width)
    qkv_bias: Floats
    out: Floats  # (width, width)
    out_bias: Floats
    out_norm: tuple[Floats, Floats]
    up: Floats  # (width, 4 * width)
    up_bias: Floats
    down: Floats  # (4 * width, width)
    down_bias: Floats
    down_norm: tuple[Floats, Floats]


class Encoder:
    """Weights of one encoder, expanded to float32 except the word table, which stays 4-bit."""

    def __init__(self, source: e5file.E5File) -> None:
        self._shape = source.shape
        width = source.shape.width
        self._words = source.block_rows("emb.word", width)
        self._positions = source.matrix("emb.pos", width) + source.matrix("emb.type", width)[0]
        self._norm = (source.tensor("emb.ln.w"), source.tensor("emb.ln.b"))
        self._layers = [_read_layer(source, f"l{n}.", width) for n in range(source.shape.layers)]

    @property
    def window_tokens(self) -> int:
        """Tokens read at once, the two end marks included."""
        return self._shape.positions

    @property
    def width(self) -> int:
        """Dimensions of a vector."""
        return self._shape.width

    def mean_hidden(self, tokens: list[list[int]]) -> Floats:
        """The mean last hidden state of each token list, not normalised: (texts, width)."""
        lengths = np.array([len(t) for t in tokens])
        longest = int(lengths.max())
        ids = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, text in zip(ids, tokens, strict=True):
            row[: len(text)] = text
        present = np.arange(longest) < lengths[:, None]  # (texts, time)
        bias = np.where(present, np.float32(0), _MASKED)[:, None, None, :]
        x = e5file.expand(self._words[ids]) + self._positions[:longest]
        x = normalise(x, *self._norm, self._shape.epsilon)
        for layer in self._layers:
            x = self._step(x, bias, layer)
        pooled: Floats = (x * present[..., None]).sum(axis=1) / lengths[:, None].astype(np.float32)
        return pooled

    def _step(self, x: Floats, bias: Floats, layer: _Layer) -> Floats:
        epsilon = self._shape.epsilon
        attended = self._attend(x @ layer.qkv + layer.qkv_bias, bias) @ layer.out + layer.out_bias
        x = normalise(x + attended, *layer.out_norm, epsilon)
        fed = gelu(x @ layer.up + layer.up_bias) @ layer.down + layer.down_bias
        return normalise(x + fed, *layer.down_norm, epsilon)

    def _attend(self, qkv: Floats, bias: Floats) -> Floats:
        texts, time, _ = qkv.shape
        heads, size = self._shape.heads, self._shape.width // self._shape.heads
        q, k, v = qkv.reshape(texts, time, 3, heads, size).transpose(2, 0, 3, 1, 4)  # (texts, heads, time, size)
        scores = q @ k.swapaxes(-1, -2) * np.float32(size**-0.5) + bias
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        joined: Floats = (scores @ v).transpose(0, 2, 1, 3).reshape(texts, time, -1)
        return joined


def _read_layer(source: e5file.E5File, prefix: str, width: int) -> _Layer:
    def weight(name: str, inputs: int) -> Floats:
        return np.ascontiguousarray(source.matrix(prefix + name + ".w", inputs).T)

    def bias(name: str) -> Floats:
        return source.tensor(prefix + name + ".b")

    def norm(name: str) -> tuple[Floats, Floats]:
        return source.tensor(prefix + name + ".w"), source.tensor(prefix + name + ".b")

    return _Layer(
        qkv=np.concatenate([weight(n, width) for n in "qkv"], axis=1),
        qkv_bias=np.concatenate([bias(n) for n in "qkv"]),
        out=weight("ao", width),
        out_bias=bias("ao"),
        out_norm=norm("aln"),
        up=weight("fi", width),
        up_bias=bias("fi"),
        down=weight("fo", 4 * width),
        down_bias=bias("fo"),
        down_norm=norm("oln"),
    )


def normalise(x: Floats, scale: Floats, shift: Floats, epsilon: float) -> Floats:
    x = x - x.mean(axis=-1, keepdims=True)
    x /= np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(epsilon))
    x *= scale
    x += shift
    return x


def gelu(x: Floats) -> Floats:
    """x * P(Z < x), by the erf of Abramowitz & Stegun 7.1.26 (error below 2e-7)."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = np.full_like(t, 1.061405429)
    for c in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        poly *= t
        poly += np.float32(c)
    tail: Floats = np.float32(0.5) * poly * t * np.exp(-z * z)  # P(Z > |x|)
    return x * np.where(x >= 0, 1 - tail, tail)
