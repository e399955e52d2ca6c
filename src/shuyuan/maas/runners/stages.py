"""Run a graph that was cut into stages: each is loaded when its turn comes, and dropped when room is needed.

The file is safetensors. Its metadata `stages` says, in order, the tensors that hold each stage's graph (`graph`) and
weights (`weights`: name → tensor), what it reads and gives, and what the whole takes and gives. Weights lie stage after
stage, are mapped and never copied; onnxruntime packs some of them for its kernels, and the mapped pages are given back.
The graphs hold no data and name no file: the descriptions of their weights are added here.
"""

import ctypes
import json
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shuyuan.maas.runners import graph, interface, session

Array = NDArray[Any]  # of whatever type the graph takes
FORMAT = "1"
_MAX_HEADER_BYTES = 16 << 20
_DTYPES = {"F32": "float32", "F64": "float64", "F16": "float16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
           "I32": "int32", "I64": "int64"}  # fmt: skip
_ELEMENTS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}
_EXTERNAL = 1
_PAGE = mmap.ALLOCATIONGRANULARITY
_FOR_WEIGHTS = 0.6  # of the budget; the rest is for sessions themselves and what flows between stages


class Port(NamedTuple):
    """An input or output of the whole: like onnxruntime's own."""

    name: str
    type: str
    shape: list[int | str | None]


@dataclass(frozen=True)
class Stage:
    """One piece. size_bytes: of its weights but for tables.

    tables: weights that rows are looked up in. They are inputs of the graph, given as they lie in the file: only the
    pages with those rows are ever read.
    """

    graph: str
    weights: Mapping[str, str]
    tables: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    size_bytes: int


