"""The costs of a model's life: preparing, training, compressing, coming back after a kill, the first answer.

`make bench NAME=lifecycle` runs `preparing`, `overhead` and `compressing` one after the other, then times the first
answer of a deployed version that nobody had asked before (its worker starts and reads it) beside a later one.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import httpx

from bench import compressing, harness, memory, overhead, preparing
from shuyuan.entrypoints import process

BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
COLD, WARM = 5, 50
GOALS: dict[str, harness.Goal] = {
    "trainer_overhead": ("<=", 0.05),
    "preparing rows_s_ratio": (">=", 3.0),
    "preparing parts_equal": ("==", 1),
    "compressing encoder_int8_throughput_of_fp32": (">=", 1.5),
}


def main() -> None:
    """Measure and report."""
    trainer = overhead.measure()
    figures: dict[str, harness.Figure] = {
        **_named("preparing", preparing.measure()),
        **_named("overhead", trainer),
        "trainer_overhead": max(value for name, value in trainer.items() if name.startswith("trainer_overhead")),
        **_named("compressing", compressing.measure()),
        **first_answers(),
    }
    protocol = (
        f"preparing: {preparing.PROTOCOL}; first answer: median of {COLD} versions, each asked for the first time"
    )
    harness.report("lifecycle", figures, protocol, GOALS, ("numpy", "polars", "torch", "onnxruntime"))


def first_answers() -> dict[str, harness.Figure]:
    """Milliseconds until a deployed version answers: the first time in a fresh worker, the first time, and later."""
    with tempfile.TemporaryDirectory() as folder, process.server(Path(folder), "--starter", "none") as running:
        demo = running.demo()
        admin = next(account for account in demo["accounts"] if account["role"] == "admin")
        headers = {"authorization": f"Bearer {demo['api_key']}"}
        with process.sign_in(running.base_url, admin) as owner, httpx.Client(headers=headers, timeout=60) as client:
            for number in range(COLD):
                memory.register(owner, f"adder{number}")
            firsts = [_asked(client, running.base_url, f"adder{number}") for number in range(COLD)]
            later = [_asked(client, running.base_url, "adder0") for _ in range(WARM)]
    return {
        "first_answer_fresh_worker_ms": round(firsts[0], 1),
        "first_answer_ms": round(median(firsts[1:]), 1),
        "later_answer_ms": round(median(later), 2),
    }


def _asked(client: httpx.Client, base_url: str, model: str) -> float:
    began = time.perf_counter()
    client.post(f"{base_url}/v2/models/{model}/infer", json=BODY).raise_for_status()
    return 1e3 * (time.perf_counter() - began)


def _named(bench: str, figures: Mapping[str, harness.Figure]) -> dict[str, harness.Figure]:
    return {f"{bench} {name}": figure for name, figure in figures.items()}


if __name__ == "__main__":
    main()
