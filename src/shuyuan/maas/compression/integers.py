"""What the integer methods share: a graph in the form the quantiser knows, its chatter kept back, what became of it."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from shuyuan.maas.compression import interface, method
from shuyuan.maas.compression import net as nets

_MIN_OPSET = 13  # per-channel scales


def prepared(work: method.Work, kinds: Sequence[str]) -> Path:
    """The graph with MatMul for Gemm, written beside the child. Raises CannotCompress when nothing would change."""
    net = nets.Net.read(work.model)
    if net.opset < _MIN_OPSET:
        raise interface.CannotCompress(f"the graph has opset {net.opset}", fix=f"export it with {_MIN_OPSET} or newer")
    if _is_narrow(net):
        raise interface.CannotCompress("the graph is quantised already", fix="compress its float parent")
    nets.matmuls_for_gemms(net)
    if not net.weighted([kind for kind in kinds if kind in nets.WEIGHTED]):
        raise interface.CannotCompress(
            f"no constant matrix of {', '.join(kind for kind in kinds if kind in nets.WEIGHTED)} is there",
            fix="use another method",
        )
    path = work.folder / "prepared.onnx"
    path.write_bytes(net.to_bytes())
    return path


def told(before: Path, after: Path) -> tuple[Mapping[str, object], ...]:
    """Bytes of weights by type, before and after. Raises CannotCompress when no weight became an integer."""
    old, new = _bytes_by_type(before), _bytes_by_type(after)
    if not set(new) & {"int8", "uint8", "int4", "uint4"}:
        raise interface.CannotCompress("no weight could be made an integer", fix="use another method")
    return tuple(
        {"type": kind, "bytes": old.get(kind, 0), "packed": new.get(kind, 0)}
        for kind in sorted(old.keys() | new.keys())
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The quantiser prints advice and warns of what was chosen on purpose."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _is_narrow(net: nets.Net) -> bool:
    return any(array.dtype == np.int8 for array in net.weights.values())


def _bytes_by_type(path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for tensor in onnx.load(str(path), load_external_data=False).graph.initializer:
        kind = onnx.TensorProto.DataType.Name(tensor.data_type).lower()
        found[kind] = found.get(kind, 0) + (len(tensor.raw_data) or tensor.ByteSize())
    return found
