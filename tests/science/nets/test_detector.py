"""A detector trained here for half a minute finds digits of unseen writers, from its ONNX file as well."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="these tests need torch (make train)")

import torch

from shuyuan.maas.gateway.media import labels as spec_reader
from shuyuan.maas.runners import interface, netgraph, onnx
from shuyuan.science import vision
from shuyuan.science.nets import detector, modules

pytestmark = pytest.mark.timeout(600)
_SEEN = 1_000  # the rest was written by others
Digits = tuple[vision.Floats, vision.Ints]


@pytest.fixture(scope="module")
def digits(shuyuan_data: Path) -> Digits:
    rows = np.loadtxt(shuyuan_data / "img_optdigits" / "digits.csv.gz", delimiter=",", skiprows=1)
    return (rows[:, :64].reshape(-1, 8, 8) / 16).astype(np.float32), rows[:, 64].astype(np.int64)


@pytest.fixture(autouse=True, scope="module")
def _one_core() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def answers(net: modules.Module, folder: Path, pictures: vision.Floats) -> dict[str, vision.Floats]:
    """What the exported file answers."""
    path = folder / "net.onnx"
    path.write_bytes(netgraph.to_onnx(modules.to_safetensors(net)))
    runner = onnx.OnnxRunner()
    runner.load(path, context_tokens=0)
    feeds = {"inputs": {"image": interface.pack_tensor(pictures)}}
    (chunk,) = runner.submit("predict", feeds, threading.Event())
    runner.close()
    return {name: interface.unpack_tensor(tensor).astype(np.float32) for name, tensor in chunk.tensors.items()}


def test_the_detector_finds_digits_of_unseen_writers(digits: Digits, tmp_path: Path) -> None:
    pictures, classes = digits
    net = detector.fit(pictures[:_SEEN], classes[:_SEEN], seed=0, steps=600)
    rng = np.random.default_rng(9)
    scenes = [vision.compose(pictures[_SEEN:], classes[_SEEN:], rng) for _ in range(300)]
    found = answers(net, tmp_path, np.stack([scene for scene, _ in scenes]))
    boxes = [vision.select(*both) for both in zip(found["boxes"], found["scores"], strict=True)]
    assert vision.mean_average_precision(boxes, [truth for _, truth in scenes]) >= 0.8  # measured 0.876
    spec = netgraph.spec(net.shape, [str(digit) for digit in range(10)])
    agreed = 0
    for number, (_, truth) in enumerate(scenes[:50]):
        told = spec_reader.detections(spec, {name: array[[number]] for name, array in found.items()}, 0.3)
        agreed += sorted(thing.label for thing in told) == sorted(str(kind) for kind in truth.classes)
    assert agreed >= 20  # whole scenes without one mistake, through the gateway's own reader


def test_the_classifier_reads_digits_of_unseen_writers(digits: Digits, tmp_path: Path) -> None:
    pictures, classes = digits
    net = detector.fit_classifier(pictures[:_SEEN], classes[:_SEEN], seed=0, epochs=20)
    logits = answers(net, tmp_path, pictures[_SEEN:, None])["logits"]
    assert (logits.argmax(axis=1) == classes[_SEEN:]).mean() >= 0.93  # measured 0.954; logistic regression 0.932


def test_the_same_seed_gives_the_same_weights(digits: Digits) -> None:
    pictures, classes = digits
    one, two = (detector.fit(pictures[:50], classes[:50], seed=4, steps=3).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
