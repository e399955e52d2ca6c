"""Small real models for these tests: trained here on real digits, a few seconds in all."""

import gzip
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.compression import examples, method, methods, opening

Array = NDArray[Any]  # floats and whole numbers
SPEC = {"labels": list("0123456789"), "output": "logits"}
TRAIN, VALIDATION = slice(0, 800), slice(800, 1000)
_TRAINING = """
import sys, numpy as np, torch
from pathlib import Path
from torch.nn import functional
from shuyuan.maas.runners import netgraph
from shuyuan.science.nets import modules, shapes
folder = Path(sys.argv[1])
given = np.load(folder / "digits.npz")
torch.set_num_threads(1)
for name, shape, view in (
    ("mlp", shapes.Mlp(inputs=64, outputs=10, hidden=(128, 96)), (-1, 64)),
    ("convnet", shapes.Convnet(side=8, classes=10, widths=(32, 64)), (-1, 1, 8, 8)),
):
    torch.manual_seed(0)
    net = modules.build(shape)
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    x, y = torch.from_numpy(given["x"][:800].reshape(view)), torch.from_numpy(given["label"][:800])
    for _ in range(15):
        for part in torch.split(torch.randperm(len(x)), 32):
            loss = functional.cross_entropy(net(x[part])[0], y[part])
            optimiser.zero_grad(); loss.backward(); optimiser.step()
    data = modules.to_safetensors(net.eval())
    (folder / f"{name}.safetensors").write_bytes(data)
    (folder / f"{name}.onnx").write_bytes(netgraph.to_onnx(data))
"""


@dataclass(frozen=True)
class Parent:
    """A trained model with its data. input: the graph's name for it."""

    path: Path
    input: str
    x: Array
    y: Array

    def part(self, rows: slice) -> examples.Examples:
        return examples.Examples({self.input: self.x[rows]}, self.y[rows])

    def work(self, folder: Path, **changed: Any) -> method.Work:
        given: dict[str, Any] = {
            "model": self.path,
            "spec": SPEC,
            "folder": folder,
            "seed": 7,
            "train": self.part(TRAIN),
            "validation": self.part(VALIDATION),
        }
        return method.Work(**(given | changed))

    def compress(self, folder: Path, name: str, changed: dict[str, Any] | None = None, **config: Any) -> method.Child:
        return methods.method_of(name).run(self.work(folder, **(changed or {})), methods.config_of(name, config))

    def answers(self, model: opening.Model, rows: slice = VALIDATION) -> Array:
        return examples.answers(model, self.part(rows).feeds, "logits")

    def accuracy(self, path: Path, runner: str = "onnx") -> float:
        found = self.answers(opening.Model(path, runner))
        return float((found.argmax(axis=1) == self.y[VALIDATION]).mean())


def digits(data: Path) -> tuple[Array, Array]:
    """Pictures (n, 64) in [0, 1] and their digits."""
    with gzip.open(data / "img_optdigits" / "digits.csv.gz") as file:
        rows = np.loadtxt(file, delimiter=",", skiprows=1)
    return (rows[:, :-1] / 16).astype(np.float32), rows[:, -1].astype(np.int64)


def train(folder: Path, data: Path) -> dict[str, Parent]:
    """An MLP and a convnet, in a child process."""
    x, y = digits(data)
    np.savez(folder / "digits.npz", x=x, label=y)
    subprocess.run([sys.executable, "-c", _TRAINING, str(folder)], check=True)
    return {
        "mlp": Parent(folder / "mlp.onnx", "x", x, y),
        "convnet": Parent(folder / "convnet.onnx", "image", x.reshape(-1, 1, 8, 8), y),
    }


def job(folder: Path, parent: Parent, method_name: str, **more: Any) -> Path:
    """What the server writes for a child process."""
    paths = {}
    for part, rows in (("train", TRAIN), ("validation", VALIDATION)):
        paths[part] = str(folder / f"{part}.npz")
        given: dict[str, Any] = {parent.input: parent.x[rows], "label": parent.y[rows]}
        np.savez(paths[part], **given)
    told = {"method": method_name, "config": {}, "model": str(parent.path), "runner": "onnx", "spec": SPEC}
    (folder / "job.json").write_text(
        json.dumps({**told, "data": paths, "seed": 7, "threads": 1, "timed_s": 0.05, **more})
    )
    return folder
