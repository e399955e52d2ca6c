"""What the documents say is there is there: links, commands, rooms of the house, examples."""

import doctest
import functools
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import shuyuan

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "shuyuan"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_EXAMPLES = sorted(
    path for path in SOURCE.rglob("*.py") if ">>>" in path.read_text("utf-8") and "migrations" not in path.parts
)


@functools.cache
def help_of_shuyuan() -> str:
    """What a real `shuyuan --help` prints."""
    return subprocess.run(
        [sys.executable, "-m", "shuyuan.entrypoints.cli", "--help"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_and_picture_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_named_is_a_command(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z]+)", text)) <= targets
    commands = set(re.findall(r"`shuyuan ([a-z]+)", text))
    assert all(re.search(rf"\b{command}\b", help_of_shuyuan()) for command in commands), commands


def test_the_house_in_the_readme_and_in_the_architecture_is_the_house() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    for page in (ROOT / "README.md", ROOT / "docs" / "architecture.md"):
        text = page.read_text("utf-8")
        assert all(room in text for room in rooms), rooms - {room for room in rooms if room in text}
        for plane in ("learning", "maas"):
            modules = {path.parent.name for path in (SOURCE / plane).glob("*/interface.py")}
            assert all(module in text for module in modules), f"{page.name}: {modules}"


def test_no_placeholder_is_left_in_the_readme() -> None:
    assert not re.search(r"FIGURES|TODO|TBD", (ROOT / "README.md").read_text("utf-8"))


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_examples_in_docstrings_hold(path: Path) -> None:
    dotted = ".".join((shuyuan.__name__, *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    outcome = doctest.testmod(importlib.import_module(dotted))
    assert outcome.attempted > 0
    assert outcome.failed == 0
