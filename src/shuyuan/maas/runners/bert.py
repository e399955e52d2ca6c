"""A BERT sentence encoder from a folder: model.safetensors, tokenizer.json and, if there, config.json.

The graph is built here, in float32 with onnxruntime's fused operators, so that no exporter is needed. On
this kind of CPU nine tenths of a pass are matrix products: the variants of attention measured the same.
Source: Devlin et al. (2019); mean pooling as in Reimers & Gurevych (2019).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import tokenizers
from numpy.typing import NDArray

from shuyuan.maas.runners import graph, interface, session

Floats = NDArray[np.float32]
Weights = Callable[[str], Floats]

_TOKENIZER, _CONFIG, _SENTENCES = "tokenizer.json", "config.json", "sentence_bert_config.json"
_WINDOW_TOKENS = 256  # what sentence encoders of this family were trained with
_INT32, _FLOAT32 = 6, 1  # element types of the format


@dataclass(frozen=True, slots=True)
class Shape:
    """Hyper-parameters that the weights alone do not tell."""

    layers: int
    heads: int
    epsilon: float


class BertEncoder:
    """One loaded encoder. Raises BadModelFile when the folder does not hold one."""

    prefixes = False  # read as they are: this family was trained without

    def __init__(self, path: Path, threads: int) -> None:
        try:
            self._tokenizer = _tokenizer(path)
            self._session = session.open_graph(build_graph(path), threads)
        except Exception as wrong:  # the three libraries raise classes of their own, some of them bare
            raise interface.BadModelFile(f"{path.name}: {wrong}", fix="pull the model again") from wrong
        self.width = int(self._session.get_outputs()[0].shape[1])
        self.window_tokens = int(_json(path, _SENTENCES).get("max_seq_length", _WINDOW_TOKENS))
        first, *_, last = self._tokenizer.encode("a").ids
        self.marks = (first, last)

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """Piece ids of each text, without end marks."""
        return [found.ids for found in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    def vectors(self, tokens: list[list[int]]) -> Floats:
        """One vector a token list, end marks included: (texts, width)."""
        ids, present = padded(tokens)
        found: list[Floats] = self._session.run(None, {"input_ids": ids, "attention_mask": present})
        return found[0]


def padded(tokens: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids filled up with zeros, and 1 where there is a token: both (texts, time)."""
    longest = max(map(len, tokens))
    ids = np.zeros((len(tokens), longest), dtype=np.int64)
    present = np.zeros((len(tokens), longest), dtype=np.int64)
    for row, mask, text in zip(ids, present, tokens, strict=True):
        row[: len(text)] = text
        mask[: len(text)] = 1
    return ids, present


def build_graph(path: Path) -> bytes:
    """The ONNX file of a folder's encoder, usable by anyone who runs ONNX with com.microsoft operators.

    Inputs `input_ids`, `attention_mask`: int64 (texts, time), filled up on the right. Output `embeddings`:
    float32 (texts, width), unit rows.
    """
    with safetensors.safe_open(path, "numpy") as opened:
        names = set(opened.keys())
        prefix = "bert." if "bert.embeddings.LayerNorm.weight" in names else ""

        def weights(name: str) -> Floats:
            found: Floats = opened.get_tensor(prefix + name).astype(np.float32, copy=False)
            return found

        return _encoder(weights, _shape(path, names, weights)).to_bytes()


