"""A run's folder as the server sees it: what it writes for the child, and what it reads of it. Refuses half lines.

The child writes `progress.json`, `metrics.jsonl`, `checkpoints/`, `out/`, then `result.json` or `error.json`. The
server writes `job.json` before, `control` while it runs, and `asked` when it stops the child for reasons of its own.
"""

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

_Json = dict[str, Any]  # Any: JSON
_READ_BYTES = 1 << 20


class RunFolder:
    """One run's files."""

    def __init__(self, path: Path) -> None:
        self.path, self.out = path, path / "out"
        self.lock, self.log = path / "lock", path / "child.log"
        self.metrics_file = path / "metrics.jsonl"

    def prepare(self, job: Mapping[str, Any]) -> None:
        """Write the job and forget what an earlier attempt was asked and said; its checkpoints stay."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("control", "asked", "progress.json", "error.json", "result.json"):
            (self.path / name).unlink(missing_ok=True)
        _write(self.path / "job.json", json.dumps(job, ensure_ascii=False, indent=1))

    def control(self, word: Literal["pause", "cancel"]) -> None:
        """Ask the child between two steps."""
        _write(self.path / "control", word)

    def ask(self, reason: str) -> None:
        """Remember that the server itself stops this child: that is no crash."""
        _write(self.path / "asked", reason)

    @property
    def asked(self) -> str:
        """Why the server stopped it; empty: it did not."""
        try:
            return (self.path / "asked").read_text()
        except OSError:
            return ""

    def progress(self) -> _Json:
        """Where it stands; empty before the first word."""
        return _read(self.path / "progress.json")

    def result(self) -> _Json:
        """What it gave; empty while there is no result."""
        return _read(self.path / "result.json")

    def error(self) -> _Json:
        """What it refused; empty without a refusal."""
        return _read(self.path / "error.json")

    def checkpoint_step(self) -> int:
        """The step of the newest whole checkpoint; 0 without one."""
        names = [path.name for path in (self.path / "checkpoints").glob("step-*") if not path.suffix]
        return max((int(name.removeprefix("step-")) for name in names if name[5:].isdigit()), default=0)

    def last_words(self) -> str:
        """The last line of what the child printed."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4096))
                lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        return lines[-1][:300] if lines else ""

    def drop_checkpoints(self) -> None:
        """They are of no use once the run has ended."""
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)

    def remove(self) -> None:
        """The whole folder."""
        shutil.rmtree(self.path, ignore_errors=True)


class Curve:
    """Reads lines of metrics as they are appended, each once, from where it stopped."""

    def __init__(self, path: Path, *, line: int = 0) -> None:
        """line: how many lines to pass over."""
        self._path, self._skip = path, line
        self.line, self._offset, self._inode = 0, 0, 0

    def new(self) -> list[_Json]:
        """Whole lines that came since the last call; each carries its number, `line`."""
        return [{**told, "line": number} for number, told in self._lines() if number > self._skip]

    def _lines(self) -> Iterator[tuple[int, _Json]]:
        try:
            with self._path.open("rb") as file:
                now = os.fstat(file.fileno())
                if now.st_ino != self._inode or now.st_size < self._offset:  # a resumed run cuts off what comes again
                    self._skip = 0 if self._inode else self._skip
                    self.line, self._offset, self._inode = 0, 0, now.st_ino
                file.seek(self._offset)
                for raw in file:
                    if not raw.endswith(b"\n"):
                        break
                    self._offset += len(raw)
                    self.line += 1
                    if (told := _parsed(raw)) is not None:
                        yield self.line, told
        except FileNotFoundError:
            return


def finite(figures: object) -> dict[str, float]:
    """The figures that are numbers one can store and compare."""
    found = figures if isinstance(figures, Mapping) else {}
    return {
        str(name): float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def _parsed(raw: bytes) -> _Json | None:
    try:
        told = json.loads(raw, parse_constant=lambda _word: None)  # NaN is no JSON: a diverged loss shows as a gap
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _read(path: Path) -> _Json:
    try:
        return _parsed(path.read_bytes()) or {}
    except OSError:
        return {}


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)
