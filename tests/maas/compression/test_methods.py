"""Every method: its child runs in the onnx runner, is as small as it says, and answers within a stated bound."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from tests.maas.compression import nets

from shuyuan.kernel import errors
from shuyuan.maas.compression import examples, interface, methods, opening, packing
from shuyuan.maas.compression import net as net_api
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.runners.onnx import OnnxRunner

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries' own imports


@dataclass(frozen=True)
class Bound:
    """smaller: child / parent in bytes at most.  lost: points of accuracy at most, on 200 validation rows."""

    parent: str
    method: str
    smaller: float
    lost: float
    config: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.parent}-{self.method}"


BOUNDS = [
    Bound("mlp", "int8_dynamic", 0.34, 1.0),
    Bound("mlp", "int8_static", 0.36, 1.0),
    Bound("convnet", "int8_static", 0.34, 1.0),
    Bound("mlp", "int4", 0.25, 1.5),
    Bound("mlp", "structured", 0.45, 2.5, {"epochs": 8}),
    Bound("convnet", "structured", 0.35, 5.0, {"epochs": 8}),
    Bound("mlp", "magnitude", 0.35, 2.5, {"epochs": 4}),
    Bound("convnet", "magnitude", 0.35, 2.5, {"epochs": 4}),
    Bound("mlp", "distil", 0.25, 4.0, {"student": "mlp", "widths": [32], "epochs": 50}),
    Bound("convnet", "distil", 0.3, 6.0, {"share": 0.3, "epochs": 12}),
    Bound("mlp", "binary", 0.75, 3.0, {"epochs": 10}),
    Bound("mlp", "binary", 0.2, 6.0, {"epochs": 10, "ends": True}),
]


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
def test_a_child_is_as_small_and_as_good_as_stated(
    parents: dict[str, nets.Parent], tmp_path: Path, bound: Bound
) -> None:
    parent = parents[bound.parent]
    child = parent.compress(tmp_path, bound.method, **bound.config)
    assert child.path.stat().st_size <= bound.smaller * parent.path.stat().st_size
    assert 100 * (parent.accuracy(parent.path) - parent.accuracy(child.path)) <= bound.lost
    runner = OnnxRunner()
    runner.load(child.path, context_tokens=0)
    payload = {"inputs": {parent.input: runners.pack_tensor(parent.x[:2])}}
    (chunk,) = runner.submit("predict", payload, threading.Event())
    assert runners.unpack_tensor(chunk.tensors["logits"]).shape == (2, 10)


@pytest.mark.parametrize("name", ["structured", "magnitude", "binary"])
def test_training_after_it_wins_back_what_was_lost(mlp: nets.Parent, tmp_path: Path, name: str) -> None:
    accuracies = []
    for epochs in (0, 6):
        (folder := tmp_path / str(epochs)).mkdir()
        accuracies.append(mlp.accuracy(mlp.compress(folder, name, epochs=epochs).path))
    assert accuracies[1] >= accuracies[0]


def test_the_same_seed_gives_the_same_child(mlp: nets.Parent, tmp_path: Path) -> None:
    made = []
    for turn in ("one", "two"):
        (folder := tmp_path / turn).mkdir()
        made.append(mlp.compress(folder, "magnitude", epochs=2).path.read_bytes())
    assert made[0] == made[1]


def test_structured_pruning_takes_away_whole_units(convnet: nets.Parent, tmp_path: Path) -> None:
    child = convnet.compress(tmp_path, "structured", share=0.75, epochs=0)
    weights = net_api.Net.read(child.path).weights
    assert weights["convolutions.0.weight"].shape == (8, 1, 3, 3)
    assert weights["convolutions.1.weight"].shape == (16, 8, 3, 3)
    assert weights["head.weight"].shape == (10, 16 * 4)
    assert [one["kept"] for one in child.layers] == [8, 16]


def test_units_that_do_nothing_go_without_a_trace(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(6, 5)).astype(np.float32), rng.normal(size=(3, 6)).astype(np.float32)
    first[2:4], second[:, 2:4] = 0, 0
    path = tmp_path / "net.onnx"
    path.write_bytes(_two_layers(first, second))
    given = {"x": rng.normal(size=(4, 5)).astype(np.float32)}
    parent = nets.Parent(path, "x", given["x"], np.zeros(4, np.int64))
    child = parent.compress(tmp_path, "structured", {"train": None, "validation": None}, share=1 / 3, fewest=1)
    before, after = (opening.Model(one).run(None, given)[0] for one in (path, child.path))
    np.testing.assert_allclose(after, before, atol=1e-6)
    assert child.path.stat().st_size < path.stat().st_size


def test_a_layer_that_reaches_an_output_keeps_its_units(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(_two_layers(np.ones((6, 5), np.float32), np.ones((3, 6), np.float32), shown=True))
    parent = nets.Parent(path, "x", np.ones((1, 5), np.float32), np.zeros(1, np.int64))
    with pytest.raises(interface.CannotCompress, match="no layer's units"):
        parent.compress(tmp_path, "structured", epochs=0)


def test_packed_weights_are_whole_again_once_loaded(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    weights = (rng.normal(size=(70, 45)) * (rng.random((70, 45)) < 0.3)).astype(np.float32)
    signs, scale = rng.random((45, 33)) < 0.5, rng.random((1, 33)).astype(np.float32)
    net = net_api.Net(onnx.load_from_string(_chain(weights, np.ones((45, 33), np.float32))))
    packing.keep_sparse(net, "first")
    packing.keep_binary(net, "second", signs, scale)
    (path := tmp_path / "packed.onnx").write_bytes(net.to_bytes())
    x = rng.normal(size=(3, 70)).astype(np.float32)
    (found,) = opening.Model(path).run(None, {"x": x})
    np.testing.assert_allclose(found, x @ weights @ np.where(signs, scale, -scale), rtol=1e-3, atol=1e-3)


def test_a_teacher_of_any_kind_can_teach(tmp_path: Path, mlp: nets.Parent) -> None:
    child = mlp.compress(tmp_path, "distil", student="mlp", widths=[8], epochs=1)
    opened = opening.Model(child.path)
    assert list(opened.outputs) == ["logits"]
    assert opened.free_rows


def test_methods_say_what_they_need_and_what_they_are_for() -> None:
    for name in methods.METHODS:
        told = methods.method_of(name).info()
        assert told.name == name
        assert told.source
        assert all(told.what[language] and told.title[language] for language in ("zh", "en"))
        assert "properties" in told.config_schema


def test_a_method_that_learns_asks_for_data(mlp: nets.Parent, tmp_path: Path) -> None:
    with pytest.raises(interface.DataNeeded):
        mlp.compress(tmp_path, "int8_static", {"train": None, "validation": None})


@pytest.mark.parametrize(
    ("given", "said"),
    [({"share": 2}, "share"), ({"shares": 0.5}, "shares"), ({"epochs": -1}, "epochs"), ({"share": "much"}, "much")],
)
def test_a_wrong_option_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.BadInput, match=said):
        methods.config_of("structured", given)


def test_an_unknown_method_is_named_with_those_there_are() -> None:
    with pytest.raises(interface.UnknownMethod) as refused:
        methods.method_of("zip")
    assert "int8_static" in refused.value.fix


def test_what_was_quantised_is_not_quantised_again(mlp: nets.Parent, tmp_path: Path) -> None:
    child = mlp.compress(tmp_path, "int8_dynamic")
    again = nets.Parent(child.path, mlp.input, mlp.x, mlp.y)
    (folder := tmp_path / "again").mkdir()
    with pytest.raises(interface.CannotCompress, match="already"):
        again.compress(folder, "int8_dynamic")


def test_a_child_that_is_not_smaller_is_refused(mlp: nets.Parent, tmp_path: Path) -> None:
    with pytest.raises(interface.CannotCompress, match="would take"):
        mlp.compress(tmp_path, "distil", student="mlp", widths=[2000], epochs=1)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x08", bytes(64)])
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(interface.CannotCompress):
        net_api.Net.read(path)


def test_weights_in_another_file_are_never_followed(tmp_path: Path) -> None:
    model = onnx.load_from_string(_chain(np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    (path := tmp_path / "outside.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(interface.CannotCompress, match="another file"):
        net_api.Net.read(path)


def test_quality_counts_only_rows_whose_class_is_known() -> None:
    found = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]], np.float32)
    figures = examples.quality(found, found, np.array([0, 0, -1]), 2)
    assert (figures["agreement"], figures["accuracy"]) == (1.0, 0.5)


def test_values_are_judged_in_the_unit_of_the_label() -> None:
    found = np.array([[0.0], [1.0]], np.float32)
    figures = examples.quality(found, found, np.array([10.0, 14.0]), 0, {"scale": {"mean": 10, "spread": 4}})
    assert figures["rmse"] == pytest.approx(0)


def _two_layers(first: nets.Array, second: nets.Array, *, shown: bool = False) -> bytes:
    nodes = [
        helper.make_node("Gemm", ["x", "first", "bias"], ["sum"], transB=1),
        helper.make_node("Relu", ["sum"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "second"], ["logits"], transB=1),
    ]
    held = {"first": first, "bias": np.zeros(len(first), np.float32), "second": second}
    outputs = [("logits", len(second)), *([("hidden", len(first))] if shown else [])]
    return _model(nodes, held, first.shape[1], outputs)


def _chain(first: nets.Array, second: nets.Array) -> bytes:
    nodes = [helper.make_node("MatMul", ["x", "first"], ["h"]), helper.make_node("MatMul", ["h", "second"], ["logits"])]
    return _model(nodes, {"first": first, "second": second}, first.shape[0], [("logits", second.shape[1])])


def _model(nodes: list[Any], held: dict[str, nets.Array], width: int, outputs: list[tuple[str, int]]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", 1, ["rows", width])],
        [helper.make_tensor_value_info(name, 1, ["rows", size]) for name, size in outputs],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
