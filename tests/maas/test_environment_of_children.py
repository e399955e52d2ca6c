"""Whatever opens a file of a stranger is started without a secret: a program in its place tells what it got."""

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shuyuan.kernel.settings import Settings
from shuyuan.maas.compression import working as compression
from shuyuan.maas.conversion.service import ConversionService
from shuyuan.maas.datasets import supervision as datasets
from shuyuan.maas.evaluation import supervision as evaluation
from shuyuan.maas.training import children

SECRETS = (
    "SHUYUAN_DATABASE_URL",
    "DATABASE_URL",
    "PGPASSWORD",
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "HF_TOKEN",
    "SOMETHING_ELSE",
)


def start_of_datasets(program: Path, home: Path) -> None:
    datasets.Supervision().run("one", home)


def start_of_training(program: Path, home: Path) -> None:
    own = children.of([str(program)]).start(home, threads=1).own
    assert own is not None
    own.wait(10)


def start_of_evaluation(program: Path, home: Path) -> None:
    evaluation.children_of([str(program)]).run(home)


def start_of_compression(program: Path, home: Path) -> None:
    compression.CHILDREN.run(home)


def start_of_conversion(program: Path, home: Path) -> None:
    source = home / "model.onnx"
    source.write_bytes(b"a graph of nobody")
    ConversionService(None, Settings(home=home)).convert(source, home)  # type: ignore[arg-type]  # registers nothing


@pytest.mark.parametrize(
    "start", [start_of_datasets, start_of_training, start_of_evaluation, start_of_compression, start_of_conversion]
)
def test_a_child_gets_what_it_needs_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[Path, Path], None]
) -> None:
    told, home = tmp_path / "told", tmp_path / "home"
    home.mkdir()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nenv > '{told}.partial' && mv '{told}.partial' '{told}'\n")
    program.chmod(0o700)
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SHUYUAN_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(program))
    with contextlib.suppress(Exception):  # it made nothing: each room says so in its own way
        start(program, home)
    until = time.monotonic() + 10
    while not told.exists() and time.monotonic() < until:
        time.sleep(0.01)
    got = dict(line.partition("=")[::2] for line in told.read_text().splitlines())
    assert "secret" not in got.values()
    assert {"PATH", "PYTHONPATH"} <= got.keys()
    assert (got["SHUYUAN_CACHE"], got["HF_HUB_OFFLINE"]) == (str(tmp_path), "1")
