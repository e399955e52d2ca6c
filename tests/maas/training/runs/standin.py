"""Stands in for the child that trains: the same folder, signals and exit codes, a chain of hashes instead of a net.

`python standin.py [--steps 40] [--pace 0.01] [--die-at N] [--refuse] [--refuse-rate R] [--deaf] FOLDER`
"""

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

PAUSED, REFUSED = 75, 64


def main() -> int:
    """Train, or go on."""
    told = arguments()
    folder, job = told.folder, json.loads((told.folder / "job.json").read_text())
    asked = list[str]()
    signal.signal(signal.SIGTERM, lambda *_: asked.append("pause"))
    if told.refuse or job["config"].get("rate") == told.refuse_rate:
        write(folder / "error.json", {"code": "one_class", "message": "the label has one class", "fix": "add another"})
        return REFUSED
    step, state = resumed(folder) or (0, hashlib.sha256(str(job["seed"]).encode()).hexdigest())
    with (folder / "metrics.jsonl").open("a") as metrics:
        while step < told.steps:
            step, state = step + 1, hashlib.sha256(f"{state}{step}".encode()).hexdigest()
            metrics.write(json.dumps({"step": step, "split": "train", "at_s": step / 10, "loss": 1 / step}) + "\n")
            metrics.flush()
            progress = {"stage": "training", "step": step, "steps": told.steps, "epoch": 1, "eta_s": 1.5}
            write(folder / "progress.json", {**progress, "rss_bytes": 50_000_000, "cpu_s": time.process_time()})
            if step % 5 == 0:
                checkpoint(folder, step, state)
            if step == told.die_at:
                print("out of memory, it seems", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            if (word := control(folder)) and not told.deaf:
                asked.append(word)
            if asked:
                checkpoint(folder, step, state)
                return PAUSED
            time.sleep(told.pace)
    finish(folder, job, step, state)
    return 0


def arguments() -> argparse.Namespace:
    """What the command says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--pace", type=float, default=0.01)
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("--refuse-rate", type=float)
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("folder", type=Path)
    return parser.parse_args()


def resumed(folder: Path) -> tuple[int, str] | None:
    """Step and state of the newest checkpoint."""
    found = sorted(path for path in (folder / "checkpoints").glob("step-*") if path.suffix != ".partial")
    if not found:
        return None
    told = json.loads((found[-1] / "state.json").read_text())
    return told["step"], told["state"]


def checkpoint(folder: Path, step: int, state: str) -> None:
    """Whole or not at all."""
    final = folder / "checkpoints" / f"step-{step:08d}"
    partial = final.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    (partial / "state.json").write_text(json.dumps({"step": step, "state": state}))
    if not final.exists():
        partial.rename(final)


def control(folder: Path) -> str:
    """What the server asks."""
    try:
        return (folder / "control").read_text().strip()
    except OSError:
        return ""


def finish(folder: Path, job: dict[str, object], steps: int, state: str) -> None:
    """The files of a run, and the result last."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (out / "model.onnx").write_text(f"graph {state}")
    (out / "weights.safetensors").write_text(state)
    spec = {"task": job["task"], "labels": ["no", "yes"], "inputs": [], "outputs": [], "opset": 20}
    (out / "spec.json").write_text(json.dumps(spec))
    (out / "features.json").write_text(json.dumps({"columns": ["x"]}))
    rate = float(job["config"]["rate"])  # type: ignore[index]
    data = job["data"]
    figures = {"validation_loss": abs(rate - 0.01), "validation_accuracy": 0.9, "broken": float("nan")}
    figures |= {"test_accuracy": 0.8} if data["test"] else {}  # type: ignore[index]
    files = {path.name: {"sha256": sha256(path), "size_bytes": path.stat().st_size} for path in out.iterdir()}
    write(
        folder / "result.json",
        {"figures": figures, "files": files, "steps": steps, "seconds": 1.0, "weights_sha256": state, "versions": {}},
    )


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, told: object) -> None:
    """Replaced in one step."""
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(told))
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
