"""The same training on several processes: every batch is shared out, gradients are added up and divided by the whole.

Each process reads the data, holds the whole net and draws the same numbers; only the rows of a batch differ. So the
result is that of one process but for the order in which gradients are added (and for dropout, which is drawn per
process): the weights agree to 1e-4 after some hundred steps. gloo on CPUs, nccl on GPUs; processes of one machine.
"""

import datetime
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed
from torch import Tensor, nn
from torch._C._distributed_c10d import Store, TCPStore

_PATIENCE = datetime.timedelta(minutes=30)  # the others wait while the first one validates or writes
_HOST = "127.0.0.1"


class Alone:
    """One process: nothing to add up."""

    rank, size = 0, 1

    def share(self, rows: Tensor) -> Tensor:
        """All rows of a batch."""
        return rows

    def add_up(self, parameters: Sequence[nn.Parameter], total: float, weight: float, stop: bool) -> tuple[float, bool]:
        """The mean loss of the batch and whether to stop. Gradients are divided already."""
        return total / weight if weight else 0.0, stop

    def agree(self, value: float) -> float:
        """What the first process says."""
        return value

    def close(self) -> None:
        """Nobody to say goodbye to."""


class Several(Alone):
    """One of several processes."""

    def __init__(self, rank: int, size: int, store: Store, device: torch.device) -> None:
        self.rank, self.size, self._device = rank, size, device
        kind = "nccl" if device.type == "cuda" else "gloo"
        torch.distributed.init_process_group(kind, store=store, rank=rank, world_size=size, timeout=_PATIENCE)

    def share(self, rows: Tensor) -> Tensor:
        """The part of a batch that is this process's: as equal as can be."""
        return rows.tensor_split(self.size)[self.rank]

    def add_up(self, parameters: Sequence[nn.Parameter], total: float, weight: float, stop: bool) -> tuple[float, bool]:
        """Turn gradients of sums into those of the whole batch's mean: one message for all of them."""
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        told = torch.tensor([total, weight, float(stop)], device=self._device)
        flat = torch.cat([told, *(grad.reshape(-1).float() for grad in grads)])
        torch.distributed.all_reduce(flat)
        total, weight, stops = flat[:3].tolist()
        parts = torch.split(flat[3:] / (weight or 1.0), [grad.numel() for grad in grads])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype)
        return total / weight if weight else 0.0, stops > 0

    def agree(self, value: float) -> float:
        """What the first process says."""
        said = torch.tensor([value], dtype=torch.float64, device=self._device)
        torch.distributed.broadcast(said, 0)
        return float(said.item())

    def close(self) -> None:
        """Leave the group."""
        torch.distributed.destroy_process_group()


class Helpers:
    """The other processes of a run, started by the first."""

    def __init__(self, folder: Path, processes: int) -> None:
        self.store = TCPStore(_HOST, 0, is_master=True, wait_for_workers=False)
        command = [sys.executable, "-m", "shuyuan.maas.training.child", str(folder), "--port", str(self.store.port)]
        self._started = [
            subprocess.Popen([*command, "--rank", str(rank)], env=dict(os.environ)) for rank in range(1, processes)
        ]

    def end(self) -> None:
        """They end by themselves when the run does; whoever has not is stopped."""
        for one in self._started:
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


def joined(port: int) -> Store:
    """The meeting place that the first process has opened."""
    return TCPStore(_HOST, port, is_master=False)
