"""The three ways to teach a model about learners, compared on the same rows: one model per learner, one that learns on
as rows come in (incremental), one for all with its batches shared out over processes (distributed).

`python -m shuyuan.maas.training.lab FOLDER` reads lab.json and writes lab_result.json. All three read the same training
rows in their order, begin with the same seed and config, and are judged on the same held rows, which nothing is chosen
by. What differs is what each model may see, and when.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file

from shuyuan.maas.training import job, loop, reading, results, supervised, task, tasks, weighing
from shuyuan.science import metrics

Way = Literal["per_learner", "incremental", "distributed"]
_Json = dict[str, Any]  # Any: JSON


class Lab(BaseModel):
    """What lab.json says: a task that finds one of two classes, its data, and the person column.

    rounds: parts the training rows are cut into, in their order, for the incremental way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = "tabular_classification"
    config: Mapping[str, Any] = {}  # Any: JSON
    columns: tuple[job.JobColumn, ...]
    person: str
    train: Path
    held: Path
    seed: int = Field(7, ge=0, lt=2**63)
    rounds: int = Field(4, ge=2, le=100)
    processes: int = Field(2, ge=1, le=16)


class Outcome(NamedTuple):
    """One way. p: probability of the second class for each held row.  seen: held rows that had a model of their own."""

    p: task.Array
    models: int
    parameters: int
    seen: int


def compare(folder: Path) -> _Json:
    """Run all three and write lab_result.json. Raises BadTraining when the label has not two classes."""
    lab = Lab.model_validate_json((folder / "lab.json").read_bytes())
    columns = tuple(task.Column(one.name, one.kind, one.role) for one in lab.columns)
    read = (*columns, task.Column(lab.person, "identifier", "person"))
    train, held = reading.table(lab.train, read), reading.table(lab.held, read)
    truth, second = _truth(columns, held)
    ways: Mapping[Way, Any] = {"per_learner": _per_learner, "incremental": _incremental, "distributed": _distributed}
    told: _Json = {}
    for name, run in ways.items():
        started, used = time.monotonic(), _cpu_s()
        outcome = run(folder, lab, columns, train, held, second)
        told[name] = {
            "auc": metrics.auc(truth, outcome.p),
            "log_loss": metrics.log_loss(truth, outcome.p),
            "accuracy": metrics.accuracy(truth, outcome.p),
            "calibration_error": metrics.expected_calibration_error(truth, outcome.p),
            "seconds": time.monotonic() - started,
            "cpu_s": _cpu_s() - used,
            "models": outcome.models,
            "parameters": outcome.parameters,
            "rows_with_own_model": outcome.seen,
        }
    found = {
        "rows": {"train": _rows(train), "held": _rows(held)},
        "learners": len(set(train[lab.person])),
        "ways": told,
    }
    results.write_json(folder / "lab_result.json", found)
    return found


def _per_learner(
    folder: Path, lab: Lab, columns: Sequence[task.Column], train: task.Table, held: task.Table, second: str
) -> Outcome:
    """A small model each, from that learner's rows alone; who has none, or one class only, gets the mean of all."""
    label = next(column.name for column in columns if column.role == "label")
    p = np.full(_rows(held), np.mean([one == second for one in _words(train[label])]))
    models = parameters = seen = 0
    for person in dict.fromkeys(train[lab.person]):
        mine = _where(train, lab.person, person)
        asked = np.flatnonzero(np.asarray(held[lab.person]) == person)
        if len(asked) == 0 or len(set(_words(mine[label]))) < 2:
            continue
        trainer = _fitted(lab, columns, mine, None)
        p[asked] = _p(trainer, _taken(held, asked), second)
        models, seen = models + 1, seen + len(asked)
        parameters += sum(tensor.numel() for tensor in trainer.net.parameters())
    return Outcome(p, models, parameters, seen)


