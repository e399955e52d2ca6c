"""A model in stages answers bit for bit as it did whole, in less memory than its weights take: measured."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from tests.maas.catalogue import model_files
from tests.maas.compression import nets

from shuyuan.maas.catalogue import formats
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import cutting, interface, opening
from shuyuan.maas.compression import net as net_api
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.runners import stages
from shuyuan.maas.runners.staged import StagedRunner

WIDTH, LAYERS = 640, 12
BUDGET_BYTES = 15_000_000  # of weights there are 19.7 MB


def deep(path: Path, *, table: bool = False, seed: int = 0) -> Path:
    """A deep MLP, with a table of embeddings before it if asked for."""
    rng = np.random.default_rng(seed)
    held: dict[str, nets.Array] = {}
    nodes = []
    given = helper.make_tensor_value_info("x", 1, ["rows", WIDTH])
    before = "x"
    if table:
        held["words"] = rng.normal(size=(6_000, WIDTH)).astype(np.float32)
        nodes.append(helper.make_node("Gather", ["words", "x"], ["h"]))
        given, before = helper.make_tensor_value_info("x", 7, ["rows"]), "h"
    for layer in range(LAYERS):
        held[f"w{layer}"] = (rng.normal(size=(WIDTH, WIDTH)) * np.sqrt(2 / WIDTH)).astype(np.float32)
        held[f"b{layer}"] = rng.normal(size=WIDTH).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [before, f"w{layer}"], [f"p{layer}"]))
        nodes.append(helper.make_node("Add", [f"p{layer}", f"b{layer}"], [f"s{layer}"]))
        nodes.append(helper.make_node("Relu", [f"s{layer}"], [f"r{layer}"]))
        before = f"r{layer}"
    nodes.append(helper.make_node("Add", ["r0", before], ["y"]))  # across all stages
    graph = helper.make_graph(
        nodes,
        "deep",
        [given],
        [helper.make_tensor_value_info("y", 1, ["rows", WIDTH])],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def split(path: Path, budget_bytes: int) -> tuple[Path, list[cutting.Piece]]:
    out = path.with_suffix(".safetensors")
    return out, cutting.cut(net_api.Net.read(path), cutting.share_of(budget_bytes), out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deep(tmp_path_factory.mktemp("deep") / "deep.onnx")


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("rows", [1, 5])
def test_the_split_model_answers_bit_for_bit_as_the_whole(tmp_path: Path, table: bool, rows: int) -> None:
    path = deep(tmp_path / "deep.onnx", table=table)
    out, pieces = split(path, BUDGET_BYTES)
    assert len(pieces) > 3
    rng = np.random.default_rng(5)
    x = rng.integers(0, 6_000, rows) if table else rng.normal(size=(rows, WIDTH)).astype(np.float32)
    one, other = opening.Model(path), opening.Model(out, "staged", budget_bytes=BUDGET_BYTES)
    for _ in range(2):  # cold, then with some stages still there
        np.testing.assert_array_equal(other.run(None, {"x": x})[0], one.run(None, {"x": x})[0])


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory at its peak is read from /proc")
def test_a_model_larger_than_its_budget_runs_within_it(tmp_path: Path, whole: Path) -> None:
    out, _ = split(whole, BUDGET_BYTES)
    assert whole.stat().st_size > BUDGET_BYTES
    alone = _measured(tmp_path, whole, "onnx", 0)
    staged = _measured(tmp_path, out, "staged", BUDGET_BYTES)
    assert staged["peak_rss_bytes"] < BUDGET_BYTES
    assert alone["peak_rss_bytes"] > whole.stat().st_size > staged["peak_rss_bytes"]


def test_stages_stay_while_there_is_room_and_go_when_there_is_none(whole: Path) -> None:
    out, pieces = split(whole, BUDGET_BYTES)
    x = {"x": np.ones((1, WIDTH), np.float32)}
    roomy, middling, tight = (stages.StagedSession(out, budget) for budget in (0, 24_000_000, BUDGET_BYTES))
    for session in (roomy, middling, tight):
        session.run(None, x)
        session.run(None, x)
    assert roomy.loads == len(pieces)
    assert len(pieces) < middling.loads < 2 * len(pieces)  # the first stages were kept for the second pass
    assert tight.loads == 2 * len(pieces)
    assert tight.resident_bytes < middling.resident_bytes < roomy.resident_bytes


def test_a_weight_larger_than_a_stage_is_named(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(interface.CannotCompress, match="'w0' alone has 1638400 bytes") as refused:
        cutting.cut(net_api.Net.read(whole), 1_000_000, tmp_path / "out.safetensors")
    assert "give a budget of" in refused.value.fix


def test_a_model_that_fits_is_not_split(mlp: nets.Parent, tmp_path: Path) -> None:
    with pytest.raises(interface.CannotCompress, match="fits"):
        mlp.compress(tmp_path, "stages", budget_bytes=100_000_000)


def test_a_budget_too_small_for_a_stage_is_refused_when_it_is_loaded(whole: Path) -> None:
    out, pieces = split(whole, BUDGET_BYTES)
    with pytest.raises(runners.BadModelFile, match="largest stage"):
        stages.StagedSession(out, pieces[0].size_bytes)


def test_the_runner_answers_within_the_budget_of_its_spec(whole: Path) -> None:
    out, _ = split(whole, BUDGET_BYTES)
    runner = StagedRunner()
    runner.load(out, context_tokens=0, spec={"budget_bytes": BUDGET_BYTES}, threads=1)
    assert isinstance(runner._session, stages.StagedSession)
    assert runner._session._bounded
    for wrong in ("much", -1):
        with pytest.raises(runners.BadModelFile, match="budget_bytes"):
            StagedRunner().load(out, context_tokens=0, spec={"budget_bytes": wrong})


def test_a_split_file_is_one_the_catalogue_takes(whole: Path) -> None:
    out, _ = split(whole, BUDGET_BYTES)
    formats.check(out, "staged")


def _changed(out: Path, change: Any) -> Path:
    """The same container with another header."""
    content = out.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    told = json.loads(header["__metadata__"]["stages"])
    change(header, told)
    if "stages" in header["__metadata__"]:
        header["__metadata__"]["stages"] = json.dumps(told)
    written = json.dumps(header).encode()
    bad = out.with_name("bad.safetensors")
    bad.write_bytes(struct.pack("<Q", len(written)) + written + content[8 + length :])
    return bad


def test_a_stage_whose_graph_reaches_outside_is_refused(tmp_path: Path) -> None:
    outside = model_files.graph(tensor=model_files.outside("both"))
    header = {
        "__metadata__": {"stages": json.dumps({"stages": [{"graph": "g"}]})},
        "g": {"dtype": "U8", "shape": [len(outside)], "data_offsets": [0, len(outside)]},
    }
    written = json.dumps(header).encode()
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(struct.pack("<Q", len(written)) + written + outside)
    with pytest.raises(catalogue_api.RefusedFile, match="in another file"):
        formats.check(path, "staged")


@pytest.mark.parametrize(
    "change",
    [
        lambda header, told: told.update(stages=[]),
        lambda header, told: told["stages"][0].update(graph="nothing"),
        lambda header, told: header["__metadata__"].clear() or header["__metadata__"].update(other="x"),
        lambda header, told: header["w3"].update(data_offsets=[0, 1 << 40]),
    ],
)
def test_a_damaged_list_of_stages_is_refused_by_catalogue_and_runner(whole: Path, change: Any) -> None:
    bad = _changed(split(whole, BUDGET_BYTES)[0], change)
    with pytest.raises(catalogue_api.RefusedFile):
        formats.check(bad, "staged")


@pytest.mark.parametrize("content", [b"", b"short", struct.pack("<Q", 1 << 60) + b"{}"])
def test_what_is_no_container_is_refused(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(runners.BadModelFile):
        stages.Container(path)


def test_a_graph_with_branches_is_not_cut(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "b", [], [helper.make_tensor_value_info("y", 1, None)]
    )
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
    inputs = [helper.make_tensor_value_info("x", 1, [1]), helper.make_tensor_value_info("c", 9, [])]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", 1, [1])])
    with pytest.raises(interface.CannotCompress, match="branches"):
        cutting.cut(net_api.Net(onnx.helper.make_model(graph)), 1 << 20, tmp_path / "out")


def _measured(folder: Path, path: Path, runner: str, budget_bytes: int) -> dict[str, float]:
    job = {"model": str(path), "runner": runner, "threads": 1, "budget_bytes": budget_bytes, "seconds": 0.05}
    (folder / "timing.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "shuyuan.maas.compression.timing", str(folder / "timing.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
