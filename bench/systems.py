"""Embedding servers under test, ours and peers': started pinned to one core, with the words each is spoken to in."""

import base64
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from bench import environments, export
from shuyuan.entrypoints import process

SERVER_CORE, LOAD_CORE = 0, 1
_START_LIMIT_S = 120.0
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Endpoint:
    """Where a started system answers, how a text is sent and its vector read."""

    url: str
    body: Callable[[str], str]
    vector: Callable[[bytes], Vector]
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def peer(name: str, model: export.Model, batch: int, scratch: Path) -> Iterator[Endpoint]:
    """A peer with this largest batch. Raises RuntimeError with its last words when it does not answer."""
    port = free_port()
    command, path, body, vector = _PEERS[name](port, batch, scratch)
    environment = {
        "MODEL": str(model.onnx),
        "TOKENIZER": str(model.tokenizer),
        "BATCH": str(batch),
        "PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(environments.PEERS),
        "BENTOML_DO_NOT_TRACK": "True",
        "RAY_USAGE_STATS_ENABLED": "0",
        "DO_NOT_TRACK": "1",
    }
    python = environments.python_of(name)
    words = [word.format(python=python, bin=python.parent) for word in command]
    with (scratch / f"{name}.log").open("w") as log, pinned(SERVER_CORE):
        child = subprocess.Popen(
            words, stdout=log, stderr=log, env={**os.environ, **environment}, cwd=scratch, start_new_session=True
        )
    endpoint = Endpoint(f"http://127.0.0.1:{port}{path}", body, vector)
    try:
        _await_answer(endpoint, child, scratch / f"{name}.log")
        yield endpoint
    finally:
        end(child)


@contextmanager
def ours(home: Path, model: str = "minilm") -> Iterator[Endpoint]:
    """The whole platform, with authentication, quota, ledger and durable writes on."""
    with ExitStack() as held:
        with pinned(SERVER_CORE):
            running = held.enter_context(process.server(home, "--starter", "none"))
        yield Endpoint(
            f"{running.base_url}/v1/embeddings",
            lambda text: json.dumps({"model": model, "input": text, "encoding_format": "base64"}),
            lambda answer: _unpack(json.loads(answer)["data"][0]["embedding"]),
            {"authorization": f"Bearer {running.demo()['api_key']}"},
        )


@contextmanager
def pinned(*cores: int) -> Iterator[None]:
    """Children started inside stay on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


Started = tuple[list[str], str, Callable[[str], str], Callable[[bytes], Vector]]


def _unpack(packed: str) -> Vector:
    return np.frombuffer(base64.b64decode(packed), "<f4")


def _plain(script: str) -> Callable[[int, int, Path], Started]:
    def started(port: int, batch: int, scratch: Path) -> Started:
        command = ["{python}", str(environments.PEERS / script)]
        return (
            command,
            "/embed",
            lambda text: json.dumps({"text": text}),
            lambda answer: _unpack(json.loads(answer)["embedding"]),
        )

    return started


def _bentoml(port: int, batch: int, scratch: Path) -> Started:
    command = ["{python}", "-m", "bentoml", "serve", "serve_bentoml:Embedder", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--working-dir", str(environments.PEERS)]
    return (
        command,
        "/embed",
        lambda text: json.dumps({"texts": [text]}),
        lambda answer: _unpack(json.loads(answer)[0]),
    )


def _mlserver(port: int, batch: int, scratch: Path) -> Started:
    folder = scratch / "mlserver"
    folder.mkdir(exist_ok=True)
    spare = free_port()
    settings = {"http_port": port, "grpc_port": spare, "metrics_port": free_port(), "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps({**settings, "host": "127.0.0.1"}))
    batching = {"max_batch_size": batch, "max_batch_time": 0.005} if batch > 1 else {}
    told = {"name": "minilm", "implementation": "serve_mlserver.Embedder", **batching}
    (folder / "model-settings.json").write_text(json.dumps(told))

    def body(text: str) -> str:
        given = {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [text]}
        return json.dumps({"inputs": [given], "parameters": {"content_type": "str"}})

    return (
        ["{bin}/mlserver", "start", str(folder)],
        "/v2/models/minilm/infer",
        body,
        lambda answer: _unpack(json.loads(answer)["outputs"][0]["data"][0]),
    )


_PEERS: dict[str, Callable[[int, int, Path], Started]] = {
    "fastapi": _plain("serve_fastapi.py"),
    "litserve": _plain("serve_litserve.py"),
    "ray": _plain("serve_ray.py"),
    "bentoml": _bentoml,
    "mlserver": _mlserver,
}


def _await_answer(endpoint: Endpoint, child: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < until and child.poll() is None:
        try:
            answer = httpx.post(
                endpoint.url,
                content=endpoint.body("hello"),
                headers={"content-type": "application/json"},
                timeout=30,
            )
            if answer.status_code == 200:
                endpoint.vector(answer.content)
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise RuntimeError(f"{endpoint.url} did not answer: {log.read_text()[-1500:]}")


def end(child: "subprocess.Popen[bytes]") -> None:
    """End the process group that was started here, and nothing else."""
    for word in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, word)
            child.wait(15)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    child.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
