"""Tensor graphs: named arrays in and out, and requests that share a pass without touching each other."""

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.maas import onnx_file

from shuyuan.maas.runners import graph, interface, onnx
from shuyuan.maas.serving import measuring

WEIGHTS = np.arange(9, dtype=np.float32).reshape(3, 3)


def loaded(tmp_path: Path, spec: Mapping[str, object]) -> onnx.OnnxRunner:
    path = tmp_path / "linear.onnx"
    path.write_bytes(onnx_file.linear(WEIGHTS))
    made = onnx.OnnxRunner()
    made.load(path, context_tokens=0, spec=spec, threads=1)
    return made


def payload(rows: NDArray[np.generic]) -> interface.Payload:
    return {"inputs": {"x": interface.pack_tensor(rows)}}


@pytest.mark.parametrize("spec", [{}, {"batch": True}])
def test_a_request_is_answered_with_every_output(tmp_path: Path, spec: Mapping[str, object]) -> None:
    x = np.ones((2, 3), np.float32)
    (chunk,) = loaded(tmp_path, spec).submit("predict", payload(x), threading.Event())
    np.testing.assert_array_equal(interface.unpack_tensor(chunk.tensors["y"]), x @ WEIGHTS)


def test_requests_that_share_a_pass_get_their_own_rows(tmp_path: Path) -> None:
    runner = loaded(tmp_path, {"batch": True})
    rows = [np.full((n, 3), n, np.float32) for n in (1, 3, 2)]
    items = [runner.split("predict", payload(x))[0] for x in rows]
    assert [item.rows for item in items] == [1, 3, 2]
    for x, item, result in zip(rows, items, runner.run(items), strict=True):
        chunk = runner.join("predict", {}, [item], [result])
        np.testing.assert_array_equal(interface.unpack_tensor(chunk.tensors["y"]), x @ WEIGHTS)


def test_inputs_against_the_graph_are_refused_in_words(tmp_path: Path) -> None:
    runner = loaded(tmp_path, {"batch": True})
    for wrong in ({}, {"inputs": {"z": interface.pack_tensor(np.ones(3))}}, payload(np.ones((0, 3), np.float32))):
        with pytest.raises(interface.BadPayload):
            runner.split("predict", wrong)
    with pytest.raises(interface.BadPayload):
        runner.run(runner.split("predict", payload(np.ones((1, 9), np.float32))))
    with pytest.raises(interface.UnsupportedTask):
        runner.split("chat", {})


@pytest.mark.parametrize(("labels", "fits"), [(3, True), (2, False)])
def test_labels_are_counted_at_the_first_load_where_the_file_does_not_say_how_many_scores(
    tmp_path: Path, labels: int, fits: bool
) -> None:
    made = graph.Graph("free")
    given = [made.input("x", "float32", ("rows", 3)), made.constant("w", WEIGHTS)]
    made.output(made.node("MatMul", given, "y"), "float32", ("rows", "scores"))
    path, spec = tmp_path / "free.onnx", {"labels": [str(n) for n in range(labels)]}
    path.write_bytes(made.to_bytes())
    runner = onnx.OnnxRunner()
    if fits:
        runner.load(path, context_tokens=0, spec=spec, threads=1)
        return
    with pytest.raises(interface.BadModelFile, match="2 labels were given, and output 'y' has 3 scores"):
        runner.load(path, context_tokens=0, spec=spec, threads=1)


def test_mixed_types_do_not_become_one_silently(tmp_path: Path) -> None:
    runner = loaded(tmp_path, {"batch": True})
    items = [runner.split("predict", payload(np.ones((1, 3), kind)))[0] for kind in ("float32", "float64")]
    with pytest.raises(interface.BadPayload):
        runner.run(items)


def test_a_graph_with_a_fixed_first_axis_cannot_be_declared_to_batch(tmp_path: Path) -> None:
    made = graph.Graph("fixed")
    given = [made.input("x", "float32", (1, 3)), made.constant("w", WEIGHTS)]
    made.output(made.node("MatMul", given, "y"), "float32", (1, 3))
    path = tmp_path / "fixed.onnx"
    path.write_bytes(made.to_bytes())
    onnx.OnnxRunner().load(path, context_tokens=0)
    with pytest.raises(interface.BadModelFile, match="'x' of shape"):
        onnx.OnnxRunner().load(path, context_tokens=0, spec={"batch": True})


def test_its_cost_can_be_measured(tmp_path: Path) -> None:
    curve = measuring.measure(loaded(tmp_path, {"batch": True}), budget_s=5)
    assert {rows for _, rows in curve.cells} == {1, 2, 4, 8, 16, 32}


@pytest.mark.parametrize("spec", [{}, {"batch": True}])
def test_a_graph_says_what_it_takes_and_gives(tmp_path: Path, spec: Mapping[str, object]) -> None:
    (chunk,) = loaded(tmp_path, spec).submit("describe", {}, threading.Event())
    assert chunk.finish_reason == "stop"
    assert chunk.data == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
    }


def test_each_input_is_described_in_the_words_of_the_protocol(tmp_path: Path) -> None:
    made = graph.Graph("several")
    made.input("ids", "int64", ("rows", "length"))
    made.input("flags", "uint8", (2, 1))
    made.output(made.node("Shape", ["flags"], "size"), "int64", (2,))
    path = tmp_path / "several.onnx"
    path.write_bytes(made.to_bytes())
    runner = onnx.OnnxRunner()
    runner.load(path, context_tokens=0)
    (chunk,) = runner.submit("describe", {}, threading.Event())
    assert chunk.data["inputs"] == [
        {"name": "ids", "datatype": "INT64", "shape": [-1, -1]},
        {"name": "flags", "datatype": "UINT8", "shape": [2, 1]},
    ]
    assert chunk.data["outputs"] == [{"name": "size", "datatype": "INT64", "shape": [2]}]
