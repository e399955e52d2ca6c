"""Exported files are checked against torch; what cannot be written truly is not written."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from tests.maas.training import small_work
from torch import Tensor, nn

from shuyuan.maas.runners import interface
from shuyuan.maas.runners import torch as runner_torch
from shuyuan.maas.training import export
from shuyuan.science.nets import recurrent, tabular
from shuyuan.science.nets.described.recurrent import Recurrent
from shuyuan.science.nets.described.tabular import Tabular

X = {"x": np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)}


class Fickle(nn.Module):
    """What it computes depends on its rows: a tracer sees one way only."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.layer(x) * (2.0 if float(x.sum()) > float(X["x"][:5].sum()) - 1e-3 else 1.0),)


def test_a_net_that_no_exporter_writes_truly_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(export.BadExport, match="traced: differs by"):
        export.write(Fickle(), ["x"], ["y"], X, tmp_path)
    assert not (tmp_path / "model.onnx").exists()


def test_the_newer_exporter_is_there_for_what_the_quick_one_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not today")

    monkeypatch.setattr(export, "_traced", refuse)
    net = recurrent.Recurrent(Recurrent(9, 5, 3, 4, 6)).eval()
    rows = [torch.randint(0, 9, (5, 5)), torch.ones(5, 5, dtype=torch.bool)]
    assert export.write_onnx(net, rows, ["items", "mask"], ["logits"], tmp_path / "model.onnx") <= export.TOLERANCE


def test_any_number_of_rows_may_be_asked(tmp_path: Path) -> None:
    said = export.write(small_work.Layer(2), ["x"], ["y"], X, tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for rows in (1, 3, 50):
        assert session.run(None, {"x": np.zeros((rows, 2), np.float32)})[0].shape == (rows, 1)
    assert said["inputs"] == [{"name": "x", "dtype": "float32", "shape": [-1, 2]}]
    assert said["onnx_difference"] <= export.TOLERANCE


def test_the_torch_runner_serves_the_weights_of_a_net_with_several_inputs(tmp_path: Path) -> None:
    net = tabular.Tabular(Tabular(2, 3, (5,), (4,))).eval()
    export.write_weights(net, tmp_path / "weights.safetensors")
    runner = runner_torch.TorchRunner()
    runner.load(tmp_path / "weights.safetensors", context_tokens=0)
    rows: dict[str, np.ndarray[Any, Any]] = {
        "features": np.ones((6, 3), np.float32),
        "index_0": np.arange(6, dtype=np.int64) % 5,
    }
    sent = {name: interface.pack_tensor(array) for name, array in reversed(rows.items())}
    (chunk,) = runner.submit("predict", {"inputs": sent}, threading.Event())
    wanted = net(*(torch.from_numpy(array) for array in rows.values()))[0].detach().numpy()
    np.testing.assert_allclose(interface.unpack_tensor(chunk.tensors["logits"]).astype(np.float32), wanted, rtol=1e-6)
    for wrong, said in (
        ({"features": sent["features"]}, "2 tensors: features, index_0"),
        ({**sent, "index_0": interface.pack_tensor(np.zeros(5, np.int64))}, "different numbers of rows"),
    ):
        with pytest.raises(interface.BadPayload, match=said):
            list(runner.submit("predict", {"inputs": wrong}, threading.Event()))
    runner.close()
