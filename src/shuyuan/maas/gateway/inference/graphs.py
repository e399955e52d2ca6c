"""What a tensor version takes and gives: asked of the worker that has the graph, else read from the version's spec."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.runners import interface as runners

_DEADLINE_S = 120.0  # the model may have to be loaded first
_REMEMBERED = 500
DATATYPES = {  # numpy's word → the Open Inference Protocol's
    "bool": "BOOL",
    "uint8": "UINT8",
    "int32": "INT32",
    "int64": "INT64",
    "float32": "FP32",
    "float64": "FP64",
}


@dataclass(frozen=True)
class Port:
    """One input or output: its datatype in the protocol's word, -1 for a size known only at run time."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """Inputs and outputs in the graph's order; empty: nobody told."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


class Graphs:
    """Descriptions, each asked once."""

    def __init__(self, desk: desks.Desk) -> None:
        self._desk = desk
        self._known: dict[str, Graph] = {}

    async def of(self, principal: Principal, name: str, model: catalogue_api.Loadable) -> Graph:
        """The graph of a located version, which may have to be loaded. `name` is what the caller wrote.

        Raises Suspended: what is asked here is on nobody's books.
        """
        self._desk.admit(principal)
        if model.key not in self._known:
            told = await self._ask(principal, name)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[model.key] = read(told or model.spec)
        return self._known[model.key]

    async def _ask(self, principal: Principal, name: str) -> Mapping[str, Any] | None:  # Any: JSON
        asker = self._desk.asker(principal)
        chunks = self._desk.engine.submit(name, "describe", {}, asker=asker, deadline_s=_DEADLINE_S)
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if chunk.data:
                        return chunk.data
        except runners.UnsupportedTask:  # a runner that cannot tell: what was declared must do
            return None
        return None


def read(told: Mapping[str, Any]) -> Graph:
    """The graph of {"inputs": [{"name", "datatype" or "dtype", "shape"}], "outputs": [...]}."""
    return Graph(_ports(told.get("inputs")), _ports(told.get("outputs")))


def _ports(told: object) -> tuple[Port, ...]:
    if not isinstance(told, Sequence) or isinstance(told, str):
        return ()
    return tuple(
        Port(str(port["name"]), _datatype(port), tuple(_size(size) for size in port.get("shape", ())))
        for port in told
        if isinstance(port, Mapping) and "name" in port
    )


def _datatype(port: Mapping[str, Any]) -> str:
    said = str(port.get("datatype") or port.get("dtype") or port.get("type") or "float32")
    return DATATYPES.get(said, said)


def _size(size: object) -> int:
    return size if isinstance(size, int) and size >= 0 else -1
