"""Two small models, trained once."""

from pathlib import Path

import pytest
from tests.maas.compression import nets


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
