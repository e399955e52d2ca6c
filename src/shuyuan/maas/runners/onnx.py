"""Run an ONNX graph on the CPU: named arrays in, named arrays out.

A version whose spec says `"batch": true` lets requests share a pass: every input and output of its graph
must have a first axis known only at run time, and rows must not look at each other.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shuyuan.maas.runners import interface, session

Feeds = dict[str, NDArray[np.generic]]

_ELEMENT_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
_DATATYPES = {  # words of the Open Inference Protocol
    "float": "FP32", "double": "FP64", "float16": "FP16", "bfloat16": "BF16", "bool": "BOOL",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64", "string": "BYTES",
}  # fmt: skip


class OnnxRunner:
    """One session. Graphs are small here: a started run finishes, cancellation is seen before it."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._session: onnxruntime.InferenceSession | None = None
        self.batching = False
        self._load_s = 0.0
        self._requests = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read a verified `.onnx` file; weights must be inside it."""
        started = time.perf_counter()
        try:
            self._session = session.open_graph(path.read_bytes(), threads)
        except Exception as wrong:  # onnxruntime raises a different class for every status
            raise interface.BadModelFile(f"{path.name}: {wrong}", fix="export the model to ONNX again") from wrong
        self._inputs = {node.name: node for node in self._session.get_inputs()}
        self._outputs = {node.name: node for node in self._session.get_outputs()}
        self.batching = spec.get("batch") is True
        if self.batching:
            self._check_batches()
        if isinstance(labels := spec.get("labels"), list) and not {"detector", "threshold"} & set(spec):
            self._check_labels(len(labels), spec.get("output"))
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """One chunk: every output of the graph, or what it takes and gives."""
        yield from interface.answer_alone(self, task, payload, cancelled)

    def split(self, task: str, payload: interface.Payload) -> Sequence[interface.Item]:
        """One item with all rows of the request; nothing needs running to describe the graph."""
        if task == "describe":
            return []
        if task != "predict":
            raise interface.UnsupportedTask(f"a tensor model cannot {task}", fix="ask for predict or describe")
        feeds = self._read(payload)
        if not self.batching:
            return [interface.Item(1, feeds)]
        rows = {len(array) if array.ndim else 0 for array in feeds.values()}
        if len(rows) != 1 or rows == {0}:
            raise interface.BadPayload(f"inputs of {sorted(rows)} rows", fix="give each input the same rows, >= 1")
        return [interface.Item(1, feeds, rows.pop())]

    def run(self, items: Sequence[interface.Item]) -> Sequence[object]:
        """One run over the rows of all items."""
        if self._session is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        feeds: list[Feeds] = [item.content for item in items]  # type: ignore[misc]  # from `split`
        try:
            whole = feeds[0] if len(feeds) == 1 else _joined(feeds)
            outputs: list[NDArray[np.generic]] = self._session.run(list(self._outputs), whole)
        except Exception as wrong:  # wrong rank, size or dtype: the caller's input against the graph
            raise interface.BadPayload(str(wrong), fix="match the graph's inputs") from wrong
        if len(items) == 1:
            return [outputs]
        ends = np.cumsum([item.rows for item in items])
        return [[o[end - item.rows : end] for o in outputs] for item, end in zip(items, ends, strict=True)]

    def join(
        self,
        task: str,
        payload: interface.Payload,
        items: Sequence[interface.Item],
        results: Sequence[object],
    ) -> interface.Chunk:
        """Every output of the graph, by name; or the graph's inputs and outputs in the protocol's words."""
        self._requests += 1
        if task == "describe":
            about = {"inputs": _ports(self._inputs.values()), "outputs": _ports(self._outputs.values())}
            return interface.Chunk(data=about, finish_reason="stop", usage=interface.Usage(prompt_tokens=0))
        outputs: list[NDArray[np.generic]] = results[0]  # type: ignore[assignment]  # from `run`
        packed = {name: interface.pack_tensor(array) for name, array in zip(self._outputs, outputs, strict=True)}
        return interface.Chunk(tensors=packed, finish_reason="stop", usage=interface.Usage(prompt_tokens=0))

    def sample(self, length: int) -> interface.Item:
        """A row of zeros."""
        feeds = {
            name: np.zeros([1, *node.shape[1:]], dtype=_ELEMENT_TYPES[node.type]) for name, node in self._inputs.items()
        }
        return interface.Item(length, feeds)

    def lengths(self) -> Sequence[int]:
        """All rows are alike."""
        return [1]

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, 0, 0)

    def close(self) -> None:
        """Drop the session."""
        self._session = None

    def _check_batches(self) -> None:
        for node in [*self._inputs.values(), *self._outputs.values()]:
            first, *rest = node.shape or [1]
            fixed = node.name in self._outputs or all(isinstance(size, int) for size in rest)
            if isinstance(first, int) or not fixed or node.type not in _ELEMENT_TYPES:
                raise interface.BadModelFile(
                    f"{node.name!r} of shape {node.shape} and type {node.type} cannot share a pass",
                    fix="leave out batch in the spec, or export with a free first axis and fixed others",
                )

    def _check_labels(self, labels: int, name: object) -> None:
        """A file that says how many scores it gives was judged when it was brought; the others are judged here."""
        names = list(self._outputs)
        scores = names[0] if name is None and len(names) == 1 else name
        place = names.index(scores) if isinstance(scores, str) and scores in names else -1
        if place < 0 or (width := self._width(place)) is None or width == labels:
            return
        raise interface.BadModelFile(
            f"{labels} labels were given, and output {names[place]!r} has {width} scores a row",
            fix=f"register the version again with {width} labels",
        )

    def _width(self, place: int) -> int | None:
        """Numbers a row of an output: as the graph says, else those of a row of zeros; None where it takes none."""
        row = list(self._outputs.values())[place].shape[1:]
        if row and all(isinstance(size, int) for size in row):
            return int(np.prod(row))
        try:
            outputs: list[NDArray[np.generic]] = self.run([self.sample(1)])[0]  # type: ignore[assignment]  # see `run`
        except (interface.BadPayload, KeyError, TypeError, ValueError):
            return None
        return int(np.size(outputs[place]))

    def _read(self, payload: interface.Payload) -> Feeds:
        inputs = payload.get("inputs")
        wanted = sorted(self._inputs)
        if not isinstance(inputs, dict) or sorted(inputs) != wanted:
            given = sorted(inputs) if isinstance(inputs, dict) else inputs
            raise interface.BadPayload(f"inputs {given} given, the graph takes {wanted}", fix="name each input")
        return {name: interface.unpack_tensor(tensor) for name, tensor in inputs.items()}


def _ports(nodes: Iterable[onnxruntime.NodeArg]) -> list[dict[str, object]]:
    """-1 is a size known only at run time. What is no tensor cannot be sent and is left out."""
    kinds = [(node, node.type.removeprefix("tensor(").removesuffix(")")) for node in nodes]
    return [
        {
            "name": node.name,
            "datatype": _DATATYPES[kind],
            "shape": [size if isinstance(size, int) else -1 for size in node.shape or ()],
        }
        for node, kind in kinds
        if kind in _DATATYPES
    ]


def _joined(feeds: list[Feeds]) -> Feeds:
    if any({name: array.dtype for name, array in one.items()} != _dtypes(feeds[0]) for one in feeds):
        raise ValueError("types differ")  # told to whose they are, once each runs alone
    return {name: np.concatenate([one[name] for one in feeds]) for name in feeds[0]}


def _dtypes(feeds: Feeds) -> dict[str, np.dtype[np.generic]]:
    return {name: array.dtype for name, array in feeds.items()}
