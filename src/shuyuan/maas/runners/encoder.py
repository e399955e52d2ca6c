"""A BERT sentence encoder: tokens in, one mean hidden state per text out.

The 4-bit weights stay 4-bit: the layers become an ONNX graph whose matrix products read them directly,
and only the rows of the word table that a text needs are expanded.
Source: Devlin et al. (2019); pooling as in Wang et al. (2024), multilingual E5.
"""

import os

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shuyuan.maas.runners import e5file, graph

Floats = NDArray[np.float32]
_BLOCK = 32
_INT8_ACTIVATIONS = 4  # onnxruntime's name: accuracy_level


class Encoder:
    """One loaded encoder."""

    def __init__(self, source: e5file.E5File) -> None:
        self._shape = source.shape
        width = source.shape.width
        self._words = source.block_rows("emb.word", width)
        self._positions = source.matrix("emb.pos", width) + source.matrix("emb.type", width)[0]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to others
        self._session = onnxruntime.InferenceSession(_layers(source), options, providers=["CPUExecutionProvider"])

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
        lengths = np.array([len(text) for text in tokens])
        longest = int(lengths.max())
        ids = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, text in zip(ids, tokens, strict=True):
            row[: len(text)] = text
        present = np.arange(longest) < lengths[:, None]  # (texts, time)
        x = e5file.expand(self._words[ids]) + self._positions[:longest]
        (hidden,) = self._session.run(None, {"x": x, "present": present.astype(np.int32)})
        pooled: Floats = (hidden * present[..., None]).sum(axis=1) / lengths[:, None].astype(np.float32)
        return pooled


def _layers(source: e5file.E5File) -> bytes:
    """The graph from summed embeddings `x` (texts, time, width) to the last hidden states."""
    shape = source.shape
    made = graph.Graph("encoder")
    x = made.input("x", "float32", ("texts", "time", shape.width))
    made.input("present", "int32", ("texts", "time"))
    norm = [made.constant(name, source.tensor(name)) for name in ("emb.ln.w", "emb.ln.b")]
    x = made.node("LayerNormalization", [x, *norm], "x0", epsilon=shape.epsilon, axis=2)
    for number in range(shape.layers):
        x = _layer(made, source, f"l{number}.", x)
    made.output(x, "float32", ("texts", "time", shape.width))
    return made.to_bytes()


def _layer(made: graph.Graph, source: e5file.E5File, at: str, x: str) -> str:
    width, epsilon = source.shape.width, source.shape.epsilon

    def product(name: str, of: str, inputs: int) -> str:
        rows, scales = _packed(source.block_rows(f"{at}{name}.w", inputs))
        weights = [made.constant(f"{at}{name}.q", rows), made.constant(f"{at}{name}.s", scales)]
        return made.node(
            "MatMulNBits",
            [of, *weights],
            f"{at}{name}",
            graph.MICROSOFT,
            K=inputs,
            N=len(rows),
            bits=4,
            block_size=_BLOCK,
            accuracy_level=_INT8_ACTIVATIONS,
        )

    def add_and_normalise(name: str, new: str, old: str, bias: str) -> str:
        parts = [f"{at}{part}" for part in (f"{name}.w", f"{name}.b", bias)]
        given = [made.constant(part, source.tensor(part)) for part in parts]
        return made.node("SkipLayerNormalization", [new, old, *given], f"{at}{name}", graph.MICROSOFT, epsilon=epsilon)

    bias = made.constant(f"{at}qkv.b", np.concatenate([source.tensor(f"{at}{part}.b") for part in "qkv"]))
    attended = made.node(
        "MultiHeadAttention",
        [*(product(part, x, width) for part in "qkv"), bias, "present"],
        f"{at}attended",
        graph.MICROSOFT,
        num_heads=source.shape.heads,
    )
    x = add_and_normalise("aln", product("ao", attended, width), x, "ao.b")
    up_bias = made.constant(f"{at}fi.b", source.tensor(f"{at}fi.b"))
    up = made.node("BiasGelu", [product("fi", x, width), up_bias], f"{at}up", graph.MICROSOFT)
    return add_and_normalise("oln", product("fo", up, 4 * width), x, "fo.b")


def _packed(blocks: NDArray[np.void]) -> tuple[NDArray[np.uint8], Floats]:
    """Blocks as MatMulNBits wants them: weights 2i and 2i+1 in byte i, scales in rows."""
    nibbles = blocks["nibbles"]
    weights = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1)  # (rows, blocks, 32)
    pairs: NDArray[np.uint8] = weights[..., 0::2] | weights[..., 1::2] << 4
    return pairs, blocks["scale"].astype(np.float32).ravel()
