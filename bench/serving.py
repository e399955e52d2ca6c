"""Embeddings over HTTP against bare ONNX Runtime and five peers, one model, one run, one core for every server.

`make bench NAME=serving` serves all-MiniLM-L6-v2 (fp32) from each system in turn, its server and workers pinned to
one core and the load on the other, with sentences of mixed length. A peer that batches runs at the best of a few batch
sizes found for it here. Ours runs as schools run it: keys, quota, ledger and durable writes on.
"""

import argparse
import asyncio
import base64
import gzip
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import fmean, median

import numpy as np

from bench import environments, export, harness, load, systems
from shuyuan.maas.catalogue import puller
from shuyuan.maas.serving.engine import LocalEngine

CONCURRENCIES = (1, 8, 32, 64)
BATCHERS = ("litserve", "bentoml", "mlserver", "ray")
BATCHES = (1, 4, 8)
TEXTS, SEED = 400, 11
FOUND_AT = 32  # concurrency at which a peer's batch is chosen
GOALS: dict[str, harness.Goal] = {
    "ours_8_of_bare": (">=", 0.95),
    "ours_32_of_bare": (">=", 0.95),
    "ours_64_of_bare": (">=", 0.95),
    "ours_32_of_best_batching_peer": (">=", 1.5),
    "ours_p99_64_of_best_peer": ("<=", 1.0),
    "ours_1_added_ms": ("<=", 1.5),
    "two_workers_of_one": (">=", 1.8),
    "worst_cosine": (">=", 0.999),
}

Open = Callable[[], AbstractContextManager[systems.Endpoint]]


class Trial:
    """The texts, what bare ONNX Runtime makes of them, and what every system made of them so far."""

    def __init__(self, model: export.Model, scratch: Path, seconds: float) -> None:
        self.model, self.scratch, self.seconds = model, scratch, seconds
        self.texts = sentences(TEXTS)
        self.figures: dict[str, harness.Figure] = {}
        self.bare: list[dict[str, float]] = []
        self.worst_cosine = 1.0

    def measure_bare(self) -> None:
        """Sentences a second without any server; called before, between and after the others."""
        asked = {"texts": self.texts, "batches": [1, 8], "seconds": self.seconds}
        with systems.pinned(systems.SERVER_CORE):
            done = subprocess.run(
                [str(environments.python_of("fastapi")), str(environments.PEERS / "bare.py")],
                input=json.dumps(asked),
                capture_output=True,
                text=True,
                check=True,
                env={"MODEL": str(self.model.onnx), "TOKENIZER": str(self.model.tokenizer)},
            )
        told = json.loads(done.stdout)
        self.bare.append(told["per_s"])
        self.reference = {text: _unpack(packed) for text, packed in told["vectors"].items()}

    def measure(self, name: str, opened: Open) -> None:
        """Every concurrency against one system."""
        with opened() as endpoint:
            self._load(endpoint, 8, self.seconds / 2)
            for concurrency in CONCURRENCIES:
                outcome = self._load(endpoint, concurrency, self.seconds)
                self._check(endpoint, outcome)
                self.figures |= {
                    f"{name} {concurrency} per_s": round(outcome.per_s, 1),
                    f"{name} {concurrency} mean ms": round(1e3 * fmean(outcome.latencies_s), 2),
                    f"{name} {concurrency} p50 ms": round(1e3 * load.percentile(outcome.latencies_s, 0.5), 2),
                    f"{name} {concurrency} p99 ms": round(1e3 * load.percentile(outcome.latencies_s, 0.99), 2),
                }
                print(name, concurrency, round(outcome.per_s, 1), outcome.statuses, file=sys.stderr, flush=True)

    def measure_workers(self) -> None:
        """One worker on one core against two on two, turn by turn, without HTTP."""
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(3):
            for replicas, cores in ((1, {systems.SERVER_CORE}), (2, {systems.SERVER_CORE, systems.LOAD_CORE})):
                words = [sys.executable, "-m", "bench.serving", "--replicas", str(replicas)]
                with systems.pinned(*cores):
                    done = subprocess.run(
                        [*words, "--seconds", str(self.seconds)], capture_output=True, text=True, check=True
                    )
                rates[replicas].append(float(done.stdout.split()[-1]))
        self.figures |= {f"{n} workers per_s": round(median(found), 1) for n, found in rates.items()}
        self.figures["two_workers_of_one"] = round(median(rates[2]) / median(rates[1]), 2)

    def best_batch(self, name: str) -> int:
        """The batch size at which a peer answers most, tried for a short time each."""
        tried = {}
        for batch in BATCHES[1:] if name == "bentoml" else BATCHES:  # it refuses to make batches of one
            with systems.peer(name, self.model, batch, self.scratch) as endpoint:
                self._load(endpoint, FOUND_AT, self.seconds / 4)
                tried[batch] = self._load(endpoint, FOUND_AT, self.seconds / 2).per_s
        self.figures[f"{name} batch"] = best = max(tried, key=lambda batch: tried[batch])
        print(name, "batches", {b: round(v, 1) for b, v in tried.items()}, file=sys.stderr, flush=True)
        return best

    def _load(self, endpoint: systems.Endpoint, concurrency: int, seconds: float) -> load.Outcome:
        bodies = [endpoint.body(text) for text in self.texts]
        return load.run(
            load.Plan(
                endpoint.url,
                bodies,
                concurrency,
                1_000_000,
                seconds,
                endpoint.headers,
                systems.LOAD_CORE,
                keep=25,
            )
        )

    def _check(self, endpoint: systems.Endpoint, outcome: load.Outcome) -> None:
        if outcome.statuses.keys() != {"200"}:
            raise RuntimeError(f"{endpoint.url} answered {outcome.statuses}")
        for index, packed in outcome.answers.items():
            vector = endpoint.vector(base64.b64decode(packed))
            expected = self.reference[self.texts[int(index)]]
            cosine = float(vector @ expected / np.linalg.norm(vector) / np.linalg.norm(expected))
            self.worst_cosine = min(self.worst_cosine, cosine)


