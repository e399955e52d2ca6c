"""The trainer against a bare PyTorch loop on the same task, and what a checkpoint and a resume cost.

The same net, optimiser, batches and order of work; the bare loop only trains. CPU seconds of one thread, the two in
turn, the median of the ratios. Run: `make bench NAME=overhead`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars
import torch
from torch.nn import functional

from bench import harness
from shuyuan.maas.training import checkpoints, loop, reporting, sampling, tasks
from shuyuan.maas.training.encoders import TRUTH

ROUNDS, SEED = 11, 3
PROTOCOL = f"CPU seconds of one thread, ours and bare in turn, median ratio of {ROUNDS} pairs; resume after kill -9"
GOALS: dict[str, harness.Goal] = {
    "trainer_overhead_pictures": ("<=", 0.05),
    "trainer_overhead_rows": ("<=", 0.05),
}
CASES: Mapping[str, tuple[str, int, dict[str, Any]]] = {  # task, rows, config
    "pictures": ("image_classification", 1_000, {"widths": [16, 32], "epochs": 10, "batch": 64}),
    "rows": ("tabular_classification", 8_000, {"hidden": [256, 256], "epochs": 5, "batch": 256}),
}


class Case:
    """One task and its examples, ready to train."""

    def __init__(self, name: str) -> None:
        task, rows, config = CASES[name]
        found = tasks.load(task)
        self.example = found.example(rows, SEED)
        self.config = found.CONFIG.model_validate({**self.example.config, **config})
        self.work = found.prepare(self.config, self.example.columns, self.example.table)
        self.arrays = self.work.arrays(self.example.table)

    def trainer(self, watch: loop.Watch | None = None) -> loop.Trainer:
        """A fresh run."""
        return loop.Trainer(self.work, self.config, self.arrays, seed=SEED, watch=watch)

    def ours(self) -> float:
        """CPU seconds of a run as a child does it: progress, metrics and control in a folder."""
        with tempfile.TemporaryDirectory() as folder, reporting.Report(Path(folder), 30) as report:
            trainer = self.trainer(report)
            report.begin(trainer)
            return seconds(lambda: trainer.fit())

    def bare(self) -> float:
        """CPU seconds of the loop everybody writes."""
        torch.manual_seed(SEED)
        net = self.work.net()
        optimiser = torch.optim.AdamW(net.parameters(), self.config.rate, weight_decay=0.0, fused=True)
        tensors = {name: torch.from_numpy(array) for name, array in self.arrays.items()}
        inputs, truth, rows = [tensors[name] for name in self.work.INPUTS], tensors[TRUTH], len(tensors[TRUTH])

        def run() -> None:
            net.train()
            for epoch in range(self.config.epochs):
                order = torch.from_numpy(sampling.order(rows, SEED, epoch))
                total = 0.0
                for part in torch.split(order, self.config.batch):
                    loss = functional.cross_entropy(net(*(one[part] for one in inputs))[0], truth[part])
                    optimiser.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]  # torch's own
                    optimiser.step()
                    total += loss.item()

        return seconds(run)


def measure() -> dict[str, float]:
    """Shares of time the trainer adds (goal: at most 0.05), and seconds that checkpoints and a resume take."""
    torch.set_num_threads(1)
    found: dict[str, float] = {}
    for name in CASES:
        case = Case(name)
        case.bare(), case.ours()  # warm
        ratios = [case.ours() / case.bare() for _ in range(ROUNDS)]
        found[f"trainer_overhead_{name}"] = round(statistics.median(ratios) - 1, 4)
    return {**found, **_checkpoint_costs(), **_resume_costs()}


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _checkpoint_costs() -> dict[str, float]:
    """Of a net of about 270,000 parameters: written with sync, and read back into a trainer."""
    case = Case("rows")
    trainer = case.trainer()
    trainer.fit()
    with tempfile.TemporaryDirectory() as folder:
        write, read = [], []
        for _ in range(ROUNDS):
            trainer.step += 1
            began = time.perf_counter()
            checkpoints.save_to(Path(folder), trainer.checkpoint())
            write.append(time.perf_counter() - began)
            began = time.perf_counter()
            kept = checkpoints.latest(Path(folder))
            assert kept is not None
            trainer.restore(kept)
            read.append(time.perf_counter() - began)
    return {
        "checkpoint_write_s": round(statistics.median(write), 4),
        "checkpoint_read_s": round(statistics.median(read), 4),
    }


def _resume_costs() -> dict[str, float]:
    """From the start of a process to its first new step, with the imports; the CPU seconds of these too."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        case, name = Case("rows"), CASES["rows"][0]
        frame = polars.DataFrame({key: list(values) for key, values in case.example.table.items()})
        frame.write_parquet(folder / "train.parquet")
        job = {
            "task": name,
            "config": {**case.config.model_dump(mode="json"), "epochs": 1_000},
            "columns": [column._asdict() for column in case.example.columns],
            "data": {"train": str(folder / "train.parquet")},
            "checkpoint_every_s": 0.5,
        }
        (folder / "job.json").write_text(json.dumps(job))
        _until(folder, 1)
        stood = checkpoints.latest(folder / "checkpoints")
        assert stood is not None
        wall, cpu = _until(folder, stood.step + 1)
    return {"resume_s": round(wall, 2), "resume_cpu_s": round(cpu, 2)}


def _until(folder: Path, step: int) -> tuple[float, float]:
    """Run the child until it has done this step and kept a checkpoint; seconds and CPU seconds until the step."""
    progress = folder / "progress.json"
    progress.unlink(missing_ok=True)
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "shuyuan.maas.training.child", str(folder)])
    said: dict[str, Any] = {}
    while said.get("stage") != "training" or said["step"] < step:
        if child.poll() is not None:
            raise RuntimeError(f"the child ended with {child.returncode}")
        time.sleep(0.01)
        if progress.exists():
            said = json.loads(progress.read_bytes())
    took = time.perf_counter() - began
    while not list((folder / "checkpoints").glob("step-????????")):
        time.sleep(0.05)
    child.kill()
    child.wait()
    return took, float(said["cpu_s"])


if __name__ == "__main__":
    harness.report("overhead", measure(), PROTOCOL, GOALS, ("torch",))
