"""Open a model file as its runner would, and ask for arrays. Child process only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.compression import interface
from shuyuan.maas.runners import graph, session, stages

Array = NDArray[Any]  # of whatever type the graph takes
DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    "tensor(int8)": "int8", "tensor(int32)": "int32", "tensor(int64)": "int64", "tensor(uint8)": "uint8",
}  # fmt: skip


class _Port(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> Sequence[int | str | None]: ...


class _Session(Protocol):
    def run(self, names: Sequence[str] | None, feeds: Mapping[str, Array]) -> Sequence[Array]: ...
    def get_inputs(self) -> Sequence[_Port]: ...
    def get_outputs(self) -> Sequence[_Port]: ...


def warm_up() -> None:
    """What onnxruntime sets up once a process, whatever it opens, so that it is not counted as a model's."""
    made = graph.Graph("nothing")
    made.output(made.node("Relu", [made.input("x", "float32", ("rows",))], "y"), "float32", ("rows",))
    session.open_graph(made.to_bytes(), 1).run(None, {"x": np.zeros(1, np.float32)})


def of_bytes(graph: bytes, threads: int = 1) -> _Session:
    """A session of a graph in memory."""
    opened: _Session = session.open_graph(graph, threads)
    return opened


class Model:
    """An opened file: inputs and outputs by name, and `run`."""

    def __init__(self, path: Path, runner: str = "onnx", threads: int = 1, budget_bytes: int = 0) -> None:
        self.session: _Session
        try:
            if runner == "staged":
                self.session = stages.StagedSession(path, budget_bytes, threads)
            else:
                self.session = session.open_graph(path, threads)
        except Exception as wrong:  # onnxruntime raises a different class for every status
            raise interface.CannotCompress(
                f"ONNX Runtime does not open it: {wrong}"[:400], fix="see the text"
            ) from wrong
        self.inputs = {port.name: port for port in self.session.get_inputs()}
        self.outputs = {port.name: port for port in self.session.get_outputs()}

    @property
    def dtypes(self) -> dict[str, str]:
        """Input name → dtype. Raises CannotCompress for what is no plain tensor."""
        for port in self.inputs.values():
            if port.type not in DTYPES:
                raise interface.CannotCompress(f"input {port.name!r} is {port.type}", fix="export it with tensors")
        return {name: DTYPES[port.type] for name, port in self.inputs.items()}

    @property
    def free_rows(self) -> bool:
        """Whether the first axis of every input is known only at run time."""
        return all(port.shape and not isinstance(port.shape[0], int) for port in self.inputs.values())

    def output_of(self, spec: Mapping[str, Any]) -> str:
        """The output that counts: named in the spec, else the first of floats."""
        if (named := spec.get("output")) in self.outputs:
            return str(named)
        floats = [name for name, port in self.outputs.items() if port.type == "tensor(float)"]
        return (floats or list(self.outputs))[0]

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, Array]) -> Sequence[Array]:
        """Outputs in order. Raises CannotCompress for feeds the graph does not take."""
        try:
            return self.session.run(names, feeds)
        except Exception as wrong:  # as above
            raise interface.CannotCompress(f"the model does not run: {wrong}"[:400], fix="choose other data") from wrong

    def sample(self, rows: int = 1) -> dict[str, Array]:
        """Plausible inputs where no data is at hand: noise, and small whole numbers; free sizes are 8."""
        rng = np.random.default_rng(0)
        made: dict[str, Array] = {}
        for name, dtype in self.dtypes.items():
            first, *rest = self.inputs[name].shape or [1]
            lead = first if isinstance(first, int) else rows
            shape = [lead, *(size if isinstance(size, int) else 8 for size in rest)]
            whole = np.ones(shape, dtype)
            made[name] = rng.normal(size=shape).astype(dtype) if dtype.startswith("float") else whole
        return made