def main() -> None:
    """Measure everything and report."""
    options = _options()
    if options.replicas:
        print(asyncio.run(engine_rate(options.replicas, options.seconds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        trial = Trial(export.minilm(scratch), scratch, options.seconds)
        trial.measure_bare()
        trial.measure("ours", partial(systems.ours, scratch / "home"))
        trial.measure("fastapi", partial(systems.peer, "fastapi", trial.model, 1, scratch))
        trial.measure_bare()
        measured = ["fastapi"]
        for name in options.peers:
            try:
                batch = trial.best_batch(name)
                trial.measure(name, partial(systems.peer, name, trial.model, batch, scratch))
                measured.append(name)
            except (RuntimeError, subprocess.CalledProcessError) as wrong:
                trial.figures[f"{name} failed"] = str(wrong)[-300:]
        trial.measure("ours again", partial(systems.ours, scratch / "home"))
        trial.measure_bare()
        trial.measure_workers()
    harness.report(
        "serving",
        figures=_figures(trial, measured),
        protocol=f"{TEXTS} English sentences of mixed length (seed {SEED}); server pinned to core 0, load to core 1; "
        f"{options.seconds:g} s a figure; bare: best of single and length-sorted 8, median of three readings; peers at "
        f"the best of batches {BATCHES}; ours: the mean of two readings, before and after the peers",
        goals=GOALS,
        packages=("onnxruntime", "tokenizers", "numpy", "uvicorn", "starlette"),
    )


async def engine_rate(replicas: int, seconds: float) -> float:
    """Sentences a second of the engine with so many workers, 64 askers."""
    engine, texts = LocalEngine(puller.Puller()), itertools.cycle(sentences(TEXTS))
    await engine.warm("minilm", replicas=replicas)
    done, until = 0, time.perf_counter() + seconds

    async def ask() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await engine.embed("minilm", [next(texts)])
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(64)))
    rate = done / (time.perf_counter() - began)
    await engine.close()
    return rate


def sentences(count: int) -> list[str]:
    """English sentences, short and long, seeded."""
    short = harness.data_folder("mt_tatoeba_en_zh") / "dev.tsv.gz"
    long = harness.data_folder("text_scitldr") / "dev.jsonl.gz"
    with gzip.open(short, "rt", encoding="utf-8") as lines:
        pool = [line.split("\t")[0].strip() for line in lines][1:1500]
    with gzip.open(long, "rt", encoding="utf-8") as lines:
        pool += [sentence for line in lines for sentence in json.loads(line)["source"]][:1500]
    return random.Random(SEED).sample(sorted({text for text in pool if text}), count)


def _figures(trial: Trial, measured: Sequence[str]) -> dict[str, harness.Figure]:
    bare = median(max(reading.values()) for reading in trial.bare)
    single = median(reading["1"] for reading in trial.bare)

    def figure(name: str, concurrency: int, what: str) -> float:
        return float(str(trial.figures[f"{name} {concurrency} {what}"]))

    def ours(concurrency: int, what: str) -> float:
        return (figure("ours", concurrency, what) + figure("ours again", concurrency, what)) / 2

    batchers = [name for name in measured if name in BATCHERS]
    derived: dict[str, harness.Figure] = {
        "bare_per_s": round(bare, 1),
        "bare_single_ms": round(1e3 / single, 2),
        "bare_readings": [{size: round(value, 1) for size, value in reading.items()} for reading in trial.bare],
        "worst_cosine": round(trial.worst_cosine, 6),
        "ours_1_added_ms": round(ours(1, "mean ms") - 1e3 / single, 2),
        **{f"ours_{c}_of_bare": round(ours(c, "per_s") / bare, 3) for c in CONCURRENCIES},
    }
    if batchers:
        best = max(figure(name, 32, "per_s") for name in batchers)
        derived["ours_32_of_best_batching_peer"] = round(ours(32, "per_s") / best, 2)
    derived["ours_p99_64_of_best_peer"] = round(
        ours(64, "p99 ms") / min(figure(name, 64, "p99 ms") for name in measured), 2
    )
    return derived | trial.figures


def _unpack(packed: str) -> systems.Vector:
    return np.frombuffer(base64.b64decode(packed), "<f4")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of one measurement")
    parser.add_argument(
        "--peers", nargs="*", default=list(BATCHERS), choices=BATCHERS, help="batching peers to compare"
    )
    parser.add_argument("--replicas", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s in all", file=sys.stderr)
