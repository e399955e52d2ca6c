"""A server as a child process ends with whoever started it, however that ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.journeys import world

from shuyuan.entrypoints import installation

PARENT = """
import sys, time
from pathlib import Path
from shuyuan.entrypoints import process
with process.server(Path(sys.argv[1]), "--starter", "none", demo=False) as running:
    print(running.base_url, flush=True)
    time.sleep(600)
"""
WAIT_S = 60.0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_when_its_parent_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    words = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=world.quiet({})) as parent:
        assert parent.stdout is not None
        base_url = parent.stdout.readline().strip()
        assert base_url, f"no server: {(tmp_path / 'server.log').read_text()[-2000:]}"
        assert httpx.get(f"{base_url}/healthz").text == "ok\n"
        assert installation.is_served(tmp_path)
        parent.send_signal(how)
    until = time.monotonic() + WAIT_S
    while installation.is_served(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert not installation.is_served(tmp_path)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base_url}/healthz")
