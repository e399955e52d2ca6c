"""Memory: idle, over a hundred thousand requests, and what one more registered but unloaded model costs.

`make bench NAME=memory` sends tensors to a small graph through `/v2` with keys, quota and ledger on; resident memory
of the server and its workers is read as the requests go by.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from bench import harness, load
from shuyuan.entrypoints import process
from shuyuan.maas.runners import graph

STEPS, REGISTERED, IDLE_S = 10, 100, 3.0
GOALS: dict[str, harness.Goal] = {
    "growth_last_half": ("<=", 1.02),
    "unloaded_model_kb": ("<=", 16),
    "not_answered": ("==", 0),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, process.server(Path(folder), "--starter", "none") as running:
        time.sleep(IDLE_S)
        idle_mb = harness.resident_mb(running.child.pid)
        demo = running.demo()
        headers = {"authorization": f"Bearer {demo['api_key']}"}
        admin = next(account for account in demo["accounts"] if account["role"] == "admin")
        with process.sign_in(running.base_url, admin) as client:
            unloaded_kb = _registered(client, running.child.pid)
        readings, failed = _requests(running, headers, options.requests)
    half = readings[len(readings) // 2]
    harness.report(
        "memory",
        figures={
            "idle_mb": round(idle_mb, 1),
            "unloaded_model_kb": round(unloaded_kb, 2),
            "resident_mb": [round(value, 1) for value in readings],
            "growth_last_half": round(readings[-1] / half, 4),
            "not_answered": failed,
        },
        protocol=f"{options.requests} requests to a small graph through /v2, 8 at a time; resident memory of server "
        f"and workers after each tenth; growth: last over middle; {REGISTERED} versions registered and never loaded",
        goals=GOALS,
        packages=("uvicorn", "starlette", "sqlalchemy", "onnxruntime"),
    )


def _registered(client: httpx.Client, pid: int) -> float:
    """Kilobytes of resident memory that each registered, unloaded version adds."""
    register(client, "adder")
    before = harness.resident_mb(pid)
    for _ in range(REGISTERED):
        register(client, "adder")
    return 1e3 * max(0.0, harness.resident_mb(pid) - before) / REGISTERED


def register(client: httpx.Client, name: str) -> None:
    """Bring a graph that adds one, as the champion of its name."""
    made = graph.Graph(name)
    one = made.constant("one", np.ones(1, dtype=np.float32))
    made.output(made.node("Add", [made.input("x", "float32", ("rows", 4)), one], "y"), "float32", ("rows", 4))
    answer = client.post(
        f"/api/models/{name}/versions",
        params={"runner": "onnx", "tasks": "predict", "champion": "true", "reason": "bench"},
        content=made.to_bytes(),
        headers={"content-type": "application/octet-stream"},
    )
    answer.raise_for_status()


def _requests(running: process.Running, headers: dict[str, str], count: int) -> tuple[list[float], int]:
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
    url = f"{running.base_url}/v2/models/adder/infer"
    readings, failed = [], 0
    for step in range(STEPS):
        outcome = load.run(load.Plan(url, [body], 8, count // STEPS, 600, headers))
        failed += count // STEPS - outcome.statuses.get("200", 0)
        readings.append(harness.resident_mb(running.child.pid))
        print(step, round(readings[-1], 1), outcome.statuses, round(outcome.per_s), file=sys.stderr, flush=True)
    return readings, failed


if __name__ == "__main__":
    main()
