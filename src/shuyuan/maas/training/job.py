"""A run's `job.json`: what to train, on what, from what. Light; the server writes what the child reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shuyuan.maas.training import task


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class JobColumn(_Read):
    """One column; what else the data set says of it is not needed here."""

    name: str
    kind: str
    role: str


class Data(_Read):
    """Parquet files; a part that is not there is null."""

    train: Path
    validation: Path | None = None
    test: Path | None = None


class InitFiles(_Read):
    """Earlier weights and their spec.json."""

    weights: Path
    spec: Path


class Job(_Read):
    """All of it. threads: of all processes together. checkpoint_every_s 0: after every step."""

    name: str = Field(alias="task")
    config: Mapping[str, Any] = {}
    columns: tuple[JobColumn, ...]
    data: Data
    seed: int = Field(7, ge=0, lt=2**63)
    init: InitFiles | None = None
    processes: int = Field(1, ge=1, le=64)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_every_s: float = Field(30.0, ge=0)
    threads: int = Field(1, ge=1, le=1024)

    def schema_of(self) -> tuple[task.Column, ...]:
        """The columns as tasks take them."""
        return tuple(task.Column(one.name, one.kind, one.role) for one in self.columns)

    def start(self) -> task.Init | None:
        """What the weights begin as. Raises BadTraining."""
        if self.init is None:
            return None
        try:
            return task.Init(self.init.weights, json.loads(self.init.spec.read_bytes()))
        except (OSError, ValueError) as wrong:
            raise task.BadTraining(
                f"the spec of the earlier weights cannot be read: {wrong}", fix="choose another"
            ) from wrong


def read(folder: Path) -> Job:
    """The job of a folder. Raises BadTraining."""
    try:
        return Job.model_validate_json((folder / "job.json").read_bytes())
    except (OSError, ValidationError) as wrong:
        raise task.BadTraining(
            f"job.json is not a job: {wrong}"[:500], fix="start the run again", code="bad_job"
        ) from wrong


def config_of(found: task.Task[Any], said: Mapping[str, Any]) -> Any:  # the task's own config type
    """The config, checked by the task. Raises BadTraining naming the fields."""
    try:
        return found.CONFIG.model_validate(dict(said))
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise task.BadTraining(
            f"config {name!r}: {first['msg']}, got {str(first['input'])[:80]}",
            fix="see the form of the task",
            code="bad_config",
        ) from wrong
