"""A trained net as safetensors and ONNX, the ONNX file checked against torch on real rows.

Two exporters: the quick tracer first, torch's newer one when the first refuses or disagrees (about 4 s). Whichever
wrote it, a file that differs from torch by more than 1e-4 on any output is refused.
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save
from torch import Tensor, nn

from shuyuan.kernel import errors
from shuyuan.maas.training import task

TOLERANCE = 1e-4  # largest difference, relative where a value is above 1
OPSET = 18
_ROWS = 5  # rows it is checked on; also alone, because the first axis must be free


class BadExport(errors.ShuyuanError):
    """No file could be written that computes what the net computes."""

    status, code = 500, "bad_export"


def write(
    net: nn.Module, inputs: Sequence[str], outputs: Sequence[str], arrays: task.Arrays, out: Path,
    *, served: nn.Module | None = None,
) -> dict[str, Any]:  # JSON  # fmt: skip
    """weights.safetensors and model.onnx in `out`; what the spec says of them. Raises BadExport.

    served: what the graph computes, where that is more than the net; its one output may be a tensor alone.
    """
    net = net.eval().cpu()
    served = net if served is None else served
    out.mkdir(parents=True, exist_ok=True)
    write_weights(net, out / "weights.safetensors")
    rows = [torch.from_numpy(arrays[name][:_ROWS]) for name in inputs]
    difference = write_onnx(served, rows, inputs, outputs, out / "model.onnx")
    found = _outputs(served, rows)
    return {
        "inputs": [_port(name, row) for name, row in zip(inputs, rows, strict=True)],
        "outputs": [_port(name, one) for name, one in zip(outputs, found, strict=True)],
        "opset": OPSET,
        "onnx_difference": difference,
        **_net(net),
    }


def write_weights(net: nn.Module, path: Path) -> None:
    """The tensors; nets of `science.nets` say in the metadata what they are, so that the torch runner restores them."""
    about = {name: text if isinstance(text, str) else json.dumps(text) for name, text in _net(net).items()}
    path.write_bytes(save({name: one.detach().cpu().contiguous() for name, one in net.state_dict().items()}, about))


def write_onnx(
    net: nn.Module, rows: Sequence[Tensor], inputs: Sequence[str], outputs: Sequence[str], path: Path
) -> float:
    """Write the file with a free first axis; returns its largest difference from torch. Raises BadExport."""
    tried: list[str] = []
    for exporter in (_traced, _exported):
        try:
            with quiet():
                exporter(net, tuple(rows), list(inputs), list(outputs), path)
            difference = max(
                _difference(net, rows, inputs, path), _difference(net, [r[:1] for r in rows], inputs, path)
            )
        except Exception as wrong:  # exporters raise whatever they meet
            tried.append(f"{exporter.__name__.strip('_')}: {str(wrong)[:200]}")
            continue
        if difference <= TOLERANCE:
            return difference
        tried.append(f"{exporter.__name__.strip('_')}: differs by {difference:.2g}")
    path.unlink(missing_ok=True)
    raise BadExport("the net cannot be written as ONNX: " + "; ".join(tried), fix="use layers that ONNX knows")


def _traced(net: nn.Module, rows: tuple[Tensor, ...], inputs: list[str], outputs: list[str], path: Path) -> None:
    axes = {name: {0: "rows"} for name in (*inputs, *outputs)}
    torch.onnx.export(
        net, rows, str(path), dynamo=False, opset_version=OPSET, input_names=inputs, output_names=outputs,
        dynamic_axes=axes,
    )  # fmt: skip


def _exported(net: nn.Module, rows: tuple[Tensor, ...], inputs: list[str], outputs: list[str], path: Path) -> None:
    free = tuple({0: torch.export.Dim("rows")} for _ in rows)
    made = torch.onnx.export(
        net, rows, dynamo=True, opset_version=OPSET, input_names=inputs, output_names=outputs, dynamic_shapes=free,
        verbose=False,
    )  # fmt: skip
    assert made is not None
    made.save(str(path))


def _difference(net: nn.Module, rows: Sequence[Tensor], inputs: Sequence[str], path: Path) -> float:
    """The largest one over all outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    taken = {node.name for node in session.get_inputs()}
    feeds = {name: row.numpy() for name, row in zip(inputs, rows, strict=True) if name in taken}
    wanted = [one.numpy() for one in _outputs(net, rows)]
    found = session.run(None, feeds)
    if [one.shape for one in found] != [one.shape for one in wanted]:
        raise ValueError(f"shapes {[one.shape for one in found]} instead of {[one.shape for one in wanted]}")
    pairs = zip(found, wanted, strict=True)
    return max(float((np.abs(a - b) / np.maximum(np.abs(b), 1)).max(initial=0)) for a, b in pairs)


def _outputs(net: nn.Module, rows: Sequence[Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        found: tuple[Tensor, ...] | Tensor = net(*rows)
    return (found,) if isinstance(found, Tensor) else found


def _net(net: nn.Module) -> dict[str, Any]:  # JSON
    shape: Any = getattr(net, "shape", None)  # a description of `science.nets`, or none
    if not is_dataclass(shape) or isinstance(shape, type):
        return {}
    return {"net": str(getattr(shape, "NAME", "")), "config": asdict(shape)}


def _port(name: str, tensor: Tensor) -> dict[str, Any]:  # JSON
    return {"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": [-1, *tensor.shape[1:]]}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Exporters warn of what the check afterwards answers."""
    level = logging.getLogger("torch.onnx").level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        yield
    logging.getLogger("torch.onnx").setLevel(level)
