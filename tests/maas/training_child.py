"""What the children of tests share: imported once by the server they are forked from."""

import os
import resource
import sys

import torch
import torch._dynamo
import torch.onnx._internal.torchscript_exporter.utils

from shuyuan.maas.training import child

__all__ = ["run"]


def run(folder: str, largest_bytes: int, environment: dict[str, str]) -> None:
    """The main of a child. environment: of the test; the server it is forked from has that of an earlier one."""
    os.environ.clear()
    os.environ.update(environment)
    if largest_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, resource.RLIM_INFINITY))
    torch.set_num_threads(1)
    sys.exit(child.main([folder]))
