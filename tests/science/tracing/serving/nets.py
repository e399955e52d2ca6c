"""A small net with weights drawn at random, as a training would have written it; torch is not needed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shuyuan.science.tracing import online
from shuyuan.science.tracing.online import neighbours, recurrent, weights
from shuyuan.science.tracing.vocabulary import Vocabulary

WIDTH, ITEM, POINT = 8, 3, 4


def arrays(
    item_ids: Sequence[str],
    point_ids: Sequence[str],
    *,
    seed: int = 1,
    size: float = 0.3,
    params: online.Params | None = None,
    easier: Mapping[str, float] | None = None,
) -> dict[str, npt.NDArray[Any]]:  # Any: numbers of several widths
    """size: of the weights; 0 leaves the Kalman step as it is.  params: of that step, without: drawn at random.
    easier: logits that the net adds for an item."""
    rng = np.random.default_rng(seed)
    order = neighbours.ordered(list(item_ids))
    around = neighbours.Neighbours.over([item_ids[at] for at in order], np.zeros((len(item_ids), neighbours.COLUMNS)))
    params = params or online.Params(items={key: float(rng.normal()) for key in item_ids})
    numbers = len(recurrent.FEATURES) + neighbours.COLUMNS
    question = ITEM + POINT + numbers
    shapes = {
        "item.weight": (len(item_ids) + 1, ITEM),
        "easy.weight": (len(item_ids) + 1, 1),
        "point.weight": (len(point_ids) + 1, POINT),
        "into.weight": (WIDTH, question + 2),
        "into.bias": (WIDTH,),
        "state.weight_ih_l0": (3 * WIDTH, WIDTH),
        "state.bias_ih_l0": (3 * WIDTH,),
        "state.weight_hh_l0": (3 * WIDTH, WIDTH),
        "state.bias_hh_l0": (3 * WIDTH,),
        "first.weight": (WIDTH, question + WIDTH),
        "first.bias": (WIDTH,),
        "second.weight": (1, WIDTH),
        "second.bias": (1,),
    }
    drawn = {name: np.asarray(size * rng.normal(size=shape), np.float32) for name, shape in shapes.items()}
    drawn |= {"centre": np.zeros(numbers, np.float32), "scale": np.ones(numbers, np.float32)}
    drawn["trust"] = np.ones(1, np.float32)
    for place, key in enumerate(item_ids):
        drawn["easy.weight"][place] += (easier or {}).get(key, 0.0)
    base = weights.write(params, around, Vocabulary(tuple(item_ids), tuple(point_ids)))
    return base | {weights.NET + name: value for name, value in drawn.items()}
