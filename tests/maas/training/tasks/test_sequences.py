"""From sequence to sequence: the exported file alone writes what was learned, by the runner that serves it."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

from tests.maas.training.tasks import trying

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.runners import onnx
from shuyuan.maas.training import tasks
from shuyuan.science.features import Features


def test_the_served_file_answers_with_whole_sequences(tmp_path: Path) -> None:
    example = tasks.load("sequence_to_sequence").example(10, 0)
    tried = trying.trained("sequence_to_sequence", {**example.config, "epochs": 80}, example.columns, example.table)
    exported = tried.work.export(tried.trainer.net, tried.work.arrays(example.table), tmp_path)
    spec = json.loads(json.dumps({**tried.work.spec(), **exported, "features": tried.work.features()}))
    assert [port["name"] for port in spec["inputs"]] == ["source", "source_mask"], "no target has to be known"
    assert tried.figures(example.table)["exact"] == 1.0, "what is judged is what it writes by itself"

    server = onnx.OnnxRunner()
    server.load(tmp_path / "model.onnx", context_tokens=0)
    inputs = Features.from_json(spec["features"]).transform({"source": example.table["source"]})
    payload = {"inputs": {name: runners.pack_tensor(array) for name, array in inputs.items()}}
    (chunk,) = server.submit("predict", payload, threading.Event())
    written = runners.unpack_tensor(chunk.tensors[spec["output"]])
    target = spec["target"]
    said = [
        [target["items"][at - target["first"]] for at in row[: row.tolist().index(target["end"])]] for row in written
    ]
    assert said == [list(one) for one in example.table["target"]]
    assert all(np.all(row[row.tolist().index(target["end"]) + 1 :] == target["pad"]) for row in written)
