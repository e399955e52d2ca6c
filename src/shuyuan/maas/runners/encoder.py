"""A BERT sentence encoder: tokens in, one mean hidden state per text out.

The 4-bit weights stay 4-bit: the layers become an ONNX graph whose matrix products read them directly,
and only the rows of the word table that a text needs are expanded.
Source: Devlin et al. (2019); pooling as in Wang et al. (2024), multilingual E5.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import bert, e5file, graph, session, unigram

Floats = NDArray[np.float32]
_BLOCK = 32
_INT8_ACTIVATIONS = 4  # onnxruntime's name: accuracy_level


class E5Encoder:
    """One loaded encoder."""

    prefixes = True  # it was trained with "query: " and "passage: "

    def __init__(self, path: Path, threads: int) -> None:
        source = e5file.E5File(path)
        self.width, self.window_tokens = source.shape.width, source.shape.positions
        self.marks = (source.vocabulary.bos, source.vocabulary.eos)
        self._tokenizer = unigram.Unigram(source.vocabulary)
        self._words = source.block_rows("emb.word", self.width)
        self._positions = source.matrix("emb.pos", self.width) + source.matrix("emb.type", self.width)[0]
        self._session = session.open_graph(_layers(source), threads)

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """Piece ids of each text, without end marks."""
        return self._tokenizer.encode(texts)

    def vectors(self, tokens: list[list[int]]) -> Floats:
        """The mean last hidden state of each token list, not normalised: (texts, width)."""
        ids, mask = bert.padded(tokens)
        x = e5file.expand(self._words[ids]) + self._positions[: ids.shape[1]]
        (hidden,) = self._session.run(None, {"x": x, "present": mask.astype(np.int32)})
        present = mask.astype(np.float32)  # (texts, time)
        pooled: Floats = (present[:, None, :] @ hidden)[:, 0] / present.sum(axis=1, keepdims=True)
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
