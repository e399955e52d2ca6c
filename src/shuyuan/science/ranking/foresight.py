"""Foresight, our own: a small net that reads a history in order and says what comes later. NumPy, seeded.

It sees three views of what was taken: the newest item, everything fading with age, and everything at once; and is
trained on every prefix of every history to foretell ALL that followed (each an equal share), among what was not yet
taken. Several nets of different seeds are averaged. Optional `traits` (items, T), say discipline and length, give a
fourth view: the mean traits of what was taken.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shuyuan.science.ranking import linear
from shuyuan.science.ranking.histories import Floats, Histories

NAME = "foresight"
Small = npt.NDArray[np.float32]
Weights = dict[str, Small]
TAKEN, BETA1, BETA2, TINY = np.float32(-1e9), 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Foresight:
    """The nets, and how a history is shown to them."""

    nets: tuple[Weights, ...]
    popularity: Floats
    fade: float
    views: tuple[str, ...]
    traits: Small | None = None

    def scores(self, histories: Histories) -> Floats:
        """(learners, items): mean log chance of being taken later."""
        if histories.items != len(self.popularity):
            raise ValueError(f"fitted on {len(self.popularity)} items, asked about {histories.items}")
        x, taken = see(histories, self.fade, self.views, self.traits), histories.taken()
        means = np.mean([_log_chances(_forward(net, x)[1], taken) for net in self.nets], axis=0, dtype=np.float64)
        fallback = np.log(self.popularity + 1e-6)[None, :]
        return np.asarray(np.where((histories.sizes > 0)[:, None], means, fallback), dtype=np.float64)

    def to_arrays(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """For safetensors."""
        arrays = {f"{n}.{key}": value for n, net in enumerate(self.nets) for key, value in net.items()}
        return arrays | {"popularity": self.popularity}


def fit(
    histories: Histories,
    *,
    hidden: int = 128,
    drop: float = 0.3,
    rate: float = 0.002,
    shrink: float = 0.01,
    epochs: int = 14,
    fade: float = 0.7,
    nets: int = 3,
    seed: int = 0,
    views: tuple[str, ...] = ("newest", "fading", "all"),
    traits: npt.ArrayLike | None = None,
) -> Foresight:
    """hidden: units. drop: share of inputs and units left out while training. rate, shrink: step and decay of AdamW."""
    of_items = None if traits is None else np.asarray(traits, dtype=np.float32)
    before, after = histories.prefixes()
    x, taken = see(before, fade, views, of_items), before.taken()
    wanted = (after.weighted() / np.maximum(after.sizes, 1)[:, None]).astype(np.float32)
    trained = [_train(x, taken, wanted, hidden, drop, rate, shrink, epochs, seed + n) for n in range(nets)]
    return Foresight(tuple(trained), linear.popularity(histories), fade, views, of_items)


def see(histories: Histories, fade: float, views: tuple[str, ...], traits: Small | None) -> Small:
    """(learners, inputs): the views side by side."""
    everything = histories.weighted() / np.sqrt(np.maximum(histories.sizes, 1))[:, None]
    found = {
        "newest": lambda: histories.weighted(0.0),
        "fading": lambda: histories.weighted(fade),
        "all": lambda: everything,
    }
    parts = [found[view]() for view in views]
    if traits is not None:
        parts.append(histories.weighted() @ traits / np.maximum(histories.sizes, 1)[:, None])
    return np.asarray(np.concatenate(parts, axis=1), dtype=np.float32)


def _train(
    x: Small,
    taken: npt.NDArray[np.bool_],
    wanted: Small,
    hidden: int,
    drop: float,
    rate: float,
    shrink: float,
    epochs: int,
    seed: int,
) -> Weights:
    rng = np.random.default_rng(seed)
    net = _fresh(rng, x.shape[1], hidden, wanted.shape[1])
    first = {key: np.zeros_like(value) for key, value in net.items()}
    second = {key: np.zeros_like(value) for key, value in net.items()}
    steps = epochs * max(1, -(-len(x) // 256))
    for step, rows in enumerate(_batches(rng, len(x), epochs), start=1):
        slope = _slopes(rng, net, x[rows], taken[rows], wanted[rows], drop)
        now = rate * (1 - step / (steps + 1))
        for key, value in net.items():
            first[key] += (1 - BETA1) * (slope[key] - first[key])
            second[key] += (1 - BETA2) * (slope[key] ** 2 - second[key])
            move = first[key] / (1 - BETA1**step) / (np.sqrt(second[key] / (1 - BETA2**step)) + TINY)
            value -= now * (move + (shrink * value if value.ndim > 1 else 0)).astype(np.float32)
    return net


def _fresh(rng: np.random.Generator, inputs: int, hidden: int, items: int) -> Weights:
    def draw(rows: int, columns: int) -> Small:
        return np.asarray(rng.uniform(-1, 1, (rows, columns)) / np.sqrt(rows), dtype=np.float32)

    return {
        "in": draw(inputs, hidden),
        "in_bias": np.zeros(hidden, np.float32),
        "out": draw(hidden, items),
        "out_bias": np.zeros(items, np.float32),
    }


def _batches(rng: np.random.Generator, rows: int, epochs: int, size: int = 256) -> Iterator[npt.NDArray[np.int64]]:
    for _ in range(epochs):
        order = rng.permutation(rows)
        for start in range(0, rows, size):
            yield order[start : start + size]


def _forward(net: Weights, x: Small) -> tuple[Small, Small]:
    units = np.asarray(np.maximum(x @ net["in"] + net["in_bias"], 0), dtype=np.float32)
    return units, np.asarray(units @ net["out"] + net["out_bias"], dtype=np.float32)


def _log_chances(z: Small, taken: npt.NDArray[np.bool_]) -> Small:
    """Log of a softmax over what is not taken; taken items get the smallest, finite."""
    z = np.where(taken, TAKEN, z)
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), dtype=np.float32)


def _slopes(
    rng: np.random.Generator, net: Weights, x: Small, taken: npt.NDArray[np.bool_], wanted: Small, drop: float
) -> Weights:
    """Of the mean cross-entropy of one batch, by hand."""
    keep = np.float32(1 / (1 - drop))
    x = np.asarray(x * (rng.random(x.shape, dtype=np.float32) >= drop) * keep, dtype=np.float32)
    units, _ = _forward(net, x)
    mask = (rng.random(units.shape, dtype=np.float32) >= drop) * keep
    dropped = units * mask
    z = np.asarray(dropped @ net["out"] + net["out_bias"], dtype=np.float32)
    off = (np.exp(_log_chances(z, taken)) - wanted) / np.float32(len(x))  # (batch, items)
    back = (off @ net["out"].T) * mask * (units > 0)
    return {"in": x.T @ back, "in_bias": back.sum(0), "out": dropped.T @ off, "out_bias": off.sum(0)}
