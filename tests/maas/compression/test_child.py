"""The child process by its folder: a result with a table, or a sentence for a person; never half of either."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.maas.compression import nets

from shuyuan.maas.compression import interface

MODULE = [sys.executable, "-m", "shuyuan.maas.compression.child"]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MODULE, str(folder)], capture_output=True, text=True, check=False)


def test_the_result_holds_child_and_parent_side_by_side(mlp: nets.Parent, tmp_path: Path) -> None:
    done = run(nets.job(tmp_path, mlp, "int8_dynamic"))
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads((tmp_path / "result.json").read_text())
    table = {row["figure"]: row for row in result["table"]}
    assert {"size_bytes", "latency_p50_ms", "rows_per_s", "accuracy", "agreement", "load_ms"} <= table.keys()
    assert table["size_bytes"]["child"] == (tmp_path / result["file"]).stat().st_size
    assert table["size_bytes"]["ratio"] < 0.34
    assert table["agreement"]["parent"] == 1
    assert table["accuracy"]["child"] >= table["accuracy"]["parent"] - 0.01
    assert result["spec"]["labels"] == nets.SPEC["labels"]
    assert json.loads((tmp_path / "progress.json").read_text())["stage"] == "done"


def test_a_net_of_our_own_is_compressed_from_safetensors(mlp: nets.Parent, tmp_path: Path) -> None:
    folder = nets.job(tmp_path, mlp, "int4", model=str(mlp.path.with_suffix(".safetensors")), runner="torch", data={})
    assert run(folder).returncode == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert "accuracy" not in result["figures"]  # nothing to measure it on was named
    assert result["figures"]["size_bytes"] < 0.3 * result["parent_figures"]["size_bytes"]


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"data": {}, "method": "int8_static"}, "data_needed", "examples"),
        ({"method": "zip"}, "method_not_found", "zip"),
        ({"runner": "llama"}, "cannot_compress", "llama"),
        ({"method": "stages", "config": {"budget_bytes": 1000}}, "cannot_compress", "alone has"),
    ],
)
def test_what_cannot_be_done_is_told_to_the_person(
    mlp: nets.Parent, tmp_path: Path, changed: dict[str, object], code: str, said: str
) -> None:
    done = run(nets.job(tmp_path, mlp, "int8_dynamic", **changed))
    told = json.loads((tmp_path / "error.json").read_text())
    assert (done.returncode, told["code"]) == (interface.Folder.REFUSED, code)
    assert said in told["message"]
    assert told["fix"]
    assert not (tmp_path / "result.json").exists()


def test_without_room_on_the_disk_it_says_so(mlp: nets.Parent, tmp_path: Path) -> None:
    folder = nets.job(tmp_path, mlp, "int8_dynamic")
    small = ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh"]  # 8 kB a file
    done = subprocess.run([*small, *MODULE, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == interface.Folder.REFUSED, done.stderr
    assert json.loads((tmp_path / "error.json").read_text())["code"] == "disk_full"
    assert not (tmp_path / "result.json").exists()


def test_the_server_half_imports_no_model_library() -> None:
    parts = ("interface", "tables", "store", "service", "routes", "jobs", "working", "methods")
    names = ", ".join(f"shuyuan.maas.compression.{part}" for part in parts)
    heavy = ("torch", "onnx", "onnxruntime", "polars", "transformers", "skl2onnx", "tensorflow")
    code = (
        f"import sys, {names}, shuyuan.maas.conversion.service\n"
        "from shuyuan.maas.compression import methods\n"
        "[methods.method_of(name).info() for name in methods.METHODS]\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
