"""What a run says as it goes on: metrics.jsonl, progress.json, checkpoints; and what it is told: control, SIGTERM."""

import json
import os
import resource
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

from shuyuan.maas.training import checkpoints, loop

Stage = Literal["reading", "training", "evaluating", "exporting", "done"]
_EVERY_S = 0.4  # progress is written, control is read
_LINE_S = 1.0  # a line of metrics at least this often within an epoch
_ALL_EPOCHS = 1_000  # a line each; after these only as often as `_EVERY_S`


class Report(loop.Watch):
    """Follows one run in its folder. A thread writes progress, so that a long step or export does not hide it."""

    def __init__(self, folder: Path, checkpoint_every_s: float) -> None:
        self._folder, self._checkpoint_every_s = folder, checkpoint_every_s
        self._stage: Stage = "reading"
        self._step = self._steps = self._epoch = 0
        self._started, self._began, self._begun_at = time.monotonic(), time.monotonic(), 0
        self._saved = self._lined = time.monotonic()
        self._total, self._count = 0.0, 0
        self._metrics: IO[str] | None = None
        self.word = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Report":
        signal.signal(signal.SIGTERM, self._terminated)
        self._write_progress()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._write_progress()
        if self._metrics is not None:
            self._metrics.close()

    def stage(self, name: Stage) -> None:
        """The next stage begins."""
        self._stage = name

    def begin(self, trainer: loop.Trainer) -> None:
        """Training begins or goes on: lines of metrics from after this step are dropped, they will come again."""
        self._steps, self._step, self._epoch = trainer.steps, trainer.step, trainer.epoch
        self._began, self._begun_at = time.monotonic(), trainer.step
        self._saved = self._lined = time.monotonic()
        self._metrics = _cut(self._folder / "metrics.jsonl", trainer.step)
        self.stage("training")

    def step(self, trainer: loop.Trainer, loss: float) -> bool:
        """Add up losses, write a line now and then; True when a checkpoint is due."""
        self._step = trainer.step
        self._total += loss
        self._count += 1
        now = time.monotonic()
        if now - self._lined >= _LINE_S:
            self._train_line(trainer, now)
        return now - self._saved >= self._checkpoint_every_s

    def stopping(self) -> bool:
        """Whether somebody asked for a pause or the end."""
        return bool(self.word)

    def epoch(self, trainer: loop.Trainer, figures: Mapping[str, float] | None) -> None:
        """A line each for training and validation."""
        self._epoch, self._steps = trainer.epoch, trainer.steps
        now = time.monotonic()
        if trainer.epoch > _ALL_EPOCHS and not trainer.finished and now - self._lined < _EVERY_S:
            return
        if self._count:
            self._train_line(trainer, now)
        if figures is not None:
            self._line({**_where(trainer), "split": "validation", "at_s": self._at(now), **figures})

    def keep(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Write it; when the run is cancelled nobody will need it."""
        if self.word != "cancel":
            checkpoints.save_to(self._folder / "checkpoints", checkpoint)
        self._saved = time.monotonic()

    def _train_line(self, trainer: loop.Trainer, now: float) -> None:
        said = {"loss": self._total / self._count, "lr": trainer.rate}
        self._line({**_where(trainer), "split": "train", "at_s": self._at(now), **said})
        self._total, self._count, self._lined = 0.0, 0, now

    def _line(self, said: Mapping[str, Any]) -> None:  # JSON
        assert self._metrics is not None
        try:
            self._metrics.write(json.dumps(said) + "\n")
            self._metrics.flush()
        except OSError as wrong:
            raise checkpoints.no_room("metrics.jsonl") from wrong

    def _at(self, now: float) -> float:
        return round(now - self._started, 3)

    def _follow(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._read_control()
            self._write_progress()

    def _read_control(self) -> None:
        try:
            word = (self._folder / "control").read_text().strip()
        except OSError:
            return
        if word in ("pause", "cancel"):
            self.word = word

    def _terminated(self, *_: object) -> None:
        self.word = self.word or "pause"

    def _write_progress(self) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        said = {
            "stage": self._stage, "step": self._step, "steps": self._steps, "epoch": self._epoch, "eta_s": self._eta(),
            "rss_bytes": _resident(used.ru_maxrss * 1024), "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        }  # fmt: skip
        try:
            partial = self._folder / "progress.json.partial"
            partial.write_text(json.dumps(said))
            partial.replace(self._folder / "progress.json")
        except OSError:
            pass  # on a full disk the checkpoint says so

    def _eta(self) -> float | None:
        done = self._step - self._begun_at
        if self._stage != "training" or not done:
            return None
        return round((time.monotonic() - self._began) / done * (self._steps - self._step), 1)


def _resident(peak: int) -> int:
    """Memory now, where the system tells; else the most there was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return peak
    return pages * os.sysconf("SC_PAGE_SIZE")


def _where(trainer: loop.Trainer) -> dict[str, int]:
    return {"step": trainer.step, "epoch": trainer.epoch + 1 if trainer.at else trainer.epoch}


def _cut(path: Path, step: int) -> IO[str]:
    """Open for appending: metrics as they were at this step; half a line at the end is dropped, too."""
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if _step_of(line) <= step]
    if len(kept) < len(lines):
        partial = path.with_suffix(".partial")
        partial.write_text("".join(f"{line}\n" for line in kept))
        os.replace(partial, path)
    return path.open("a", encoding="utf-8")


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
