"""Each wall is proven: a planted bad import turns its contract red, and without it every contract holds."""

import configparser
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Plant:
    """A line added to a file that must break one contract."""

    contract: str
    file: str
    line: str


PLANTS = [
    Plant("planes", "identity/interface.py", "from shuyuan.maas.catalogue import interface as _planted"),
    Plant("planes", "maas/gateway/interface.py", "from shuyuan.learning.people import interface as _planted"),
    Plant("learning", "learning/tracing/interface.py", "from shuyuan.learning.assessment import interface as _planted"),
    Plant("maas", "maas/catalogue/interface.py", "from shuyuan.maas.gateway import interface as _planted"),
    Plant("kernel", "kernel/errors.py", "from shuyuan.kernel import crypto as _planted"),
    Plant("files", "learning/records/tables.py", "from shuyuan.learning.records import service as _planted"),
    Plant("light", "learning/tracing/service.py", "import onnxruntime as _planted"),
    Plant("light", "maas/gateway/service.py", "from shuyuan.maas.runners import onnx as _planted"),
    Plant("light", "maas/gateway/service.py", "import rapidocr as _planted"),
    Plant("light", "maas/catalogue/service.py", "import faster_whisper as _planted"),
    Plant("light", "maas/serving/lane.py", "import ctranslate2 as _planted"),
    Plant("light", "web/errors.py", "import av as _planted"),
    Plant("light", "maas/gateway/media/pictures.py", "import PIL as _planted"),
    Plant("science", "science/metrics/__init__.py", "from shuyuan.kernel import errors as _planted"),
    Plant(
        "shuyuan.learning.people",
        "learning/insight/service.py",
        "from shuyuan.learning.people import store as _planted",
    ),
    Plant("shuyuan.maas.catalogue", "maas/gateway/service.py", "from shuyuan.maas.catalogue import store as _planted"),
    Plant("client", "client/wire.py", "from shuyuan.kernel import errors as _planted"),
    Plant("client_leaf", "entrypoints/server.py", "from shuyuan import client as _planted"),
]


def test_every_contract_holds(tmp_path: Path) -> None:
    done = _lint(_copy(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.contract}:{plant.file}:{plant.line.split()[1]}")
def test_a_planted_bad_import_breaks_its_contract(plant: Plant, tmp_path: Path) -> None:
    root = _copy(tmp_path)
    target = root / "src" / "shuyuan" / plant.file
    target.write_text(f"{target.read_text()}\n{plant.line}\n")
    done = _lint(root, plant.contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_each_kind_of_contract_has_a_plant() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    names = {name.split(":")[-1] for name in contracts.sections() if ":contract:" in name}
    planted = {plant.contract for plant in PLANTS}
    assert planted <= names
    assert {name for name in names if not name.startswith("shuyuan.")} <= planted


def test_every_module_is_met_only_at_its_interface() -> None:
    """The contracts cover every module folder and every closed file in it; `python -m scripts.walls` renews them."""
    from scripts import walls

    written = (ROOT / ".importlinter").read_text()
    for module in walls.modules():
        assert walls.contract(module).strip() in written, f"run python -m scripts.walls for {module.name}"


def _copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def _lint(root: Path, contract: str | None = None) -> "subprocess.CompletedProcess[str]":
    only = ["--contract", contract] if contract else []
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", *only],
        cwd=root,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1"},
    )
