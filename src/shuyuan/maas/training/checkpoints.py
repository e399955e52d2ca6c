"""Checkpoints of a run: whole or not there. Owns `checkpoints/`; writes safetensors and JSON, never pickle.

Written beside (`.partial`), synced, renamed. The last two are kept, and in each the best weights so far (the same file
on disk while they do not change). A damaged one is passed over for the one before.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from shuyuan.kernel import errors

KEPT = 2
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Tensors = Mapping[str, Tensor]


class DiskFull(errors.ShuyuanError):
    """There is no room for what the run writes; what was written before stays."""

    status, code = 507, "disk_full"


@dataclass(frozen=True)
class Checkpoint:
    """Everything a run goes on from."""

    step: int
    state: Mapping[str, Any]  # JSON: position, early stopping, rates
    net: Tensors
    optimiser: Tensors
    random: Tensors
    best: Tensors | None = None
    arrays: Tensors | None = None  # training arrays where an epoch has replaced them
    best_step: int = field(default=-1)  # best weights of equal step are the same file


def save_to(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write it and drop the third last. Raises DiskFull; the earlier ones are then still there."""
    target = folder / f"step-{checkpoint.step:08d}"
    partial = target.with_name(f"{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _fill(partial, checkpoint, _paths(folder))
        _sync(partial)
        if target.exists():  # the same step again, after a resume: bit for bit the same
            shutil.rmtree(target)
        partial.rename(target)
        _sync(folder)
    except OSError as wrong:
        shutil.rmtree(partial, ignore_errors=True)
        if wrong.errno in NO_ROOM:
            raise no_room(f"the checkpoint of step {checkpoint.step}") from wrong
        raise
    for old in _paths(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def latest(folder: Path) -> Checkpoint | None:
    """The newest one that can be read; None without any."""
    for path in reversed(_paths(folder)):
        with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
            return _read(path)
    return None


def no_room(what: str) -> DiskFull:
    """The error for a file that did not fit."""
    return DiskFull(f"the disk is full: {what} could not be written", fix="free some space, then resume the run")


def _fill(partial: Path, checkpoint: Checkpoint, earlier: list[Path]) -> None:
    parts = {"net": checkpoint.net, "optimiser": checkpoint.optimiser, "random": checkpoint.random}
    if checkpoint.arrays is not None:
        parts["arrays"] = checkpoint.arrays
    for name, tensors in parts.items():
        _write(partial / f"{name}.safetensors", save({key: one.contiguous() for key, one in tensors.items()}))
    if checkpoint.best is not None:
        _best(partial, checkpoint, earlier)
    about = {"step": checkpoint.step, "best_step": checkpoint.best_step, "state": checkpoint.state}
    _write(partial / "state.json", json.dumps(about).encode())


def _best(partial: Path, checkpoint: Checkpoint, earlier: list[Path]) -> None:
    """A link to the earlier file where it holds the same weights, else a file of its own."""
    name = f"best-{checkpoint.best_step:08d}.safetensors"
    for path in reversed(earlier):
        with contextlib.suppress(OSError):
            os.link(path / name, partial / name)
            return
    assert checkpoint.best is not None
    _write(partial / name, save({key: one.contiguous() for key, one in checkpoint.best.items()}))


def _read(path: Path) -> Checkpoint:
    about = json.loads((path / "state.json").read_bytes())
    parts = {one.stem: load(one.read_bytes()) for one in path.glob("*.safetensors")}
    best = parts.get(f"best-{about['best_step']:08d}")
    if about["best_step"] >= 0 and best is None:
        raise ValueError("the best weights are missing")
    net, optimiser, random = parts["net"], parts["optimiser"], parts["random"]
    return Checkpoint(
        about["step"], about["state"], net, optimiser, random, best, parts.get("arrays"), about["best_step"]
    )


def _paths(folder: Path) -> list[Path]:
    """Whole ones, oldest first."""
    return sorted(path for path in folder.glob("step-????????*") if path.suffix != ".partial")


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    """So that the names in it survive a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
