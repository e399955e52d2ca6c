"""What compression wins and costs: every method on real digits, int8 and stages on a real text encoder.

`make bench NAME=compressing`. Digits: two nets trained here on the first 800 of the 1,000 training pictures, chosen and
calibrated on nothing else; accuracy on the last 797. Encoder: all-MiniLM-L6-v2 over sentences of mixed length, one
thread, fp32 and child in turn, so that both see the same machine; figures are ratios. Everything is made by the same
child process as on a server.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import export, harness, serving
from shuyuan.maas.runners import bert, netgraph, session

Array = NDArray[Any]  # floats and ids
TRAIN, VALIDATION, TEST = slice(0, 800), slice(800, 1000), slice(1000, 1797)
SPEC = {"labels": list("0123456789"), "output": "logits"}
METHODS: Mapping[str, Mapping[str, object]] = {
    "int8_dynamic": {},
    "int8_static": {},
    "int4": {},
    "structured": {},
    "magnitude": {},
    "distil": {"epochs": 80},
    "binary": {"ends": True, "epochs": 80},
}
BUDGET_BYTES = 32_000_000
TEXTS, TURNS, BATCH = 160, 5, 8
GOALS: dict[str, harness.Goal] = {
    "encoder_int8_throughput_of_fp32": (">=", 1.5),
    "encoder_int8_cosine": (">=", 0.95),
    "convnet_int8_static_size": ("<=", 1 / 3),
    "convnet_int8_static_lost_points": ("<=", 1.0),
    "mlp_int8_static_size": ("<=", 1 / 3),
    "mlp_int8_static_lost_points": ("<=", 1.0),
    "staged_peak_of_budget": ("<=", 1.0),
    "staged_equal": ("==", 1),
}


def measure(methods: Mapping[str, Mapping[str, object]] = METHODS) -> dict[str, harness.Figure]:
    """Every figure. Exits with 2 where the digits are not there."""
    with tempfile.TemporaryDirectory(prefix="compressing-") as scratch:
        return {**digits(Path(scratch), methods), **encoder(Path(scratch))}


def compress(
    folder: Path, model: Path, method: str, config: Mapping[str, object], data: Mapping[str, str] = {}
) -> dict[str, Any]:
    """One child, by the process that a server starts; its result.json, `path` added."""
    folder.mkdir()
    job = {"method": method, "config": dict(config), "model": str(model), "runner": "onnx", "data": dict(data)}
    (folder / "job.json").write_text(json.dumps({**job, "spec": SPEC if data else {}, "seed": 7, "threads": 1}))
    done = subprocess.run([sys.executable, "-m", "shuyuan.maas.compression.child", str(folder)], check=False)
    if done.returncode:
        raise SystemExit(f"{method}: {(folder / 'error.json').read_text()}")
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return {**result, "path": folder / str(result["file"])}


def digits(scratch: Path, methods: Mapping[str, Mapping[str, object]]) -> dict[str, harness.Figure]:
    """Size against the parent and points of accuracy lost on the last 797 pictures, for each method and net."""
    with gzip.open(harness.data_folder("img_optdigits") / "digits.csv.gz") as file:
        rows = np.loadtxt(file, delimiter=",", skiprows=1)
    x, y = (rows[:, :-1] / 16).astype(np.float32), rows[:, -1].astype(np.int64)
    figures: dict[str, harness.Figure] = {}
    for name, view in (("mlp", (-1, 64)), ("convnet", (-1, 1, 8, 8))):
        given, input_name = x.reshape(view), "x" if name == "mlp" else "image"
        parent = _trained(scratch, name, given[TRAIN], y[TRAIN])
        data = {}
        for part, span in (("train", TRAIN), ("validation", VALIDATION)):
            data[part] = str(scratch / f"{name}.{part}.npz")
            arrays: dict[str, Any] = {input_name: given[span], "label": y[span]}
            np.savez(data[part], **arrays)
        before = _accuracy(parent, input_name, given[TEST], y[TEST])
        figures[f"{name}_accuracy"] = before
        for method, config in methods.items():
            made = compress(scratch / f"{name}-{method}", parent, method, config, data)
            table = {row["figure"]: row["ratio"] for row in made["table"]}
            figures[f"{name}_{method}_size"] = table["size_bytes"]
            figures[f"{name}_{method}_rows_per_s"] = table["rows_per_s"]
            lost = before - _accuracy(made["path"], input_name, given[TEST], y[TEST])
            figures[f"{name}_{method}_lost_points"] = 100 * lost
    return figures


def encoder(scratch: Path) -> dict[str, harness.Figure]:
    """int8 and int4 against fp32, and the encoder in stages under a budget smaller than its weights."""
    model = export.minilm(scratch)
    feeds = _batches(model)
    figures: dict[str, harness.Figure] = {"encoder_bytes": model.onnx.stat().st_size}
    for method in ("int8_dynamic", "int4"):
        made = compress(scratch / method, model.onnx, method, {})
        short = method.split("_")[0]
        figures[f"encoder_{short}_size"] = made["figures"]["size_bytes"] / model.onnx.stat().st_size
        figures |= {f"encoder_{short}_{key}": one for key, one in _beside(model.onnx, made["path"], feeds).items()}
    staged = compress(scratch / "stages", model.onnx, "stages", {"budget_bytes": BUDGET_BYTES})
    table = {row["figure"]: row for row in staged["table"]}
    figures["staged_stages"] = len(staged["layers"])
    figures["staged_peak_bytes"] = table["peak_rss_bytes"]["child"]
    figures["whole_peak_bytes"] = table["peak_rss_bytes"]["parent"]
    figures["staged_peak_of_budget"] = table["peak_rss_bytes"]["child"] / BUDGET_BYTES
    figures["staged_latency_of_whole"] = table["latency_p50_ms"]["ratio"]
    figures["staged_equal"] = int(_same(model.onnx, staged["path"], feeds))
    return figures


def _trained(scratch: Path, name: str, x: Array, y: Array) -> Path:
    import torch
    from torch.nn import functional

    from shuyuan.science.nets import modules, shapes

    torch.set_num_threads(1)
    torch.manual_seed(0)
    wide = shapes.Mlp(inputs=64, outputs=10, hidden=(256, 128))
    net = modules.build(wide if name == "mlp" else shapes.Convnet(side=8, classes=10, widths=(32, 64)))
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    rows, truth = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(30):
        for part in torch.split(torch.randperm(len(rows)), 32):
            loss = functional.cross_entropy(net(rows[part])[0], truth[part])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimiser.step()
    path = scratch / f"{name}.onnx"
    path.write_bytes(netgraph.to_onnx(modules.to_safetensors(net.eval())))
    return path


def _accuracy(path: Path, name: str, x: Array, y: Array) -> float:
    (found,) = session.open_graph(path, 1).run(["logits"], {name: x})
    return float((found.argmax(axis=1) == y).mean())


def _batches(model: export.Model) -> list[dict[str, Array]]:
    """Sentences sorted by length, eight at a time, as the worker groups them."""
    from tokenizers import Tokenizer

    pieces = sorted((one.ids for one in _tokens(Tokenizer.from_file(str(model.tokenizer)))), key=len)
    padded = [bert.padded(pieces[at : at + BATCH]) for at in range(0, len(pieces), BATCH)]
    return [{"input_ids": ids, "attention_mask": present} for ids, present in padded]


def _tokens(tokenizer: Any) -> Any:  # the library has no types
    tokenizer.no_padding()
    return tokenizer.encode_batch(serving.sentences(TEXTS))


def _beside(whole: Path, child: Path, feeds: list[dict[str, Array]]) -> dict[str, float]:
    """Throughput of the child / of fp32, and the mean cosine of their vectors."""
    one, other = session.open_graph(whole, 1), session.open_graph(child, 1)
    cosines = [(one.run(None, f)[0] * other.run(None, f)[0]).sum(axis=1) for f in feeds]
    ratios = []
    for _ in range(TURNS):
        seconds = []
        for opened in (one, other):
            began = time.process_time()
            for given in feeds:
                opened.run(None, given)
            seconds.append(time.process_time() - began)
        ratios.append(seconds[0] / seconds[1])
    return {"throughput_of_fp32": median(ratios), "cosine": float(np.concatenate(cosines).mean())}


def _same(whole: Path, staged: Path, feeds: list[dict[str, Array]]) -> bool:
    from shuyuan.maas.runners import stages

    one, other = session.open_graph(whole, 1), stages.StagedSession(staged, BUDGET_BYTES, 1)
    return all(np.array_equal(one.run(None, f)[0], other.run(None, f)[0]) for f in feeds[:4])


def main() -> None:
    """Measure and report."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    protocol = "digits: train 800, calibrate on them, test 797; encoder: CPU time, one thread, 160 sentences in eights"
    met = harness.report("compressing", measure(), protocol, GOALS, ("numpy", "onnxruntime", "onnx", "torch"))
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
