"""What a gateway adds to a call, ours against LiteLLM's proxy: one fixed upstream, one run, one core for each.

`make bench NAME=gateway`. The gateway under test has one core; the upstream and the load share the other. Ours runs
as schools run it: keys, quota and a durable ledger on, through the `remote` runner. LiteLLM checks a master key and
keeps no books. Every answer's text is compared with what the upstream said. Goals are ratios of the same run.
"""

import argparse
import base64
import json
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from bench import environments, harness, load, systems, upstream
from shuyuan.entrypoints import process

GATEWAY_CORE, OTHER_CORE = 0, 1
LATENCY_MS, SHORT, LONG = 5.0, 16, 256
START_LIMIT_S = 180.0
GOALS: dict[str, harness.Goal] = {
    "added p50, of LiteLLM's": ("<=", 0.25),
    "requests/s, of LiteLLM's": (">=", 4.0),
    "added first byte, of LiteLLM's": ("<=", 0.25),
    "cost per chunk, of LiteLLM's": ("<=", 0.25),
    "wrong answers": ("==", 0),
}


@dataclass(frozen=True)
class System:
    """Where it answers, and what a caller must send."""

    name: str
    url: str
    model: str
    headers: Mapping[str, str]


@dataclass
class Figures:
    """Of one system. Times in milliseconds; per_chunk_us from long against short streams."""

    p50_ms: float = 0.0
    per_s: float = 0.0
    first_byte_ms: float = 0.0
    per_chunk_us: float = 0.0
    wrong: int = 0


def main() -> None:
    """Measure the upstream alone, then through each gateway, and report."""
    told = _options()
    with tempfile.TemporaryDirectory() as folder, upstream.running(OTHER_CORE, LATENCY_MS) as address:
        bare = _measured(System("upstream", f"{address}/v1/chat/completions", upstream.MODEL, {}), told)
        with ours(Path(folder) / "ours", address) as system:
            mine = _measured(system, told)
        with litellm(Path(folder), address) as system:
            theirs = _measured(system, told)
    figures: dict[str, harness.Figure] = {
        "added p50, of LiteLLM's": _ratio(mine.p50_ms - bare.p50_ms, theirs.p50_ms - bare.p50_ms),
        "requests/s, of LiteLLM's": _ratio(mine.per_s, theirs.per_s),
        "added first byte, of LiteLLM's": _ratio(
            mine.first_byte_ms - bare.first_byte_ms, theirs.first_byte_ms - bare.first_byte_ms
        ),
        "cost per chunk, of LiteLLM's": _ratio(
            mine.per_chunk_us - bare.per_chunk_us, theirs.per_chunk_us - bare.per_chunk_us
        ),
        "wrong answers": bare.wrong + mine.wrong + theirs.wrong,
    }
    for name, found in (("upstream", bare), ("ours", mine), ("LiteLLM", theirs)):
        figures |= {
            f"{name}: p50, ms": round(found.p50_ms, 2),
            f"{name}: requests/s": round(found.per_s, 1),
            f"{name}: first byte, ms": round(found.first_byte_ms, 2),
            f"{name}: per chunk, µs": round(found.per_chunk_us, 1),
        }
    harness.report(
        "gateway",
        figures,
        protocol=_protocol(told),
        goals=GOALS,
        packages=("fastapi", "uvicorn", "sqlalchemy", "httpx"),
    )


def _protocol(told: argparse.Namespace) -> str:
    uvicorn = f"{'httptools' if _has('httptools') else 'h11'} and {'uvloop' if _has('uvloop') else 'asyncio'}"
    peer = (environments.PEERS / "litellm.txt").read_text().splitlines()[0]
    return (
        f"upstream: {LATENCY_MS:g} ms to the first word, then {SHORT} or {LONG} words at once; a gateway and what it "
        f"starts on core {GATEWAY_CORE}, upstream and load on core {OTHER_CORE}; p50 and first byte at concurrency 1, "
        f"medians of {told.rounds} rounds of {told.requests}; requests/s at concurrency {told.concurrency}; per chunk: "
        f"(stream of {LONG} - stream of {SHORT}) / {LONG - SHORT}; added: less the upstream alone; ours through the "
        f"remote runner with key, quota and ledger on, uvicorn with {uvicorn}; {peer}, one worker, a master key"
    )


@contextmanager
def ours(home: Path, address: str) -> Iterator[System]:
    """The whole platform, with the upstream as a version of the school."""
    with systems.pinned(GATEWAY_CORE):
        listed = {"SHUYUAN_REMOTE_UPSTREAMS": address}
        started = process.server(home, "--starter", "none", environment=listed)
        running = started.__enter__()
    try:
        told = running.demo()
        boss = next(one for one in told["accounts"] if one["role"] == "admin")
        described = {"upstreams": [{"url": f"{address}/v1", "model": upstream.MODEL}], "timeout_s": 30}
        about = {"runner": "remote", "tasks": "chat", "context_tokens": "8192", "champion": "true", "reason": "bench"}
        with process.sign_in(running.base_url, boss) as client:
            for scope, scope_id in _unlimited(client, boss):
                client.put(
                    f"/api/quotas/{scope}/{scope_id}", json={"tokens": None, "requests": None}
                ).raise_for_status()
            made = client.post("/api/models/upstream/versions", params=about, content=json.dumps(described))
            made.raise_for_status()
        key = {"authorization": f"Bearer {told['api_key']}"}
        system = System("ours", f"{running.base_url}/v1/chat/completions", "upstream", key)
        _await_answer(system, lambda: running.child.poll() is None, home / "server.log")
        yield system
    finally:
        started.__exit__(None, None, None)


