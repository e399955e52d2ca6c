"""What a version's `spec` says of pictures: how pixels become its input, and its outputs labels or boxes. Pure.

    {"labels": ["0", …], "image": {"size": [h, w], "channels": 1 | 3, "layout": "nchw" | "nhwc", "scale": 1/255,
     "mean": [...], "std": [...], "resize": "stretch" | "pad", "input": name},
     "output": name, "activation": "softmax" | "sigmoid" | "none",
     "detector": {"boxes": name, "scores": name, "classes": name, …} or {"grid": name, …}}

A value is (byte * scale - mean) / std. Without `classes`, `scores` has a column per label. Boxes are x1, y1, x2, y2
in pixels of the input (`units`: "relative" for shares of it).  `grid`: one output (cells down, cells across, 5 +
labels), of each cell: objectness, x and y inside the cell, width and height as shares of the input, all after
their sigmoid, then a score per label.  threshold, overlap: the least score, and the most two boxes of one label
may share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import errors

Spec = Mapping[str, Any]  # Any: JSON
Floats = NDArray[np.float32]
MAX_SIDE, MAX_FOUND = 2048, 300


class BadSpec(errors.Conflict):
    """The version does not say what is needed, or its outputs are not what it says."""

    code = "bad_spec"


@dataclass(frozen=True)
class Input:
    """How a picture becomes a tensor."""

    height: int
    width: int
    channels: int
    layout: Literal["nchw", "nhwc"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pad: bool
    name: str

    def tensor(self, pixels: bytes) -> Floats:
        """(1, channels, height, width) or (1, height, width, channels)."""
        rows = np.frombuffer(pixels, dtype=np.uint8).reshape(self.height, self.width, self.channels)
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values = (rows.astype(np.float32) * np.float32(self.scale) - mean) / std
        if self.layout == "nchw":
            values = values.transpose(2, 0, 1)
        return np.ascontiguousarray(values[None], dtype=np.float32)


@dataclass(frozen=True)
class Found:
    """A label with its score in [0, 1]; box: x1, y1, x2, y2 as shares of the input."""

    label: str
    score: float
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


def names(spec: Spec) -> Sequence[str]:
    """The labels. Raises BadSpec."""
    told = spec.get("labels")
    if not isinstance(told, list) or not told:
        raise _missing("labels", "a list of words")
    return [str(label) for label in told]


def read_input(spec: Spec) -> Input:
    """The input that `image` describes. Raises BadSpec."""
    image = spec.get("image")
    if not isinstance(image, Mapping) or not isinstance(image.get("size"), list) or len(image["size"]) != 2:
        raise _missing("image", '{"size": [height, width], …}')
    height, width = (int(side) for side in image["size"])
    channels, layout = int(image.get("channels", 3)), image.get("layout", "nchw")
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE and channels in (1, 3) and layout in ("nchw", "nhwc")):
        raise _missing("image", f"sides of 1 to {MAX_SIDE}, 1 or 3 channels and layout nchw or nhwc")
    mean, std = (_per_channel(image.get(key, neutral), channels) for key, neutral in (("mean", 0.0), ("std", 1.0)))
    pad, name = image.get("resize") == "pad", str(image.get("input", "image"))
    return Input(height, width, channels, layout, float(image.get("scale", 1 / 255)), mean, std, pad, name)


def classes(spec: Spec, outputs: Mapping[str, NDArray[np.generic]], top: int) -> list[Found]:
    """The likeliest labels, best first. Raises BadSpec."""
    labels = names(spec)
    raw = _output(outputs, spec.get("output")).astype(np.float32).reshape(-1)
    if len(raw) != len(labels):
        raise BadSpec(f"{len(raw)} scores for {len(labels)} labels", fix="register the version with its own labels")
    scores = {"softmax": _softmax, "sigmoid": _sigmoid}.get(str(spec.get("activation", "softmax")), lambda x: x)(raw)
    best = np.argsort(-scores, kind="stable")[:top]
    return [Found(labels[n], float(scores[n])) for n in best]


def detections(spec: Spec, outputs: Mapping[str, NDArray[np.generic]], threshold: float | None) -> list[Found]:
    """Boxes with labels, best first, overlapping ones of a label once. Raises BadSpec."""
    labels, image, detector = names(spec), read_input(spec), spec.get("detector")
    if not isinstance(detector, Mapping):
        raise _missing("detector", '{"boxes": …, "scores": …} or {"grid": …}')
    read = _grid if "grid" in detector else _listed
    boxes, scores, kinds = read(detector, outputs, image, len(labels))
    least = float(detector.get("threshold", 0.5)) if threshold is None else threshold
    kept = np.flatnonzero(scores >= least)
    kept = kept[np.argsort(-scores[kept], kind="stable")][: 4 * MAX_FOUND]
    chosen = _without_overlaps(boxes, kinds, kept, float(detector.get("overlap", 0.45)))
    return [Found(labels[kinds[n]], float(scores[n]), _box(boxes[n])) for n in chosen[:MAX_FOUND]]


def _listed(
    detector: Spec, outputs: Mapping[str, NDArray[np.generic]], image: Input, labels: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    boxes = _output(outputs, detector.get("boxes")).astype(np.float32).reshape(-1, 4)
    scores = _output(outputs, detector.get("scores")).astype(np.float32)
    if "classes" in detector:
        scores, kinds = scores.reshape(-1), _output(outputs, detector["classes"]).astype(np.int64).reshape(-1)
    else:
        table = scores.reshape(-1, labels)
        scores, kinds = table.max(axis=1), table.argmax(axis=1)
    if not len(boxes) == len(scores) == len(kinds) or (len(kinds) and not 0 <= kinds.min() <= kinds.max() < labels):
        raise BadSpec(
            f"{len(boxes)} boxes, {len(scores)} scores, {len(kinds)} classes for {labels} labels",
            fix="name the outputs that belong together",
        )
    if detector.get("units", "pixel") == "pixel":
        sides: Floats = np.asarray([image.width, image.height] * 2, np.float32)
        boxes = np.divide(boxes, sides, dtype=np.float32)
    return boxes, scores, kinds


def _grid(
    detector: Spec, outputs: Mapping[str, NDArray[np.generic]], image: Input, labels: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    cells = _output(outputs, detector["grid"]).astype(np.float32)
    cells = cells.reshape(cells.shape[-3:]) if cells.ndim >= 3 else cells
    if cells.ndim != 3 or cells.shape[2] != 5 + labels:
        raise BadSpec(f"a grid of shape {list(cells.shape)} for {labels} labels", fix="give (down, across, 5 + labels)")
    down, across, _ = cells.shape
    rows, columns = np.indices((down, across), dtype=np.float32)
    x, y = (columns + cells[..., 1]) / across, (rows + cells[..., 2]) / down
    half_w, half_h = cells[..., 3] / 2, cells[..., 4] / 2
    boxes = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=-1).reshape(-1, 4)
    best = cells[..., 5:].max(axis=-1)
    return boxes, (cells[..., 0] * best).reshape(-1), cells[..., 5:].argmax(axis=-1).reshape(-1)


def _without_overlaps(boxes: Floats, kinds: NDArray[np.int64], order: NDArray[np.int64], most: float) -> list[int]:
    chosen: list[int] = []
    for n in order:
        same = [m for m in chosen if kinds[m] == kinds[n]]
        if all(_shared(boxes[n], boxes[m]) <= most for m in same):
            chosen.append(int(n))
    return chosen


def _shared(a: Floats, b: Floats) -> float:
    """Intersection over union."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, float(wide)) * max(0.0, float(high))
    either = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - both
    return both / either if either > 0 else 0.0


def _box(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(min(1.0, max(0.0, side))) for side in box)
    return x1, y1, x2, y2


def _output(outputs: Mapping[str, NDArray[np.generic]], name: object) -> NDArray[np.generic]:
    if name is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if not isinstance(name, str) or name not in outputs:
        raise BadSpec(f"the graph has no output {name!r}; it has {', '.join(sorted(outputs))}", fix="name one of them")
    return outputs[name]


def _per_channel(value: object, channels: int) -> tuple[float, ...]:
    told = value if isinstance(value, list) else [value] * channels
    if len(told) != channels or not all(isinstance(number, int | float) for number in told):
        raise _missing("image", f"mean and std of {channels} numbers")
    return tuple(float(str(number)) for number in told)


def _softmax(values: Floats) -> Floats:
    powers = np.exp(values - values.max())
    shares: Floats = powers / powers.sum()
    return shares


def _sigmoid(values: Floats) -> Floats:
    shares: Floats = np.float32(1) / (np.float32(1) + np.exp(-values))
    return shares


def _missing(field: str, wanted: str) -> BadSpec:
    return BadSpec(f"the version's spec does not say {field}: {wanted}", fix=f"register it again with spec.{field}")
