"""Run a net of `science/nets` from safetensors: named arrays in, named arrays out. Never pickle, never foreign code."""

import importlib.util
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from shuyuan.maas.runners import interface, netgraph
from shuyuan.science.nets import shapes
from shuyuan.science.nets.described import base

if importlib.util.find_spec("torch") is None:
    raise interface.BadModelFile("torch is not installed", fix="run `make train`")

import safetensors.torch
import torch

from shuyuan.science.nets import modules

_MAX_ROWS = 4_096


class TorchRunner:
    """One net on the CPU."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._net: modules.Module | None = None
        self._load_s = 0.0
        self._requests = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read a safetensors file whose metadata names the net and its config."""
        started = time.perf_counter()
        data = path.read_bytes()
        self._shape: shapes.Net = netgraph.read_header(data)
        try:
            self._net = modules.restore(self._shape, safetensors.torch.load(data))
        except (safetensors.SafetensorError, shapes.BadShape) as wrong:
            raise interface.BadModelFile(f"{path.name}: {wrong}", fix="save the model again") from wrong
        torch.set_num_threads(threads or os.cpu_count() or 1)
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """One chunk with every output of the net. A single input may have any name."""
        if task != "predict":
            raise interface.UnsupportedTask(f"a tensor model cannot {task}", fix="ask for task 'predict'")
        if self._net is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        rows = _read(payload, self._shape.ports())
        usage = interface.Usage(prompt_tokens=0)
        self._requests += 1
        if cancelled.is_set():
            yield interface.Chunk(finish_reason="cancelled", usage=usage)
            return
        with torch.inference_mode():
            outputs = self._net(*rows)
        named = zip(self._shape.OUTPUTS, outputs, strict=True)
        packed = {name: interface.pack_tensor(output.numpy()) for name, output in named}
        yield interface.Chunk(tensors=packed, finish_reason="stop", usage=usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, 0, 0)

    def close(self) -> None:
        """Drop the weights."""
        self._net = None


def _read(payload: interface.Payload, ports: Sequence[base.Input]) -> list[torch.Tensor]:
    inputs = payload.get("inputs")
    if not isinstance(inputs, dict) or len(inputs) != len(ports):
        names = ", ".join(port.name for port in ports)
        many = "one tensor" if len(ports) == 1 else f"{len(ports)} tensors: {names}"
        raise interface.BadPayload(f"inputs must hold {many}", fix="send inputs: {name: tensor}")
    named = all(port.name in inputs for port in ports)
    given = [inputs[port.name] for port in ports] if named else list(inputs.values())
    rows = [_rows(tensor, port) for tensor, port in zip(given, ports, strict=True)]
    if len({len(one) for one in rows}) > 1:
        raise interface.BadPayload("the inputs have different numbers of rows", fix="send as many of each")
    return rows


def _rows(tensor: Any, port: base.Input) -> torch.Tensor:  # a tensor of the wire, checked by `unpack_tensor`
    rows = interface.unpack_tensor(tensor)
    if rows.shape[1:] != port.shape or not 1 <= len(rows) <= _MAX_ROWS:
        raise interface.BadPayload(f"input of shape {list(rows.shape)}", fix=f"send (1 to {_MAX_ROWS}, {port.shape})")
    return torch.from_numpy(rows.astype(port.dtype))
