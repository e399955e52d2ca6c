"""Generated tokens a second through the whole gateway against bare llama.cpp in the same run.

`make bench NAME=llm` starts the platform (keys, quota, ledger, streaming over HTTP) and, in a process of its own, the
same llama.cpp with the same file and settings and nothing around it. The two take turns, so that both see the same
machine; every stream writes the same number of tokens.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import harness, load
from shuyuan.entrypoints import process
from shuyuan.maas.catalogue import puller

STREAMS = (1, 4, 8)
ROUNDS, TOKENS = 5, 96
PROMPT = "Tell a long story about a class that learns to grow vegetables, step by step. Story number {number}."
GOALS: dict[str, harness.Goal] = {f"ratio_{streams}": (">=", 0.97) for streams in STREAMS}


class Bare:
    """llama.cpp in a child process, driven over its standard input, one line a measurement."""

    def __init__(self, model: str) -> None:
        words = [sys.executable, "-m", "bench.llm", "--bare", str(puller.Puller().locate(model).path)]
        self._child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def tokens_per_s(self, streams: int) -> float:
        """All streams together."""
        assert self._child.stdin
        self._child.stdin.write(f"{streams}\n")
        self._child.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        """End the child."""
        assert self._child.stdin
        self._child.stdin.close()
        self._child.wait(30)

    def _line(self) -> str:
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("bare llama.cpp ended")
        return line


def main() -> None:
    """Take turns and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny", choices=["tiny", "tutor"])
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.bare)
        return
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, _platform(Path(folder)) as (url, key), _bare(options.model) as bare:
        for round_number in range(ROUNDS + 1):
            for streams in STREAMS:
                pair = {"bare": bare.tokens_per_s(streams), "ours": through_gateway(url, key, options.model, streams)}
                if round_number:  # the first round warms up
                    for name, value in pair.items():
                        found.setdefault(f"{name} {streams} tokens/s", []).append(value)
                print(round_number, streams, {n: round(v, 1) for n, v in pair.items()}, file=sys.stderr, flush=True)
    figures: dict[str, harness.Figure] = {name: round(median(values), 1) for name, values in found.items()}
    for streams in STREAMS:
        pairs = zip(found[f"ours {streams} tokens/s"], found[f"bare {streams} tokens/s"], strict=True)
        figures[f"ratio_{streams}"] = round(median(ours / bare for ours, bare in pairs), 3)
    harness.report(
        "llm",
        figures=figures,
        protocol=f"{options.model}; {TOKENS} tokens a stream, median of {ROUNDS} rounds taking turns on the same "
        "cores; bare: xllamacpp called from threads of one process, same file, context, slots and batch; the load "
        "generator shares the cores with ours, not with bare",
        goals=GOALS,
        packages=("xllamacpp",),
    )


def through_gateway(url: str, key: str, model: str, streams: int) -> float:
    """Tokens a second of so many streams, as the answers' own usage counts them."""
    bodies = [json.dumps({"model": model, "stream": True, **asked(n)}) for n in range(streams)]
    headers = {"authorization": f"Bearer {key}"}
    outcome = load.run(load.Plan(f"{url}/v1/chat/completions", bodies, streams, streams, 300, headers, keep=streams))
    if outcome.statuses != {"200": streams}:
        raise RuntimeError(f"the platform answered {outcome.statuses}")
    return sum(_usage(base64.b64decode(answer)) for answer in outcome.answers.values()) / outcome.seconds


def serve_bare(path: str) -> None:
    """The child: read a number of streams a line, answer tokens a second a line."""
    import xllamacpp

    from shuyuan.maas.runners import llama

    server = xllamacpp.Server(llama.server_params(Path(path), context_tokens=2048))
    print("ready", flush=True)
    for line in sys.stdin:
        counts: list[int] = []
        threads = [threading.Thread(target=_generate, args=(server, n, counts)) for n in range(int(line))]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(sum(counts) / (time.perf_counter() - began), flush=True)


def asked(number: int) -> dict[str, object]:
    """The request both get: the same words, the same length, greedy."""
    return {
        "messages": [{"role": "user", "content": PROMPT.format(number=number)}],
        "max_tokens": TOKENS,
        "temperature": 0.0,
        "stream_options": {"include_usage": True},
    }


def _generate(server: object, number: int, counts: list[int]) -> None:
    used: list[int] = []

    def on_event(event: dict[str, object]) -> bool:
        usage = event.get("usage")
        if isinstance(usage, dict):
            used.append(int(usage["completion_tokens"]))
        return False

    server.handle_chat_completions({"stream": True, **asked(number)}, on_event)  # type: ignore[attr-defined]
    counts.append(used[-1])


def _usage(events: bytes) -> int:
    lines = [line[6:] for line in events.split(b"\n") if line.startswith(b"data: {")]
    return int(json.loads(lines[-1])["usage"]["completion_tokens"])


@contextmanager
def _platform(home: Path) -> Iterator[tuple[str, str]]:
    with process.server(home, "--starter", "none") as running:
        yield running.base_url, running.demo()["api_key"]


@contextmanager
def _bare(model: str) -> Iterator[Bare]:
    bare = Bare(model)
    try:
        yield bare
    finally:
        bare.close()


if __name__ == "__main__":
    main()
