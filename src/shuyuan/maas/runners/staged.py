"""Serve a model that was cut into stages, within a budget of bytes: one larger than memory allows still runs.

The spec says `budget_bytes` (0 or absent: every stage stays once loaded). It answers as the onnx runner does.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from shuyuan.maas.runners import interface, onnx, stages


class StagedRunner(onnx.OnnxRunner):
    """One model in stages. Requests take turns: stages of one pass would push out those of another."""

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Map a verified file; stages are read when they are needed."""
        started = time.perf_counter()
        budget_bytes = spec.get("budget_bytes", 0)
        if not isinstance(budget_bytes, int) or budget_bytes < 0:
            raise interface.BadModelFile(f"budget_bytes is {budget_bytes!r}", fix="give a whole number of bytes >= 0")
        self._session = stages.StagedSession(path, budget_bytes, threads)
        self._inputs = {port.name: port for port in self._session.get_inputs()}
        self._outputs = {port.name: port for port in self._session.get_outputs()}
        self.batching = False
        self._load_s = time.perf_counter() - started