def _incremental(
    folder: Path, lab: Lab, columns: Sequence[task.Column], train: task.Table, held: task.Table, second: str
) -> Outcome:
    """One model; each round goes on from the last version and sees the new rows alone."""
    init: task.Init | None = None
    for number, rows in enumerate(np.array_split(np.arange(_rows(train)), lab.rounds)):
        trainer = _fitted(lab, columns, _taken(train, rows), init)
        weights = folder / f"round-{number}.safetensors"
        save_file({name: one.contiguous() for name, one in trainer.net.state_dict().items()}, weights)
        init = task.Init(weights, {"features": trainer.work.features()})
    return Outcome(_p(trainer, held, second), 1, sum(one.numel() for one in trainer.net.parameters()), _rows(held))


def _distributed(
    folder: Path, lab: Lab, columns: Sequence[task.Column], train: task.Table, held: task.Table, second: str
) -> Outcome:
    """One model from all rows: a run like any other, on several processes."""
    run = folder / "distributed"
    run.mkdir(exist_ok=True)
    said = {
        "task": lab.task, "config": dict(lab.config), "columns": [column._asdict() for column in columns],
        "data": {"train": str(lab.train), "test": str(lab.held)}, "seed": lab.seed, "processes": lab.processes,
        "threads": lab.processes,
    }  # fmt: skip
    (run / "job.json").write_text(json.dumps(said))
    done = subprocess.run([sys.executable, "-m", "shuyuan.maas.training.child", str(run)], check=False)
    if done.returncode:
        raise task.BadTraining("the distributed run failed", fix=f"see error.json in {run.name}")
    spec, told = json.loads((run / "out/spec.json").read_bytes()), json.loads((run / "result.json").read_bytes())
    found = polars.read_parquet(run / "out/predictions.parquet").sort("row")
    return Outcome(found[f"p_{spec['labels'].index(second)}"].to_numpy(), 1, told["parameters"], _rows(held))


def _fitted(lab: Lab, columns: Sequence[task.Column], table: task.Table, init: task.Init | None) -> loop.Trainer:
    found = tasks.load(lab.task)
    config = job.config_of(found, lab.config)
    work = found.prepare(config, columns, table, init)
    weighing.apply(work, columns)
    trainer = loop.Trainer(work, config, work.arrays(table), seed=lab.seed, init=init)
    trainer.fit()
    return trainer


def _p(trainer: loop.Trainer, table: task.Table, second: str) -> task.Array:
    outputs, _ = trainer.evaluate(trainer.part(trainer.work.arrays(table)))
    p: task.Array = supervised.softmax(outputs["logits"])[:, trainer.work.spec()["labels"].index(second)]
    return p.astype(np.float64)


def _truth(columns: Sequence[task.Column], held: task.Table) -> tuple[task.Array, str]:
    label = next(column.name for column in columns if column.role == "label")
    words = _words(held[label])
    names = sorted(set(words))
    if len(names) != 2:
        raise task.BadTraining(f"the label {label!r} has {len(names)} classes", fix="compare on a label of two classes")
    return np.array([one == names[1] for one in words]), names[1]


def _words(values: Sequence[Any] | task.Array) -> list[str]:
    from shuyuan.science.features import base

    return [one or "" for one in base.words(values)]


def _where(table: task.Table, person: str, who: object) -> task.Table:
    return _taken(table, np.flatnonzero(np.asarray(table[person]) == who))


def _taken(table: task.Table, rows: task.Array) -> task.Table:
    return {
        name: values[rows] if isinstance(values, np.ndarray) else [values[n] for n in rows]
        for name, values in table.items()
    }


def _rows(table: task.Table) -> int:
    return len(next(iter(table.values())))


def _cpu_s() -> float:
    """Of this process and the children that have ended."""
    both: Iterator[resource.struct_rusage] = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


if __name__ == "__main__":
    torch.set_num_threads(1)
    compare(Path(sys.argv[1]))
