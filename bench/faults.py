"""What happens when things go wrong: five times too much work, a worker killed mid-answer, hostile requests.

`make bench NAME=faults` runs the whole platform with `minilm` and `tiny` in real workers. Overload is an open loop:
requests arrive at five times the rate that was answered at best, whatever the answers do.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path

import httpx

from bench import harness, load, serving, systems
from shuyuan.entrypoints import process

OVERLOAD, SECONDS, SCHEMAS, SEED = 5, 12.0, 1_000, 17
CONNECTIONS = 400  # more than may wait in line: none of the load waits for a connection
GOALS: dict[str, harness.Goal] = {
    "goodput_of_peak": (">=", 0.9),
    "refused_p99_ms": ("<=", 100),
    "refused_without_retry_after": ("==", 0),
    "workers_lost_to_overload": ("==", 0),
    "streams_ended_properly_after_kill": ("==", 4),
    "schemas_answered_5xx": ("==", 0),
    "bombs_not_refused": ("==", 0),
    "answers_after_all": ("==", 1),
}

Figures = dict[str, harness.Figure]


class Platform:
    """A running server with a key, and its worker processes."""

    def __init__(self, running: process.Running) -> None:
        self.url, self.pid = running.base_url, running.child.pid
        self.headers = {"authorization": f"Bearer {running.demo()['api_key']}"}
        self.client = httpx.Client(base_url=self.url, headers=self.headers, timeout=120)

    def workers(self) -> dict[int, int]:
        """Worker process → its resident bytes."""
        found = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if b"entrypoints.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found[int(child)] = int(Path(f"/proc/{child}/statm").read_text().split()[1])
        return found

    def chat(self, **more: object) -> httpx.Response:
        """One short chat with `tiny`."""
        messages = [{"role": "user", "content": "Say hello."}]
        body = {"model": "tiny", "messages": messages, "max_tokens": 4, **more}
        return self.client.post("/v1/chat/completions", json=body)


def main() -> None:
    """Break things one after the other and report."""
    sys.setrecursionlimit(20_000)  # of this client: it has to write deep JSON
    with systems.pinned(systems.SERVER_CORE):
        figures = _broken((overload,))
    others = _broken((killed_worker, hostile_schemas, bombs))
    figures |= others | {"answers_after_all": min(int(str(one["answers_after_all"])) for one in (figures, others))}
    harness.report(
        "faults",
        figures=figures,
        protocol=f"peak: closed loop, 32 users, {SECONDS:g} s; overload: open loop at {OVERLOAD}x peak, as long, "
        f"over {CONNECTIONS} connections; server and workers on one core, load on another; "
        f"4 streams cut by kill -9 of their worker; {SCHEMAS} schemas, seed {SEED}",
        goals=GOALS,
        packages=("uvicorn", "starlette", "onnxruntime", "xllamacpp"),
    )


def _broken(faults: Sequence[Callable[[Platform], Figures]]) -> Figures:
    """What each fault showed on one platform, and whether that answers afterwards."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder, process.server(Path(folder), "--starter", "none") as running:
        platform = Platform(running)
        platform.chat().raise_for_status()
        for fault in faults:
            print(fault.__name__, file=sys.stderr, flush=True)
            found = fault(platform)
            print(found, file=sys.stderr, flush=True)
            figures |= found
        figures["answers_after_all"] = int(platform.chat().status_code == 200)
    return figures


def overload(platform: Platform) -> Figures:
    """Five times the load that can be answered."""
    texts = serving.sentences(200)
    bodies = [json.dumps({"model": "minilm", "input": text, "encoding_format": "base64"}) for text in texts]
    url = f"{platform.url}/v1/embeddings"
    core = systems.LOAD_CORE
    load.run(load.Plan(url, bodies, 8, 200, 20, platform.headers, core))
    peak = load.run(load.Plan(url, bodies, 32, 10**6, SECONDS, platform.headers, core))
    before = set(platform.workers())
    rate = OVERLOAD * peak.per_s
    over = load.run(load.Plan(url, bodies, CONNECTIONS, 10**6, SECONDS, platform.headers, core, rate=rate))
    refused = sum(count for status, count in over.statuses.items() if status in ("429", "503"))
    return {
        "peak_per_s": round(peak.per_s, 1),
        "overload_offered_per_s": round(rate, 1),
        "overload_good_per_s": round(over.per_s, 1),
        "goodput_of_peak": round(over.per_s / peak.per_s, 3),
        "overload_statuses": dict(over.statuses),
        "refused_p50_ms": round(1e3 * load.percentile(over.refused_s, 0.5), 1),
        "refused_p99_ms": round(1e3 * load.percentile(over.refused_s, 0.99), 1),
        "refused_without_retry_after": refused - over.retry_after,
        "workers_lost_to_overload": len(before - set(platform.workers())),
    }


def killed_worker(platform: Platform) -> Figures:
    """kill -9 of the worker that four streams read from: each must end with an error event."""
    with futures.ThreadPoolExecutor(4) as pool:
        streams = [pool.submit(_ends_with, platform) for _ in range(4)]
        time.sleep(2.0)
        os.kill(busiest(platform), signal.SIGKILL)
        killed = time.monotonic()
        ends = Counter(stream.result() for stream in streams)
    while platform.chat().status_code != 200:
        time.sleep(0.1)
    return {
        "killed_streams_ended": dict(ends),
        "streams_ended_properly_after_kill": sum(count for end, count in ends.items() if end == "error"),
        "answering_again_after_s": round(time.monotonic() - killed, 2),
    }


