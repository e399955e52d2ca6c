"""Two small models, trained once."""

from pathlib import Path

import pytest
from tests.maas.compression import nets

from shuyuan.maas.compression import working


@pytest.fixture(scope="session")
def parents(tmp_path_factory: pytest.TempPathFactory, shuyuan_data: Path) -> dict[str, nets.Parent]:
    pytest.importorskip("torch", reason="these tests need torch (make train)")
    return nets.train(tmp_path_factory.mktemp("parents"), shuyuan_data)


@pytest.fixture
def mlp(parents: dict[str, nets.Parent]) -> nets.Parent:
    return parents["mlp"]


@pytest.fixture
def convnet(parents: dict[str, nets.Parent]) -> nets.Parent:
    return parents["convnet"]


@pytest.fixture(autouse=True)
def _timed_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the figures are does not matter here."""
    monkeypatch.setattr(working, "TIMED_S", 0.02)
