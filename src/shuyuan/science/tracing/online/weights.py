"""The numbers of a recurrent tracer as its step needs them, read from what `neural.recurrent` writes. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shuyuan.science.tracing.online.neighbours import Neighbours
from shuyuan.science.tracing.online.params import Params
from shuyuan.science.tracing.vocabulary import Vocabulary, texts, words

Vector = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[Any]]  # Any: numbers of several widths, as safetensors stores them
FORMAT_VERSION = 1
NET, KALMAN, AROUND = "net.", "kalman.", "around."


@dataclass(frozen=True)
class Net:
    """Float32. Q is the width of a question: vectors of item and points, features, what neighbours say."""

    params: Params
    neighbours: Neighbours
    items: Mapping[str, int]
    points: Mapping[str, int]
    item: Matrix  # (items + 1, item width), the last for unknown ones
    item_bias: Vector  # (items + 1,)
    point: Matrix  # (points + 1, point width)
    centre: Vector  # (numbers,)
    scale: Vector  # (numbers,)
    trust: float  # weight of the Kalman logit
    into: Matrix  # (H, Q + 2)
    into_bias: Vector
    gates: Matrix  # (3 H, H) of what comes in: reset, update, new
    gates_bias: Vector
    back: Matrix  # (3 H, H) of the state
    back_bias: Vector
    first: Matrix  # (H, Q + H)
    first_bias: Vector
    second: Vector  # (H,)
    second_bias: float

    @property
    def width(self) -> int:
        """Floats of a learner's vector."""
        return len(self.second)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Net":
        """Raises ValueError on another format, KeyError on a missing array."""
        params, around, vocabulary = read(arrays)
        flat = {name: np.asarray(arrays[NET + name], np.float32) for name in _FLAT.values()}
        return cls(
            params=params,
            neighbours=around,
            items={key: place for place, key in enumerate(vocabulary.item_ids)},
            points={key: place for place, key in enumerate(vocabulary.point_ids)},
            item_bias=np.asarray(arrays[NET + "easy.weight"], np.float32)[:, 0],
            second=np.asarray(arrays[NET + "second.weight"], np.float32)[0],
            trust=float(arrays[NET + "trust"][0]),
            second_bias=float(arrays[NET + "second.bias"][0]),
            **{name: flat[stored] for name, stored in _FLAT.items()},
        )


_FLAT = {  # ours -> as the net calls them
    "item": "item.weight",
    "point": "point.weight",
    "centre": "centre",
    "scale": "scale",
    "into": "into.weight",
    "into_bias": "into.bias",
    "gates": "state.weight_ih_l0",
    "gates_bias": "state.bias_ih_l0",
    "back": "state.weight_hh_l0",
    "back_bias": "state.bias_hh_l0",
    "first": "first.weight",
    "first_bias": "first.bias",
}


def write(params: Params, around: Neighbours, vocabulary: Vocabulary) -> dict[str, npt.NDArray[Any]]:
    """What a net stands on, beside its own weights."""
    return {
        "format": np.asarray([FORMAT_VERSION], np.int64),
        **vocabulary.to_arrays(),
        **{KALMAN + name: value for name, value in params.to_arrays().items()},
        AROUND + "item_ids": texts(tuple(around.places)),
        AROUND + "numbers": around.numbers,
    }


def read(arrays: Arrays) -> tuple[Params, Neighbours, Vocabulary]:
    """The reverse of `write`."""
    if (found := int(arrays["format"][0])) != FORMAT_VERSION:
        raise ValueError(f"recurrent tracer format {found} is not supported, this release reads {FORMAT_VERSION}")
    kalman = {name.removeprefix(KALMAN): value for name, value in arrays.items() if name.startswith(KALMAN)}
    around = Neighbours.over(words(arrays[AROUND + "item_ids"]), arrays[AROUND + "numbers"])
    return Params.from_arrays(kalman), around, Vocabulary.from_arrays(arrays)