def busiest(platform: Platform) -> int:
    """The worker that computed most in the last moments: the one that writes the streams."""
    before = {pid: _cpu_ticks(pid) for pid in platform.workers()}
    time.sleep(0.5)
    return max(before, key=lambda pid: _cpu_ticks(pid) - before[pid])


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def _ends_with(platform: Platform) -> str:
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Tell a very long story."}],
        "max_tokens": 1500,
        "temperature": 0,  # or a story ends before its worker is killed
        "stream": True,
    }
    last = ""
    with platform.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        for line in answer.iter_lines():
            last = line or last
    return "done" if last == "data: [DONE]" else "error" if '"error"' in last else "cut"


def hostile_schemas(platform: Platform) -> Figures:
    """JSON schemas made to hang or break a grammar compiler."""
    rng = random.Random(SEED)
    statuses: Counter[str] = Counter()
    slowest_s = 0.0
    for number in range(SCHEMAS):
        schema = HOSTILE[number % len(HOSTILE)](rng)
        form = {"type": "json_schema", "json_schema": {"name": "hostile", "schema": schema}}
        began = time.perf_counter()
        statuses[f"{platform.chat(response_format=form).status_code}"] += 1
        slowest_s = max(slowest_s, time.perf_counter() - began)
    return {
        "schemas_statuses": dict(statuses),
        "schemas_answered_5xx": sum(count for status, count in statuses.items() if status.startswith("5")),
        "schemas_slowest_s": round(slowest_s, 2),
    }


def _nested(rng: random.Random) -> object:
    schema: dict[str, object] = {"type": "integer"}
    for _ in range(rng.choice((5, 30, 200, 900))):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def _wide(rng: random.Random) -> object:
    names = [f"p{n}" for n in range(rng.choice((50, 500, 5_000)))]
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}


def _many(rng: random.Random) -> object:
    least = rng.choice((10, 1_000, 10**6, 10**12))
    return {"type": "array", "items": {"type": "number"}, "minItems": least, "maxItems": 2 * least}


def _pattern(rng: random.Random) -> object:
    pattern = rng.choice(("^(a+)+$", "(" * 200 + ")" * 200, "[" * 50, "^.{1,100000}$", "\\p{Han}{9999}", "(?=a)b"))
    return {"type": "string", "pattern": pattern}


def _choices(rng: random.Random) -> object:
    return {"enum": [rng.random() for _ in range(rng.choice((10, 1_000, 20_000)))]}


def _recursive(rng: random.Random) -> object:
    target = rng.choice(("#", "#/$defs/a", "#/nowhere", "file:///etc/passwd", "http://127.0.0.1/"))
    return {"$ref": target, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#"}]}}}


def _combined(rng: random.Random) -> object:
    word = rng.choice(("anyOf", "oneOf", "allOf"))
    schema: dict[str, object] = {"type": "null"}
    for _ in range(rng.choice((3, 8, 14))):
        schema = {word: [schema, schema]}
    return schema


def _nonsense(rng: random.Random) -> object:
    return rng.choice(
        (
            {"type": "🦆"},
            {"type": ["object", 7]},
            {"properties": [1, 2]},
            {"items": "x"},
            {"enum": []},
            {"minLength": -1, "type": "string"},
            {"maxLength": 10**15, "type": "string"},
            {"const": "\x00"},
            [],
            True,
            {"required": "a"},
            {"format": "evil" * 1000, "type": "string"},
        )
    )


HOSTILE: tuple[Callable[[random.Random], object], ...] = (
    _nested,
    _wide,
    _many,
    _pattern,
    _choices,
    _recursive,
    _combined,
    _nonsense,
)


def bombs(platform: Platform) -> Figures:
    """Requests that ask for far too much; each must be refused with a 4xx."""
    refused: Figures = {}
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    sent: dict[str, Callable[[], httpx.Response]] = {
        "n": lambda: platform.chat(n=10**9),
        "max_tokens": lambda: platform.chat(max_tokens=10**9),
        "logprobs": lambda: platform.chat(logprobs=True, top_logprobs=10**6),
        "stop": lambda: platform.chat(stop=["x"] * 10_000),
        "messages": lambda: platform.chat(messages=[{"role": "user", "content": "x"}] * 100_000),
        "depth": lambda: platform.client.post("/v1/chat/completions", content=deep),
        "body": lambda: platform.client.post("/v1/embeddings", content=b" " * (8 << 20)),
        "header": lambda: platform.client.get("/v1/models", headers={"x-long": "y" * (1 << 20)}),
        "inputs": lambda: platform.client.post("/v1/embeddings", json={"model": "minilm", "input": ["x"] * 50_000}),
        "image": lambda: platform.client.post(
            "/v1/ocr", content=_png(60_000, 60_000), headers={"content-type": "image/png"}
        ),
        "url": lambda: platform.chat(
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/"}}]}]
        ),
    }
    for name, bomb in sent.items():
        try:
            refused[f"bomb {name}"] = bomb().status_code
        except httpx.TransportError as cut:  # no answer at all is no refusal
            refused[f"bomb {name}"] = type(cut).__name__
    loose = sum(not (isinstance(status, int) and 400 <= status < 500) for status in refused.values())
    return {**refused, "bombs_not_refused": loose}


def _png(width: int, height: int) -> bytes:
    """A PNG header that claims so many pixels."""
    head = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + b"IHDR"
    return head + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00" + b"\x00" * 4


if __name__ == "__main__":
    main()
