"""Train a detector on scenes composed of single pictures, and a classifier on the pictures themselves."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shuyuan.science import vision
from shuyuan.science.nets import modules, shapes

_BATCH = 32
_RATE = 2e-3
_BOX_WEIGHT, _CLASS_WEIGHT = 2.0, 1.0


def fit(
    digits: vision.Floats, labels: vision.Ints, *, seed: int = 0, steps: int = 600, side: int = 48
) -> modules.Detector:
    """A detector of digits in scenes of `side` pixels; the same seed gives the same weights on one machine.

    digits: (n, 8, 8) in [0, 1].  labels: (n,) 0 to 9.  steps: batches of 32 fresh scenes; 600 take about half a
    minute of one core.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    shape = shapes.Detector(side=side, classes=int(labels.max()) + 1)
    detector = modules.Detector(shape)
    optimiser = torch.optim.Adam(detector.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    for _ in range(steps):
        scenes = [vision.compose(digits, labels, rng, side=side) for _ in range(_BATCH)]
        x = torch.from_numpy(np.stack([scene for scene, _ in scenes]))
        loss = _loss(detector.cells(x), [truth for _, truth in scenes], shape)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimiser.step()
        schedule.step()
    return detector.eval()


def fit_classifier(digits: vision.Floats, labels: vision.Ints, *, seed: int = 0, epochs: int = 30) -> modules.Convnet:
    """A classifier of single pictures. digits: (n, side, side) in [0, 1].  labels: (n,)."""
    torch.manual_seed(seed)
    net = modules.Convnet(shapes.Convnet(side=digits.shape[1], classes=int(labels.max()) + 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=_RATE)
    x, y = torch.from_numpy(digits[:, None].astype(np.float32)), torch.from_numpy(labels)
    for _ in range(epochs):
        for part in torch.split(torch.randperm(len(x)), _BATCH):
            loss = functional.cross_entropy(net(x[part])[0], y[part])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimiser.step()
    return net.eval()


def _loss(raw: Tensor, truths: list[vision.Boxes], shape: shapes.Detector) -> Tensor:
    """Objectness everywhere; place, size and class only in the cells that hold a middle."""
    there = torch.zeros(raw.shape[:2])
    pictures, cells, places, sizes, classes = [], [], [], [], []
    for number, truth in enumerate(truths):
        middles = (truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2 / shape.stride  # (n, 2) in cells
        corner = np.floor(middles).astype(np.int64)
        at = corner[:, 1] * shape.cells + corner[:, 0]
        there[number, at] = 1
        pictures += [number] * len(at)
        cells += at.tolist()
        places.append(middles - corner)
        sizes.append(np.log((truth.boxes[:, 2:] - truth.boxes[:, :2]) / shape.typical_px))
        classes.append(truth.classes)
    held = raw[pictures, cells]  # (things, 5 + classes)
    place = functional.mse_loss(held[:, 1:3].sigmoid(), torch.from_numpy(np.concatenate(places)).float())
    size = functional.mse_loss(held[:, 3:5], torch.from_numpy(np.concatenate(sizes)).float())
    kind = functional.cross_entropy(held[:, 5:], torch.from_numpy(np.concatenate(classes)))
    objectness = functional.binary_cross_entropy_with_logits(raw[..., 0], there, pos_weight=torch.tensor(4.0))
    total: Tensor = objectness + _BOX_WEIGHT * (place + size) + _CLASS_WEIGHT * kind
    return total
