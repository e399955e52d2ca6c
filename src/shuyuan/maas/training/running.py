"""One run from its folder: read, prepare, train, evaluate, export. Child processes only."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from shuyuan.maas.training import columns as columns_asked
from shuyuan.maas.training import (
    distributed,
    encoders,
    job,
    loop,
    reading,
    reporting,
    results,
    task,
    tasks,
    weighing,
    weights,
)
from shuyuan.maas.training.checkpoints import latest

_CHECKED_ROWS = 64  # rows that an export may use to check itself


class Prepared(NamedTuple):
    """A job with its data read and its encoders fitted."""

    job: job.Job
    work: task.Work
    parts: Mapping[str, task.Arrays]  # train, and validation where there is one
    notes: list[str]  # of what counts otherwise than was said


def run(folder: Path) -> None:
    """Start or resume, in the first process of the run. Raises Paused, ShuyuanError."""
    started = time.monotonic()
    asked = job.read(folder)
    (folder / "error.json").unlink(missing_ok=True)
    with reporting.Report(folder, asked.checkpoint_every_s) as report:
        if asked.processes == 1:
            trainer, prepared = _trained(folder, asked, distributed.Alone(), report)
        else:
            helpers = distributed.Helpers(folder, asked.processes)
            try:
                group = distributed.Several(0, asked.processes, helpers.store, device(asked, 0))
                trainer, prepared = _trained(folder, asked, group, report)
                group.close()
            finally:
                helpers.end()
        _finish(folder, trainer, prepared, report, started)


def help_with(folder: Path, rank: int, port: int) -> None:
    """A further process of a run: trains along, writes nothing. Raises Paused, ShuyuanError."""
    asked = job.read(folder)
    group = distributed.Several(rank, asked.processes, distributed.joined(port), device(asked, rank))
    _trained(folder, asked, group, None)
    group.close()


def device(asked: job.Job, rank: int) -> torch.device:
    """A GPU of its own where there is one (unless the job says otherwise), else the CPU. Raises BadTraining."""
    there = torch.cuda.device_count() if asked.device != "cpu" else 0
    if asked.device == "cuda" and not there:
        raise task.BadTraining("there is no GPU here", fix="set device to auto or cpu", code="no_gpu")
    return torch.device("cuda", rank % there) if there >= asked.processes else torch.device("cpu")


def _trained(
    folder: Path, asked: job.Job, group: distributed.Alone, report: reporting.Report | None
) -> tuple[loop.Trainer, Prepared]:
    torch.set_num_threads(max(1, asked.threads // asked.processes))
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time; nothing here reads such memory
    prepared = _prepared(asked)
    trainer = loop.Trainer(
        prepared.work,
        job.config_of(tasks.load(asked.name), asked.config),
        prepared.parts["train"],
        prepared.parts.get("validation"),
        seed=asked.seed,
        device=str(device(asked, group.rank)),
        init=asked.start(),
        group=group,
        watch=report,
    )
    if (found := latest(folder / "checkpoints")) is not None:
        trainer.restore(found)
    if report is not None:
        report.begin(trainer)
    trainer.fit()
    if report is not None:
        report.keep(trainer.checkpoint())  # a crash while exporting costs no training
    return trainer, prepared


def _prepared(asked: job.Job) -> Prepared:
    found = tasks.load(asked.name)
    config, columns = job.config_of(found, asked.config), asked.schema_of()
    train = reading.table(asked.data.train, columns)
    if not encoders.rows(train):
        raise columns_asked.empty()
    work = found.prepare(config, columns, train, asked.start())
    weighing.apply(work, columns)
    prepared = Prepared(asked, work, {"train": work.arrays(train)}, [])
    return prepared._replace(parts={**prepared.parts, **_held(prepared, "validation", asked.data.validation)})


def _held(prepared: Prepared, part: str, path: Path | None) -> dict[str, task.Arrays]:
    """A part that is not learned from; nothing where there is none, or no row in it."""
    columns = prepared.job.schema_of()
    table: task.Table = reading.table(path, columns) if path is not None else {}
    if not encoders.rows(table):
        return {}
    table, note = weighing.of_held(columns, table)
    if note:
        prepared.notes.append(f"{part}: {note}")
        print(f"{part}: {note}", file=sys.stderr)
    return {part: prepared.work.arrays(table)}


def _finish(folder: Path, trainer: loop.Trainer, prepared: Prepared, report: reporting.Report, started: float) -> None:
    """Figures and predictions of the held parts (the test part is read here, once), files, and the result last."""
    report.stage("evaluating")
    work, asked, out = prepared.work, prepared.job, folder / "out"
    out.mkdir(exist_ok=True)
    held = {name: arrays for name, arrays in prepared.parts.items() if name != "train"}
    held |= _held(prepared, "test", asked.data.test)
    figures, predictions = _evaluated(trainer, held or {"train": prepared.parts["train"]})
    results.write_predictions(out / "predictions.parquet", {name: predictions[name] for name in held})
    report.stage("exporting")
    digest = weights.digest(trainer.net.state_dict())
    parameters = sum(tensor.numel() for tensor in trainer.net.parameters())
    some = {name: array[:_CHECKED_ROWS] for name, array in prepared.parts["train"].items()}
    exported = work.export(trainer.net, some, out)
    features = work.features()
    spec = {"task": asked.name, **work.spec(), **exported, "features": features}
    results.write_json(out / "spec.json", spec)
    if features is not None:
        results.write_json(out / "features.json", features)
    told = {"figures": figures, "best_step": trainer.best_step, "parameters": parameters, "notes": prepared.notes}
    results.write_json(out / "figures.json", told)
    result = {
        **told,
        "files": results.files(out),
        "steps": trainer.step,
        "epochs": trainer.epoch,
        "seconds": round(time.monotonic() - started, 3),
        "weights_sha256": digest,
        "test_read": "test" in held,
        "versions": results.versions(),
    }
    report.stage("done")
    results.write_json(folder / "result.json", result)


def _evaluated(
    trainer: loop.Trainer, parts: Mapping[str, task.Arrays]
) -> tuple[dict[str, float], dict[str, task.Predictions]]:
    figures: dict[str, float] = {}
    predictions: dict[str, task.Predictions] = {}
    for name, arrays in parts.items():
        outputs, found = trainer.evaluate(trainer.part(arrays))
        figures |= {f"{name}_{figure}": value for figure, value in found.items()}
        predictions[name] = trainer.work.predict(outputs, arrays)
    return figures, predictions
