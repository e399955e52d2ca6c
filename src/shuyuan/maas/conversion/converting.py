"""Each kind of model as an ONNX file that loads, compared with its source where both run. Child process only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from shuyuan.maas.conversion import checking, environment, graphs, huggingface, interface, kerasfile
from shuyuan.maas.runners import netgraph

_ROWS = 4


def convert(kind: interface.Kind, source: Path, folder: Path, environments: Path) -> interface.Converted:
    """Anything but GGUF, as `model.onnx` in the folder. Raises RefusedModel, MissingEnvironment."""
    target = folder / "model.onnx"
    spec: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    difference: float | None = None
    match kind:
        case "onnx":
            notes = graphs.in_one_file(source, target)
        case "net":
            difference = _net(source, target)
        case "huggingface":
            spec = huggingface.to_onnx(source, target)
        case "keras" | "savedmodel":
            if kind == "keras":
                kerasfile.check(source)
            sample = folder / "sample.npz"
            environment.Environment(environments).convert(kind, source, target, sample)
            difference = _renamed(target, sample)
        case "gguf":
            raise AssertionError("served as it is")
    spec = _described(target) | spec
    return interface.Converted(
        kind=kind,
        path=target,
        runner="onnx",
        spec=spec,
        tasks=("predict",),
        notes=notes,
        largest_difference=difference,
    )


def _net(source: Path, target: Path) -> float | None:
    """One of our own nets: checked against torch where torch is installed."""
    data = source.read_bytes()
    try:
        shape, made = netgraph.read_header(data), netgraph.to_onnx(data)
    except Exception as wrong:  # safetensors, numpy and our own, each in its class
        raise interface.RefusedModel(
            f"{source.name} is no net of ours, or damaged: {wrong}"[:300],
            fix="send it again; other PyTorch models: torch.onnx.export(model, example, 'model.onnx')",
        ) from wrong
    target.write_bytes(made)
    try:
        import safetensors.torch
        import torch
    except ImportError:
        return None
    from shuyuan.science.nets import modules

    net = modules.restore(shape, safetensors.torch.load(data))

    def answer(feeds: Mapping[str, checking.Array]) -> list[checking.Array]:
        with torch.inference_mode():
            return [one.numpy() for one in net(*(torch.from_numpy(feeds[name]) for name in names))]

    names = [one.name for one in onnx.load(str(target)).graph.input]
    return checking.require_same(target, _sample(target), answer)


def _sample(target: Path) -> dict[str, checking.Array]:
    """Noise for floats and ones for ids, in the shapes the graph says; sizes it leaves free are 4."""
    rng, kinds = np.random.default_rng(0), {"tensor(float)": np.float32, "tensor(int64)": np.int64}
    made: dict[str, checking.Array] = {}
    for port in onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"]).get_inputs():
        shape = [size if isinstance(size, int) else _ROWS for size in port.shape]
        kind = kinds.get(port.type, np.int64)
        made[port.name] = rng.normal(size=shape).astype(kind) if kind is np.float32 else np.ones(shape, kind)
    return made


def _renamed(target: Path, sample: Path) -> float:
    """Outputs `output_0`, … instead of the converter's names; checked against TensorFlow's own answers."""
    model = onnx.load(str(target))
    new = {port.name: f"output_{number}" for number, port in enumerate(model.graph.output)}
    for port in model.graph.output:
        port.name = new[port.name]
    for node in model.graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                names[at] = new.get(name, name)
    target.write_bytes(model.SerializeToString())
    with np.load(sample, allow_pickle=False) as found:
        given = [found[f"in_{n}"] for n in range(len(model.graph.input))]
        wanted = [found[f"out_{n}"] for n in range(len(model.graph.output))]
    feeds = {port.name: array for port, array in zip(model.graph.input, given, strict=True)}
    return checking.require_same(target, feeds, lambda _: wanted, tolerance=1e-3)


def _described(target: Path) -> dict[str, Any]:  # Any: JSON
    """That it loads, and which output counts. Raises RefusedModel."""
    try:
        session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    except Exception as wrong:  # onnxruntime raises a different class for every status
        raise interface.RefusedModel(f"ONNX Runtime does not open it: {wrong}"[:400], fix="export it again") from wrong
    outputs = [port.name for port in session.get_outputs()]
    chosen = next((name for name in ("probabilities", "logits", "embeddings", "value") if name in outputs), outputs[0])
    return {"output": chosen}