class Container:
    """The mapped file: tensors by name, and its stages. Raises BadModelFile."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as handle:
                self._map = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
            (length,) = struct.unpack_from("<Q", self._map)
            if length > min(_MAX_HEADER_BYTES, len(self._map) - 8):
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(self._map[8 : 8 + length])
            self._start = 8 + length
            said = json.loads(header.pop("__metadata__")["stages"])
            self._tensors: dict[str, Any] = header
            self.inputs = [Port(*one) for one in said["inputs"]]
            self.outputs = [Port(*one) for one in said["outputs"]]
            self.stages = [self._stage(one) for one in said["stages"]]
            if said["format"] != FORMAT or not self.stages:
                raise ValueError(f"format {said['format']!r}")
        except (OSError, struct.error, ValueError, KeyError, TypeError, RecursionError) as wrong:
            raise interface.BadModelFile(
                f"{path.name}: no model in stages: {wrong}"[:300], fix="split the model again"
            ) from wrong

    def array(self, tensor: str) -> Array:
        """A tensor as it lies in the file."""
        found = self._tensors[tensor]
        begin, end = self._span(tensor)
        return (
            np.frombuffer(self._map, np.uint8, end - begin, begin).view(_DTYPES[found["dtype"]]).reshape(found["shape"])
        )

    def forget(self, stage: Stage) -> None:
        """Give the pages of its weights back; they are read again from the file when touched."""
        spans = [self._span(tensor) for tensor in stage.weights.values()]
        if spans and hasattr(mmap, "MADV_DONTNEED"):
            begin = min(first for first, _ in spans) // _PAGE * _PAGE
            self._map.madvise(mmap.MADV_DONTNEED, begin, max(last for _, last in spans) - begin)

    def _span(self, tensor: str) -> tuple[int, int]:
        begin, end = self._tensors[tensor]["data_offsets"]
        if not 0 <= begin <= end <= len(self._map) - self._start:
            raise ValueError(f"tensor {tensor[:80]!r} leaves the file")
        return self._start + begin, self._start + end

    def _stage(self, said: Mapping[str, Any]) -> Stage:
        weights = {str(name): str(tensor) for name, tensor in said["weights"].items()}
        spans = {name: self._span(tensor) for name, tensor in weights.items()}
        tables = tuple(name for name in said["tables"] if name in weights)
        size_bytes = sum(end - begin for name, (begin, end) in spans.items() if name not in tables)
        return Stage(str(said["graph"]), weights, tables, tuple(said["inputs"]), tuple(said["outputs"]), size_bytes)


class StagedSession:
    """Like an onnxruntime session, within a budget of bytes for weights; 0 keeps every stage once loaded.

    loads: how often a stage was loaded since the session was made.
    """

    def __init__(self, path: Path, budget_bytes: int = 0, threads: int = 0) -> None:
        self._file, self._threads = Container(path), threads
        self._bounded = budget_bytes > 0
        whole = 2 * sum(stage.size_bytes for stage in self._file.stages)
        self._room_bytes = int(budget_bytes * _FOR_WEIGHTS) if budget_bytes else whole
        self._loaded: dict[int, onnxruntime.InferenceSession] = {}
        self.loads = 0
        needed = int(2 * max(stage.size_bytes for stage in self._file.stages) / _FOR_WEIGHTS) + 1
        if budget_bytes and needed > budget_bytes:
            raise interface.BadModelFile(
                f"the largest stage needs {needed} bytes while it is loaded, the budget is {budget_bytes}",
                fix=f"give at least {needed} bytes, or split into smaller stages",
            )

    def get_inputs(self) -> Sequence[Port]:
        """Of the whole."""
        return self._file.inputs

    def get_outputs(self) -> Sequence[Port]:
        """Of the whole."""
        return self._file.outputs

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, Array]) -> list[Array]:
        """One pass through all stages; a tensor is dropped once no later stage reads it."""
        wanted = list(names) if names else [port.name for port in self._file.outputs]
        there: dict[str, Array] = dict(feeds)
        stages = self._file.stages
        for number, stage in enumerate(stages):
            given = {name: there[name] for name in stage.inputs}
            given |= {name: self._file.array(stage.weights[name]) for name in stage.tables}
            there |= zip(stage.outputs, self._session(number).run(list(stage.outputs), given), strict=True)
            if stage.tables and self._bounded:
                self._file.forget(stage)
            later = {name for one in stages[number + 1 :] for name in one.inputs} | set(wanted)
            there = {name: array for name, array in there.items() if name in later}
        return [there[name] for name in wanted]

    @property
    def resident_bytes(self) -> int:
        """Weights of the stages in memory."""
        return sum(self._file.stages[number].size_bytes for number in self._loaded)

    def _session(self, number: int) -> onnxruntime.InferenceSession:
        if number not in self._loaded:
            self._make_room(number)
            self._loaded[number] = self._load(self._file.stages[number])
            self.loads += 1
        return self._loaded[number]

    def _make_room(self, number: int) -> None:
        """Drop first what is needed last: stages run in a circle, so the one just before has the longest way to go."""
        needed = 2 * self._file.stages[number].size_bytes  # mapped and packed, while it is loaded
        count = len(self._file.stages)
        for last in sorted(self._loaded, key=lambda one: (one - number) % count, reverse=True):
            if self.resident_bytes + needed <= self._room_bytes:
                return
            del self._loaded[last]
            self._file.forget(self._file.stages[last])
            _give_back()

    def _load(self, stage: Stage) -> onnxruntime.InferenceSession:
        names = (name for name in stage.weights if name not in stage.tables)
        arrays = {name: self._file.array(stage.weights[name]) for name in names}
        options = session.options(self._threads)
        options.enable_cpu_mem_arena = False  # an arena would keep what a stage gave back
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
        if arrays:
            options.add_external_initializers(list(arrays), values)
        content = self._file.array(stage.graph).tobytes() + _described(arrays)
        made = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._file.forget(stage)  # what the kernels packed for themselves is not read from the file again
        _give_back()
        return made


def _give_back() -> None:
    """glibc keeps what was freed for later; here the system shall have it at once."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return


def _described(arrays: Mapping[str, Array]) -> bytes:
    """Initialisers whose data comes from elsewhere, as one more piece of the graph (messages in pieces are joined)."""
    body = b""
    for name, array in arrays.items():
        tensor = b"".join(graph._number(1, size) for size in array.shape)
        tensor += graph._number(2, _ELEMENTS[array.dtype.name]) + graph._bytes(8, name.encode())
        for key, value in {"location": "weights", "offset": "0", "length": str(array.nbytes)}.items():
            tensor += graph._bytes(13, graph._bytes(1, key.encode()) + graph._bytes(2, value.encode()))
        body += graph._bytes(5, tensor + graph._number(14, _EXTERNAL))
    return graph._bytes(7, body)
