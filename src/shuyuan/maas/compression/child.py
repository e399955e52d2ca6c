"""The work of one compression, in a process of its own: `python -m shuyuan.maas.compression.child FOLDER`.

Reads `job.json` (method, config, model, runner, spec, data by part, seed, threads), writes `progress.json` now and
then, and at the end `result.json`, or `error.json` and exit code 64 when a person must be told. Ends when its starter
does.
"""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shuyuan.kernel import children, errors
from shuyuan.maas.compression import examples, interface, method, opening, writing
from shuyuan.maas.compression.methods import config_of, method_of
from shuyuan.maas.runners import netgraph

Job = Mapping[str, Any]  # JSON
_MOST_MEASURED_ROWS = 20_000


def main(folder: Path) -> int:
    """The exit code."""
    files = interface.Folder(folder)
    try:
        _work(files, json.loads(files.job.read_text("utf-8")))
    except errors.ShuyuanError as wrong:
        writing.whole(files.error, wrong.to_dict())
        return files.REFUSED
    except Exception as wrong:
        if (told := children.trouble(wrong)) is None:
            raise
        return _tell_trouble(files, told)
    return 0


def _tell_trouble(files: interface.Folder, told: Mapping[str, str]) -> int:
    """To error.json; as the last line it prints where even that finds no room."""
    try:
        writing.whole(files.error, told)
    except OSError:
        print(json.dumps(told), flush=True)
    return files.REFUSED


def _work(files: interface.Folder, job: Job) -> None:
    tell = _Progress(files)
    tell("reading", 0.0)
    model = _graph(files.path, Path(job["model"]), str(job["runner"]))
    parent, spec = opening.Model(model, threads=int(job["threads"])), dict(job["spec"])
    parts = {
        part: examples.read(Path(path), spec, parent.dtypes)
        for part, path in job["data"].items()
        if path and part in ("train", "validation")  # the test part is not read here
    }
    work = method.Work(
        model=model,
        spec=spec,
        folder=files.path,
        seed=int(job["seed"]),
        train=parts.get("train"),
        validation=parts.get("validation"),
        threads=int(job["threads"]),
        timed_s=float(job.get("timed_s", 0.5)),
        tell=lambda share: tell("compressing", share),
    )
    tell("compressing", 0.0)
    name = str(job["method"])
    child = method_of(name).run(work, config_of(name, job["config"]))
    tell("measuring", 0.0)
    figures = _figures(work, parent, child, tell)
    writing.whole(files.result, _result(child, figures, spec))
    tell("done", 1.0)


def _graph(folder: Path, model: Path, runner: str) -> Path:
    """The parent as ONNX. Raises CannotCompress for what is none and cannot become it."""
    if runner == "torch":
        made = folder / "parent.onnx"
        netgraph.write(model, made)
        return made
    if runner != "onnx":
        raise interface.CannotCompress(f"a model of runner {runner!r} is no ONNX graph", fix="compress an onnx version")
    return model


def _figures(
    work: method.Work, parent: opening.Model, child: method.Child, tell: "_Progress"
) -> tuple[dict[str, float], dict[str, float]]:
    """Of the parent and of the child, by name. The parent's agreement with itself is 1."""
    spec = {**work.spec, **child.spec}
    budget = int(child.spec.get("budget_bytes", 0) or 0)  # type: ignore[call-overload]  # a whole number, from our method
    made = opening.Model(child.path, child.runner, work.threads, budget)
    found: tuple[dict[str, float], dict[str, float]] = ({}, {})
    feeds = None
    if given := work.validation or work.train:
        given = given.some(_MOST_MEASURED_ROWS, work.seed)
        output = parent.output_of(work.spec)
        theirs = examples.answers(parent, given.feeds, output)
        ours = examples.answers(made, given.feeds, made.output_of(spec))
        classes = examples.classes_of(work.spec, parent.outputs[output].shape)
        found = tuple(examples.quality(a, theirs, given.labels, classes, spec) for a in (theirs, ours))  # type: ignore[assignment]
        feeds = work.folder / "feeds.npz"
        np.savez(feeds, **{name: array[:64] for name, array in given.feeds.items()})  # type: ignore[arg-type]  # numpy's stub
    del made
    for at, (figures, path, runner) in enumerate(
        zip(found, (work.model, child.path), ("onnx", child.runner), strict=True)
    ):
        figures["size_bytes"] = float(path.stat().st_size)
        figures |= _timed(work, path, runner, budget, feeds)
        tell("measuring", (at + 1) / 2)
    return found


def _timed(work: method.Work, path: Path, runner: str, budget: int, feeds: Path | None) -> dict[str, float]:
    job = {"model": str(path), "runner": runner, "threads": work.threads, "feeds": str(feeds) if feeds else None}
    file = work.folder / "timing.json"
    writing.whole(file, {**job, "seconds": work.timed_s, "budget_bytes": budget if runner == "staged" else 0})
    done = subprocess.run(
        [sys.executable, "-m", "shuyuan.maas.compression.timing", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise interface.CannotCompress(f"{path.name} could not be timed: {done.stderr[-300:]}", fix="see the text")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _result(child: method.Child, figures: tuple[dict[str, float], dict[str, float]], spec: Mapping[str, Any]) -> Job:
    before, after = figures
    rows = [
        interface.Row(
            figure=name,
            parent=before.get(name),
            child=after.get(name),
            ratio=after[name] / before[name] if name in after and before.get(name) else None,
        ).model_dump()
        for name in dict.fromkeys([*after, *before])
    ]
    with child.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    described = {"sha256": sha256, "size_bytes": child.path.stat().st_size}
    return {
        "figures": after,
        "parent_figures": before,
        "table": rows,
        "files": {child.path.name: described},
        "file": child.path.name,
        "runner": child.runner,
        "spec": {**spec, **child.spec},
        "notes": list(child.notes),
        "layers": [dict(one) for one in child.layers],
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    from importlib import metadata

    return {name: metadata.version(name) for name in ("onnx", "onnxruntime", "numpy")}


class _Progress:
    """Writes how far the work is, at most a few times a second."""

    def __init__(self, files: interface.Folder) -> None:
        self._files, self._stage, self._at = files, "", 0.0

    def __call__(self, stage: interface.Stage, share: float) -> None:
        now = time.monotonic()
        if stage != self._stage or now - self._at > 0.3:
            self._stage, self._at = stage, now
            writing.whole(self._files.progress, {"stage": stage, "done": round(share, 4)})


if __name__ == "__main__":
    children.end_with_starter()
    sys.exit(main(Path(sys.argv[1])))
