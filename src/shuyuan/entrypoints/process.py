"""A server as a child process, for the tour, the benches and the journeys: start, find its address, stop."""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shuyuan.kernel import errors

READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = 300.0  # a small machine may think that long while others use it


@dataclass
class Running:
    """A server that answers."""

    base_url: str
    home: Path
    child: "subprocess.Popen[str]"
    ready_after_s: float

    def demo(self) -> dict[str, Any]:  # Any: JSON
        """What `demo.json` says."""
        told: dict[str, Any] = json.loads((self.home / "demo.json").read_text())
        return told


@contextmanager
def server(
    home: Path,
    *options: str,
    port: int = 0,
    demo: bool = True,
    command: str = "up",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """`shuyuan up` (or `serve`) on a free port; stopped with SIGINT, as Ctrl-C would, or by the end of this process.

    environment: variables beside this process's own. Raises Unavailable with its last words.
    """
    words = [sys.executable, "-m", "shuyuan.entrypoints.cli", command, "--home", str(home), "--port", str(port)]
    running = start([*words, *options, "--with-parent", *(["--demo"] if demo else [])], home, environment)
    try:
        yield running
    finally:
        stop(running.child)


@contextmanager
def sign_in(base_url: str, account: Mapping[str, str]) -> Iterator[httpx.Client]:
    """A browser-like client signed in as an account of `demo.json`."""
    headers = {"origin": base_url}
    with httpx.Client(base_url=base_url, headers=headers, timeout=ANSWER_TIMEOUT_S, follow_redirects=True) as client:
        body = {"login": account["login"], "password": account["password"]}
        client.post("/api/session", json=body).raise_for_status()
        yield client


def start(command: Sequence[str], home: Path, environment: Mapping[str, str] | None = None) -> Running:
    """Start and wait for `ready URL`."""
    began = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "server.log").open("w") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # it ends with this process, however that ends
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    base_url = _wait_for_ready(child, began)
    if base_url is None:
        stop(child)
        last_words = (home / "server.log").read_text()[-2000:]
        raise errors.Unavailable(f"the server did not become ready: {last_words}", fix="mend what it says, try again")
    return Running(base_url, home, child, time.monotonic() - began)


def stop(child: "subprocess.Popen[str]") -> float:
    """Ctrl-C, then wait; returns the seconds it took. Kills only this child, and only if it does not stop."""
    began = time.monotonic()
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    return time.monotonic() - began


def end_with_parent() -> None:
    """Stop this process as Ctrl-C would once standard input ends, which it does when the parent dies, even by -9."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, name="with-parent", daemon=True).start()


def _wait_for_ready(child: "subprocess.Popen[str]", began: float) -> str | None:
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while (left := READY_TIMEOUT_S - (time.monotonic() - began)) > 0:
            if not selector.select(timeout=left):
                return None
            line = child.stdout.readline()
            if not line:
                return None
            if line.startswith("ready "):
                return line.split()[1]
    return None
