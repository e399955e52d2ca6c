"""Boxes and scenes: how much two boxes share, which of many to keep, how good a detector is. NumPy only.

A box is x1, y1, x2, y2 in pixels, right and bottom excluded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Things on one picture: boxes (n, 4), classes (n,), scores (n,); a truth has scores of one."""

    boxes: Floats
    classes: Ints
    scores: Floats


def overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of a with every box of b: (len(a), len(b))."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(x[:, 2:] - x[:, :2], 0, None).prod(axis=-1) for x in (a, b)]
    either = areas[0][:, None] + areas[1][None] - both
    shared: Floats = np.where(either > 0, both / np.maximum(either, 1e-9), 0).astype(np.float32)
    return shared


def select(boxes: Floats, scores: Floats, *, least_score: float = 0.05, most_overlap: float = 0.45) -> Boxes:
    """The best box of each thing (non-maximum suppression within a class), best first.

    boxes: (cells, 4).  scores: (cells, classes) in [0, 1].
    """
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    left = [int(n) for n in np.argsort(-best, kind="stable") if best[n] >= least_score]
    kept: list[int] = []
    while left:
        first, *rest = left
        kept.append(first)
        shared = overlap(boxes[[first]], boxes[rest])[0] if rest else []
        left = [n for n, s in zip(rest, shared, strict=True) if s <= most_overlap or classes[n] != classes[first]]
    return Boxes(boxes[kept], classes[kept], best[kept])


def mean_average_precision(found: Sequence[Boxes], truth: Sequence[Boxes], *, least_overlap: float = 0.5) -> float:
    """The mean over classes of the area under precision against recall, every point used.
    Source: Everingham et al. (2010), with all-point interpolation."""
    kinds = np.unique(np.concatenate([picture.classes for picture in truth]))
    return float(np.mean([_average_precision(found, truth, int(kind), least_overlap) for kind in kinds]))


def _average_precision(found: Sequence[Boxes], truth: Sequence[Boxes], kind: int, least_overlap: float) -> float:
    hits: list[tuple[float, bool]] = []
    for said, true in zip(found, truth, strict=True):
        mine, real = said.classes == kind, true.boxes[true.classes == kind]
        shared = overlap(said.boxes[mine], real)
        taken: set[int] = set()
        scores = said.scores[mine]
        for n in np.argsort(-scores, kind="stable"):
            match = int(shared[n].argmax()) if len(real) else -1
            hit = match >= 0 and shared[n, match] >= least_overlap and match not in taken
            taken |= {match} if hit else set()
            hits.append((float(scores[n]), hit))
    hits.sort(key=lambda pair: -pair[0])
    right = np.cumsum([hit for _, hit in hits])
    precision = np.maximum.accumulate((right / np.arange(1, len(hits) + 1))[::-1])[::-1] if hits else np.zeros(0)
    recall = right / sum(int((true.classes == kind).sum()) for true in truth)
    return float(np.sum(np.diff(recall, prepend=0) * precision)) if hits else 0.0


def compose(
    digits: Floats, labels: Ints, rng: np.random.Generator, *, side: int = 48, most: int = 4
) -> tuple[Floats, Boxes]:
    """A scene (1, side, side) in [0, 1]: up to `most` digits, grown 1.5 to 2.5 times, that do not touch, on noise.

    digits: (n, 8, 8) in [0, 1].
    """
    scene = rng.uniform(0, 0.15, (side, side)).astype(np.float32)
    placed: list[tuple[int, int, int, int]] = []
    classes: list[int] = []
    for _ in range(int(rng.integers(1, most + 1))):
        one = int(rng.integers(len(digits)))
        size = int(rng.integers(12, 21))
        x, y = (int(n) for n in rng.integers(0, side - size + 1, 2))
        box = (x, y, x + size, y + size)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in placed):
            continue
        scene[y : y + size, x : x + size] = np.maximum(scene[y : y + size, x : x + size], _grow(digits[one], size))
        placed.append(box)
        classes.append(int(labels[one]))
    truth = Boxes(np.array(placed, np.float32), np.array(classes, np.int64), np.ones(len(placed), np.float32))
    return scene[None], truth


def _grow(digit: Floats, size: int) -> Floats:
    """Bilinear enlargement to size x size."""
    at = np.clip((np.arange(size) + 0.5) * len(digit) / size - 0.5, 0, len(digit) - 1)
    low = np.minimum(at.astype(int), len(digit) - 2)
    share = (at - low).astype(np.float32)
    rows = digit[low] * (1 - share)[:, None] + digit[low + 1] * share[:, None]
    grown: Floats = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    return grown
