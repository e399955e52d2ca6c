"""Trained nets are served from safetensors, and as ONNX with the same answers; what does not fit is refused."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="these tests need torch (make train)")

import torch
from safetensors.torch import save

from shuyuan.maas.runners import interface, netgraph, onnx
from shuyuan.maas.runners import torch as runner_torch
from shuyuan.science.nets import modules, shapes

Array = NDArray[np.generic]
NEVER = threading.Event()
SHAPES: list[shapes.Plain] = [
    shapes.Mlp(inputs=5, outputs=3, hidden=(7, 6)),
    shapes.Convnet(side=8, classes=4, widths=(3, 5)),
    shapes.Detector(side=32, classes=3, widths=(4, 5, 6)),
]


def predict(runner: interface.Runner, name: str, rows: Array) -> dict[str, Array]:
    (chunk,) = runner.submit("predict", {"inputs": {name: interface.pack_tensor(rows)}}, NEVER)
    return {name: interface.unpack_tensor(tensor) for name, tensor in chunk.tensors.items()}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.NAME)
def test_a_net_answers_as_itself_from_safetensors_and_from_onnx(tmp_path: Path, shape: shapes.Plain) -> None:
    torch.manual_seed(3)
    net = modules.build(shape)
    data = modules.to_safetensors(net)
    rows = np.random.default_rng(4).normal(size=(6, *shape.input_shape())).astype(np.float32)
    with torch.no_grad():
        wanted = [output.numpy() for output in net.eval()(torch.from_numpy(rows))]
    (tmp_path / "net.safetensors").write_bytes(data)
    (tmp_path / "net.onnx").write_bytes(netgraph.to_onnx(data))
    served: list[tuple[interface.Runner, str]] = [
        (runner_torch.TorchRunner(), "net.safetensors"),
        (onnx.OnnxRunner(), "net.onnx"),
    ]
    for runner, file in served:
        runner.load(tmp_path / file, context_tokens=0)
        found = predict(runner, "x" if isinstance(shape, shapes.Mlp) else "image", rows)
        assert tuple(found) == shape.OUTPUTS
        for name, array in zip(shape.OUTPUTS, wanted, strict=True):
            np.testing.assert_allclose(found[name].astype(np.float32), array, rtol=1e-4, atol=1e-4)
        runner.close()


def test_a_net_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, save({"w": torch.zeros(1)}, {"net": "perceiver", "config": "{}"}), "'perceiver'")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"inputs": 5}, "outputs"),
        ({"inputs": 5, "outputs": 3, "depth": 2}, "depth"),
        ({"inputs": 10**9, "outputs": 3}, "1000000000"),
        ({"inputs": True, "outputs": 3}, "True"),
        ({"inputs": 5, "outputs": 3, "hidden": [4] * 99}, "at most 16"),
        ([], "does not know"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, config: object, said: str) -> None:
    _refused(tmp_path, save({"w": torch.zeros(1)}, {"net": "mlp", "config": json.dumps(config)}), said)


def test_missing_further_and_misshapen_tensors_are_refused(tmp_path: Path) -> None:
    net = modules.build(SHAPES[0])
    meta = {"net": "mlp", "config": json.dumps({"inputs": 5, "outputs": 3, "hidden": [7, 6]})}
    whole = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    _refused(tmp_path, save({k: v for k, v in whole.items() if k != "layers.1.bias"}, meta), "layers.1.bias")
    _refused(tmp_path, save({**whole, "more": torch.zeros(2)}, meta), "more")
    _refused(tmp_path, save({**whole, "layers.1.bias": torch.zeros(9)}, meta), "layers.1.bias")
    _refused(tmp_path, save({**whole, "layers.1.bias": whole["layers.1.bias"].double()}, meta), "float64")
    _refused(tmp_path, save(whole), "no net is described")


def test_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    torch.save({"a": 1}, tmp_path / "model")
    with pytest.raises(interface.BadModelFile):
        runner_torch.TorchRunner().load(tmp_path / "model", context_tokens=0)


def test_cut_files_are_refused(tmp_path: Path) -> None:
    whole = modules.to_safetensors(modules.build(SHAPES[0]))
    for length in (0, 4, 9, 200, len(whole) - 1):
        _refused(tmp_path, whole[:length], "net")


@pytest.mark.parametrize("rows", [np.zeros((2, 4)), np.zeros(5), np.zeros((0, 5)), np.zeros((5_000, 5))])
def test_an_input_of_another_shape_is_refused(tmp_path: Path, rows: Array) -> None:
    (tmp_path / "net").write_bytes(modules.to_safetensors(modules.build(SHAPES[0])))
    runner = runner_torch.TorchRunner()
    runner.load(tmp_path / "net", context_tokens=0)
    with pytest.raises(interface.BadPayload, match="shape"):
        predict(runner, "x", rows.astype(np.float32))


def _refused(folder: Path, data: bytes, said: str) -> None:
    path = folder / "net.safetensors"
    path.write_bytes(data)
    with pytest.raises(interface.BadModelFile, match=said):
        runner_torch.TorchRunner().load(path, context_tokens=0)
