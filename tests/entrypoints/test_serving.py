"""`shuyuan ps|load|unload|pin|stop` against a server that runs, and where none does."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.journeys import shell, world
from tests.maas import onnx_file

from shuyuan.identity import owner


def said(*words: object) -> str:
    """What a command that works prints."""
    outcome = shell.call(*words)
    assert outcome.code == 0, outcome.err
    return outcome.words


@pytest.fixture
def digits(home: Path, tmp_path: Path) -> Path:
    """A home whose school has brought a model."""
    file = tmp_path / "digits.onnx"
    file.write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32)))
    said("import", file, "--name", "digits", "--champion", "--reason", "the first", "--home", home)
    return home


def test_a_model_is_loaded_shown_pinned_and_freed_and_the_server_stopped(digits: Path) -> None:
    with world.serving(digits, demo=False) as live:
        assert "0 MB of" in said("ps", "--home", digits)
        assert "digits is in memory" in said("load", "digits", "--keep-alive", 600, "--home", digits)
        shown = said("ps", "--home", digits)
        assert re.search(r"digits +[\d,]+ [kM]B +ready +idle +never +600 s", shown), shown
        assert "digits is pinned" in said("pin", "digits", "--home", digits)
        assert "digits stays 600 s" in said("pin", "digits", "--off", "--home", digits)
        for forever in (("--keep-alive", "-1"), ("--keep-alive=-1",), ("--keep-alive", "forever")):
            assert "stays until room is needed" in said("load", "digits", *forever, "--home", digits)
        soon = shell.call("load", "digits", "--keep-alive", "soon", "--home", digits)
        assert (soon.code, "or forever" in soon.err) == (1, True)
        assert "unloaded digits" in said("unload", "digits", "--home", digits)
        assert "digits was not in memory" in said("unload", "digits/1", "--home", digits).replace("digits/1", "digits")
        assert "digits" not in said("ps", "--home", digits)
        unknown = shell.call("load", "nothing", "--home", digits)
        assert (unknown.code, "model_not_found" in unknown.err) == (1, True)

        way = owner.way(digits)
        assert way is not None
        with httpx.Client(base_url=live.base_url, headers={"authorization": f"Bearer {way.key}"}) as client:
            assert client.get("/api/accounts").status_code == 403, "the key opens what concerns memory, no more"
        assert "stopped process" in said("stop", "--home", digits)
        live.running.child.wait(10)
    assert owner.way(digits) is None, "its key goes with it"


def test_elsewhere_an_api_key_does_it(digits: Path) -> None:
    key = re.search(r"sk-\S+", said("keys", "create", "head", "--home", digits))
    assert key
    with world.serving(digits, demo=False) as live:
        assert "MB of" in said("ps", "--server", live.base_url, "--key", key.group())
        wrong = shell.call("ps", "--server", live.base_url, "--key", "sk-unknown")
        assert (wrong.code, "unauthenticated" in wrong.err) == (1, True)


@pytest.mark.parametrize("command", [("ps",), ("load", "tiny"), ("unload", "tiny"), ("pin", "tiny"), ("stop",)])
def test_where_no_server_runs_it_says_so_and_makes_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    outcome = shell.call(*command, "--home", tmp_path / "nowhere")
    assert outcome.code == 1
    assert "no server runs for" in outcome.err
    assert "shuyuan up" in outcome.err
    assert not (tmp_path / "nowhere").exists()


def test_a_silent_or_foreign_address_is_named() -> None:
    silent = shell.call("ps", "--server", "http://127.0.0.1:9", "--key", "sk-a")
    assert (silent.code, "http://127.0.0.1:9 does not answer" in silent.err) == (1, True)
    without = shell.call("ps", "--server", "http://127.0.0.1:9")
    assert (without.code, "--key" in without.err) == (1, True)
