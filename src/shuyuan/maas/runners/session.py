"""Open an ONNX graph on the CPU the way this platform shares its cores."""

import os
from pathlib import Path

import onnxruntime


def cores() -> int:
    """How many cores this process may use; a pinned process has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def options(threads: int = 0) -> onnxruntime.SessionOptions:
    """Of every session here. threads: to compute with; 0: one per core."""
    made = onnxruntime.SessionOptions()
    made.intra_op_num_threads = threads or cores()
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to others
    return made


def open_graph(graph: bytes | Path, threads: int = 0) -> onnxruntime.InferenceSession:
    """A session. threads: to compute with; 0: one per core. Raises what onnxruntime raises."""
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(source, options(threads), providers=["CPUExecutionProvider"])