@contextmanager
def litellm(scratch: Path, address: str) -> Iterator[System]:
    """LiteLLM's proxy from its own environment, one worker, nothing looked up elsewhere."""
    python, key, port = environments.python_of("litellm"), f"sk-{secrets.token_hex(16)}", systems.free_port()
    upstream_model = {"model": f"openai/{upstream.MODEL}", "api_base": f"{address}/v1", "api_key": "none"}
    config = scratch / "litellm.yaml"  # JSON is YAML
    config.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": "upstream", "litellm_params": upstream_model}],
                "general_settings": {"master_key": key},
                "litellm_settings": {"telemetry": False},
            }
        )
    )
    words = [str(python.with_name("litellm")), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "DO_NOT_TRACK": "1"}
    with (scratch / "litellm.log").open("w") as log, systems.pinned(GATEWAY_CORE):
        child = subprocess.Popen(
            [*words, "--num_workers", "1"],
            stdout=log,
            stderr=log,
            env={**os.environ, **quiet},
            cwd=scratch,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        system = System("LiteLLM", url, "upstream", {"authorization": f"Bearer {key}"})
        _await_answer(system, lambda: child.poll() is None, scratch / "litellm.log")
        yield system
    finally:
        systems.end(child)


def _measured(system: System, told: argparse.Namespace) -> Figures:
    """Warm up, then each figure as the median of rounds."""
    _run(system, told, stream=False, pieces=SHORT, concurrency=told.concurrency, requests=4 * told.concurrency)
    single = [_run(system, told, stream=False, pieces=SHORT) for _ in range(told.rounds)]
    short = [_run(system, told, stream=True, pieces=SHORT) for _ in range(told.rounds)]
    long = [_run(system, told, stream=True, pieces=LONG) for _ in range(told.rounds)]
    busy = [
        _run(system, told, stream=False, pieces=SHORT, concurrency=told.concurrency, requests=told.busy_requests)
        for _ in range(told.rounds)
    ]
    slope_s = median(_p50(one) for one in long) - median(_p50(one) for one in short)
    return Figures(
        p50_ms=1000 * median(_p50(one) for one in single),
        per_s=median(one.per_s for one in busy),
        first_byte_ms=1000 * median(median(one.first_byte_s) for one in short),
        per_chunk_us=1e6 * slope_s / (LONG - SHORT),
        wrong=sum(_wrong(one, SHORT) for one in (*single, *short, *busy)) + sum(_wrong(one, LONG) for one in long),
    )


def _run(
    system: System, told: argparse.Namespace, *, stream: bool, pieces: int, concurrency: int = 1, requests: int = 0
) -> load.Outcome:
    body = {
        "model": system.model,
        "messages": [{"role": "user", "content": "Describe a calm study in a few words."}],
        "max_tokens": pieces,
        "stream": stream,
    }
    plan = load.Plan(
        system.url,
        [json.dumps(body)],
        concurrency,
        requests or told.requests,
        headers={**system.headers, "accept": "*/*"},
        core=OTHER_CORE,
        keep=1,
    )
    return load.run(plan)


def _p50(outcome: load.Outcome) -> float:
    return median(outcome.latencies_s)


def _wrong(outcome: load.Outcome, pieces: int) -> int:
    """Answers that are not 200, and the kept one if its text is not the upstream's."""
    failed = sum(count for status, count in outcome.statuses.items() if status != "200")
    said = [_said(base64.b64decode(answer)) for answer in outcome.answers.values()]
    return failed + (said != [upstream.text(pieces)])


def _said(answer: bytes) -> str:
    """The text of an answer, streamed or not."""
    if not answer.startswith(b"data:"):
        return str(json.loads(answer)["choices"][0]["message"]["content"])
    lines = [line[6:] for line in answer.split(b"\n") if line.startswith(b"data: ") and line[6:12] != b"[DONE]"]
    choices = [choice for line in lines for choice in json.loads(line)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def _unlimited(client: httpx.Client, boss: Mapping[str, str]) -> list[tuple[str, str]]:
    """The demo's allowances, which a bench would use up: they stay counted, without a limit."""
    accounts = client.get("/api/accounts").raise_for_status().json()
    listed = accounts["accounts"] if isinstance(accounts, dict) else accounts
    developers = [("account", str(one["id"])) for one in listed if one["role"] == "developer"]
    school = client.get("/api/usage").raise_for_status().json()["allowances"]
    return developers + [("school", str(one["scope_id"])) for one in school if one["scope"] == "school"]


def _await_answer(system: System, lives: Callable[[], bool], log: Path) -> None:
    """Raise RuntimeError with its last words when it does not answer."""
    body = {"model": system.model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
    until, last = time.monotonic() + START_LIMIT_S, ""
    while time.monotonic() < until and lives():
        try:
            answer = httpx.post(system.url, json=body, headers=dict(system.headers), timeout=30)
            if answer.status_code == 200:
                return
            last = answer.text[:500]
        except httpx.TransportError as wrong:
            last = repr(wrong)
        time.sleep(0.3)
    raise RuntimeError(f"{system.name} did not answer: {last} {log.read_text()[-1500:] if log.exists() else ''}")


def _ratio(part: float, whole: float) -> float:
    """NaN, which meets no goal, where there is nothing to divide by."""
    return round(part / whole, 3) if whole > 0 else float("nan")


def _has(package: str) -> bool:
    try:
        harness.versions((package,))
    except ImportError:
        return False
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60, help="a round at concurrency 1")
    parser.add_argument("--busy-requests", type=int, default=1000, help="a round of requests/s")
    parser.add_argument("--concurrency", type=int, default=32)
    return parser.parse_args()


if __name__ == "__main__":
    main()
