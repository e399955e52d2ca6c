"""Checkpoints are whole or not there; the last two stay; a full disk costs none of them."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch

from shuyuan.maas.training import checkpoints, randomness


def made(step: int, *, best_step: int = 1, size: int = 8) -> checkpoints.Checkpoint:
    tensors = {"w": torch.full((size,), float(step))}
    return checkpoints.Checkpoint(
        step,
        {"epoch": step},
        tensors,
        {"0.m": torch.ones(2)},
        randomness.state(),
        {"w": torch.ones(size)},
        None,
        best_step,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoints.save_to(tmp_path, made(step))
    assert names(tmp_path) == ["step-00000002", "step-00000003"]
    found = checkpoints.latest(tmp_path)
    assert found is not None
    assert (found.step, found.state["epoch"], found.net["w"].tolist()) == (3, 3, [3.0] * 8)
    assert found.best is not None


def test_best_weights_that_have_not_changed_are_one_file_on_disk(tmp_path: Path) -> None:
    first, second = (checkpoints.save_to(tmp_path, made(step)) for step in (1, 2))
    third = checkpoints.save_to(tmp_path, made(3, best_step=3))
    same = "best-00000001.safetensors"
    assert (second / same).stat().st_nlink == 2 - (not first.exists())
    assert not (third / same).exists()
    assert (third / "best-00000003.safetensors").exists()


@pytest.mark.parametrize("harm", ["cut", "gone", "text", "half written"])
def test_a_damaged_one_is_passed_over_for_the_one_before(tmp_path: Path, harm: str) -> None:
    checkpoints.save_to(tmp_path, made(1))
    newest = checkpoints.save_to(tmp_path, made(2))
    match harm:
        case "cut":
            (newest / "net.safetensors").write_bytes((newest / "net.safetensors").read_bytes()[:-3])
        case "gone":
            (newest / "best-00000001.safetensors").unlink()
        case "text":
            (newest / "state.json").write_text("{")
        case "half written":
            newest.rename(newest.with_name(f"{newest.name}.partial"))
    found = checkpoints.latest(tmp_path)
    assert found is not None
    assert found.step == 1


def test_there_is_none_to_begin_with(tmp_path: Path) -> None:
    assert checkpoints.latest(tmp_path / "not there") is None


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """No file may become larger: the write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_the_older_one_stays(tmp_path: Path) -> None:
    checkpoints.save_to(tmp_path, made(1))
    with (
        room_for(200_000),
        pytest.raises(checkpoints.DiskFull, match="checkpoint of step 2 could not be written") as told,
    ):
        checkpoints.save_to(tmp_path, made(2, best_step=2, size=100_000))
    assert "free some space" in told.value.fix
    assert names(tmp_path) == ["step-00000001"]
    found = checkpoints.latest(tmp_path)
    assert found is not None
    assert found.step == 1


def test_random_numbers_go_on_where_they_were() -> None:
    import random

    import numpy as np

    randomness.seed(3)
    random.gauss(0, 1)
    kept = randomness.state()
    first = (torch.rand(3).tolist(), np.random.random(3).tolist(), random.gauss(0, 1), random.random())
    randomness.restore(kept)
    assert (torch.rand(3).tolist(), np.random.random(3).tolist(), random.gauss(0, 1), random.random()) == first