def _shape(path: Path, names: set[str], weights: Weights) -> Shape:
    told = _json(path, _CONFIG)
    width = len(weights("embeddings.LayerNorm.weight"))
    layers = sum(name.endswith("attention.self.query.weight") for name in names)
    head = 32 if width < 512 else 64  # the family's rule where no config says otherwise
    return Shape(layers, int(told.get("num_attention_heads", width // head)), float(told.get("layer_norm_eps", 1e-12)))


def _json(path: Path, name: str) -> dict[str, int | float]:
    beside = path.with_name(name)
    found: dict[str, int | float] = json.loads(beside.read_text("utf-8")) if beside.is_file() else {}
    return found


def _tokenizer(path: Path) -> tokenizers.Tokenizer:
    found = tokenizers.Tokenizer.from_file(str(path.with_name(_TOKENIZER)))
    found.no_padding()
    found.no_truncation()
    return found


def _encoder(weights: Weights, shape: Shape) -> graph.Graph:
    made = graph.Graph("sentence encoder")
    ids = made.input("input_ids", "int64", ("texts", "time"))
    mask = made.input("attention_mask", "int64", ("texts", "time"))
    time_axis = made.constant("time_axis", np.array([1]))
    lengths = made.node("ReduceSum", [made.node("Cast", [mask], "mask_int", to=_INT32), time_axis], "n", keepdims=0)
    x = _embedded(made, ids, weights, shape.epsilon)
    for number in range(shape.layers):
        x = _layer(made, weights, f"encoder.layer.{number}.", x, lengths, shape)
    present = made.node("Unsqueeze", [made.node("Cast", [mask], "mask_float", to=_FLOAT32), time_axis], "present")
    sums = made.node("Squeeze", [made.node("MatMul", [present, x], "summed"), time_axis], "sums")
    made.output(
        made.node("LpNormalization", [sums], "embeddings", axis=1, p=2),  # unit rows: the mean's length cancels
        "float32",
        ("texts", len(weights("embeddings.LayerNorm.weight"))),
    )
    return made


def _embedded(made: graph.Graph, ids: str, weights: Weights, epsilon: float) -> str:
    positions = weights("embeddings.position_embeddings.weight") + weights("embeddings.token_type_embeddings.weight")[0]
    words = made.node("Gather", [made.constant("words", weights("embeddings.word_embeddings.weight")), ids], "read")
    ends = [made.constant(f"at{n}", np.array([n])) for n in (0, 1, 2)]
    time = made.node("Slice", [made.node("Shape", [ids], "size"), ends[1], ends[2]], "longest")
    places = made.node("Slice", [made.constant("positions", positions), ends[0], time, ends[0]], "places")
    norm = [made.constant(f"norm.{part}", weights(f"embeddings.LayerNorm.{part}")) for part in ("weight", "bias")]
    placed = made.node("Add", [words, places], "placed")
    return made.node("LayerNormalization", [placed, *norm], "x", epsilon=epsilon, axis=2)


def _layer(made: graph.Graph, weights: Weights, at: str, x: str, lengths: str, shape: Shape) -> str:
    def add_and_normalise(new: str, old: str, product: str, norm: str) -> str:
        names = [f"{norm}.weight", f"{norm}.bias", f"{product}.bias"]
        given = [made.constant(at + name, weights(at + name)) for name in names]
        inputs = [new, old, *given]
        return made.node("SkipLayerNormalization", inputs, f"{at}{norm}", graph.MICROSOFT, epsilon=shape.epsilon)

    def product(name: str, of: str) -> str:
        weight = made.constant(f"{at}{name}.weight", weights(f"{at}{name}.weight").T)
        return made.node("MatMul", [of, weight], at + name)

    parts = [f"{at}attention.self.{part}" for part in ("query", "key", "value")]
    qkv = made.constant(f"{at}qkv", np.concatenate([weights(f"{part}.weight").T for part in parts], axis=1))
    bias = made.constant(f"{at}qkv.bias", np.concatenate([weights(f"{part}.bias") for part in parts]))
    attended = made.node("Attention", [x, qkv, bias, lengths], f"{at}attended", graph.MICROSOFT, num_heads=shape.heads)
    out = product("attention.output.dense", attended)
    x = add_and_normalise(out, x, "attention.output.dense", "attention.output.LayerNorm")
    up_bias = made.constant(f"{at}up.bias", weights(f"{at}intermediate.dense.bias"))
    up = made.node("BiasGelu", [product("intermediate.dense", x), up_bias], f"{at}up", graph.MICROSOFT)
    return add_and_normalise(product("output.dense", up), x, "output.dense", "output.LayerNorm")
