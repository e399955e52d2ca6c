"""What the children of tests share: imported once by the server they are forked from."""

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch._dynamo
import torch.onnx._internal.torchscript_exporter.utils

from shuyuan.maas.training import checkpoints, child, distributed, reporting

__all__ = ["run"]


def run(folder: str, largest_bytes: int, environment: dict[str, str]) -> None:
    """The main of a child. environment: of the test; the server it is forked from has that of an earlier one."""
    os.environ.clear()
    os.environ.update(environment)
    if largest_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, resource.RLIM_INFINITY))
    job = json.loads((Path(folder) / "job.json").read_text())
    if "killed_after" in job:
        _kill_after(job["killed_after"])
    if job.get("helpers") == "forked":
        distributed.subprocess = Forks()  # type: ignore[attr-defined,assignment]  # of this process alone
    torch.set_num_threads(1)
    sys.exit(child.main([folder]))


def _kill_after(most: int) -> None:
    """This process is killed on its way to the next checkpoint after so many."""
    keep, begun = reporting.Report.keep, itertools.count()

    def kept(self: reporting.Report, checkpoint: checkpoints.Checkpoint) -> None:
        if next(begun) == most:
            os.kill(os.getpid(), signal.SIGKILL)
        keep(self, checkpoint)

    reporting.Report.keep = kept  # type: ignore[method-assign]  # of this process alone


class Forks:
    """Stands in for `subprocess`, for the one helper of a run: forked before anything has run, it need not import."""

    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self) -> None:
        told, self._tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._tell)
            said = os.read(told, 4096)  # nothing: whoever would have started it is gone
            os._exit(child.main(json.loads(said)) if said else 1)
        os.close(told)

    def Popen(self, command: Sequence[str], env: object) -> "Forks":  # the name it stands in for
        """Let it begin."""
        os.write(self._tell, json.dumps(command[3:]).encode())
        return self

    def wait(self, timeout_s: float = 3600.0) -> None:
        """Until it has ended."""
        until = time.monotonic() + timeout_s
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("helper", timeout_s)
            time.sleep(0.01)

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, 9)
