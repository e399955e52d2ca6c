"""ONNX files with data beside them, made one file when all of it lies in the same folder. Child process only."""

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import external_data_helper

from shuyuan.maas.conversion import interface

_MOST_BYTES = 2_000_000_000  # what one protobuf file holds


def in_one_file(source: Path, target: Path) -> tuple[str, ...]:
    """Write `source` with all its data inside to `target`; notes on what was done. Raises RefusedModel."""
    try:
        model = onnx.load(str(source), load_external_data=False)
    except Exception as wrong:  # protobuf raises classes of its own
        raise interface.RefusedModel(f"{source.name} is no ONNX file: {wrong}"[:300], fix="export it again") from wrong
    if not model.graph.node or not model.graph.output:
        raise interface.RefusedModel(f"{source.name} holds no graph with a step and an output", fix="export it again")
    beside = {_beside(source, tensor) for tensor in _outside(model)}
    if not beside:
        target.write_bytes(source.read_bytes())
        return ()
    size_bytes = source.stat().st_size + sum(path.stat().st_size for path in beside)
    if size_bytes > _MOST_BYTES:
        raise interface.RefusedModel(
            f"with its data it has {size_bytes} bytes", fix="split it with method stages first"
        )
    try:
        external_data_helper.load_external_data_for_model(model, str(source.parent))
        target.write_bytes(model.SerializeToString())
    except Exception as wrong:  # onnx checks paths, offsets and lengths again, in classes of its own
        raise interface.RefusedModel(f"its data cannot be read: {wrong}"[:300], fix="export it again") from wrong
    return (f"data of {', '.join(sorted(path.name for path in beside))} is now inside",)


def _outside(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    for tensor in external_data_helper._get_all_tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            yield tensor


def _beside(source: Path, tensor: onnx.TensorProto) -> Path:
    """The file of a tensor's data. Raises RefusedModel unless it lies in the folder of the graph, itself no link."""
    said = {one.key: one.value for one in tensor.external_data}.get("location", "")  # text, by the schema
    path: Path = source.parent / said
    plain = said and Path(said).name == said and not path.is_symlink()
    if not plain or path.resolve().parent != source.parent.resolve() or not path.is_file():
        raise interface.RefusedModel(
            f"the tensor {tensor.name[:80]!r} keeps its data in {said[:120]!r}: not there, or outside its folder",
            fix="export the graph as one file, or put its data beside it",
        )
    return path
