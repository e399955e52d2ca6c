"""Run an ONNX graph on the CPU: named arrays in, named arrays out."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import onnxruntime

from shuyuan.maas.runners import interface


class OnnxRunner:
    """One session. Graphs are small here: a started run finishes, cancellation is seen before it."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._session: onnxruntime.InferenceSession | None = None
        self._load_s = 0.0
        self._requests = 0

    def load(self, path: Path, *, context_tokens: int) -> None:
        """Read a verified `.onnx` file; weights must be inside it."""
        started = time.perf_counter()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to others
        try:
            self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as wrong:  # onnxruntime raises a different class for every status
            raise interface.BadModelFile(f"{path.name}: {wrong}", fix="export the model to ONNX again") from wrong
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """One chunk with every output of the graph."""
        if task != "predict":
            raise interface.UnsupportedTask(f"a tensor model cannot {task}", fix="ask for task 'predict'")
        if self._session is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        feeds = self._read(payload)
        usage = interface.Usage(prompt_tokens=0)
        self._requests += 1
        if cancelled.is_set():
            yield interface.Chunk(finish_reason="cancelled", usage=usage)
            return
        try:
            outputs = self._session.run(None, feeds)
        except Exception as wrong:  # wrong rank or dtype: the caller's input against the graph
            raise interface.BadPayload(str(wrong), fix="match the graph's inputs") from wrong
        names = [output.name for output in self._session.get_outputs()]
        packed = {name: interface.pack_tensor(array) for name, array in zip(names, outputs, strict=True)}
        yield interface.Chunk(tensors=packed, finish_reason="stop", usage=usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, 0, 0)

    def close(self) -> None:
        """Drop the session."""
        self._session = None

    def _read(self, payload: interface.Payload) -> dict[str, object]:
        inputs = payload.get("inputs")
        wanted = sorted(node.name for node in self._session.get_inputs()) if self._session else []
        if not isinstance(inputs, dict) or sorted(inputs) != wanted:
            given = sorted(inputs) if isinstance(inputs, dict) else inputs
            raise interface.BadPayload(f"inputs {given} given, the graph takes {wanted}", fix="name each input")
        return {name: interface.unpack_tensor(tensor) for name, tensor in inputs.items()}
