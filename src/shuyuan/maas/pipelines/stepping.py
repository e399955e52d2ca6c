"""What a step is given and what it gives: `Done`, or `Wait` with what must be remembered meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shuyuan.kernel import clock
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.pipelines import interface
from shuyuan.maas.training import interface as training_api

LOOK_EVERY_S = 2.0  # at a child job
HELD_S = 60.0  # until the hours are looked at again
Output = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Done:
    """The step is over."""

    output: Output


@dataclass(frozen=True)
class Wait:
    """Look again in `seconds`; None: as often as one looks at a child job. held: why nothing may change now."""

    output: Output
    seconds: float | None = None
    held: str = ""


@dataclass(frozen=True)
class Rooms:
    """What the steps call."""

    datasets: datasets_api.DataSets
    training: training_api.TrainingWork
    evaluation: evaluation_api.Evaluation
    compression: compression_api.Compressing | None
    catalogue: catalogue_api.Catalogue
    deployment: deployment_api.Deployments


@dataclass(frozen=True)
class Task:
    """A step of a pipeline at the moment it is done. made: outputs of the steps before, the later over the earlier."""

    rooms: Rooms
    pipeline: interface.Pipeline
    step: interface.Step
    made: Output
    on_progress: Callable[[Mapping[str, object]], None]
    now: clock.Clock

    @property
    def school_id(self) -> str:
        return self.pipeline.school_id

    @property
    def actor_id(self) -> str:
        return self.pipeline.created_by

    @property
    def spec(self) -> interface.Spec:
        return self.pipeline.spec

    @property
    def data(self) -> str:
        """What is trained on."""
        return str(self.made.get("data") or self.spec.data)

    def is_mine(self, made: evaluation_api.Report | compression_api.Compression) -> bool:
        """Whether it was made since the pipeline began, by whom it acts for."""
        return made.created_at >= self.pipeline.created_at and made.created_by == self.actor_id


def run_id(output: Output) -> str:
    """The id of `runs:/id`."""
    return str(output["run"]).removeprefix(training_api.RUNS)


def number(output: Output) -> int:
    """The 3 of `models:/name/3`."""
    return int(str(output["version"]).rpartition("/")[2])


def failed(what: str, error: Mapping[str, str] | None = None) -> interface.StepFailed:
    """What ended a step, in the words of the child job where it left some."""
    told = error or {}
    return interface.StepFailed(
        f"{what}: {told['message']}"[:400] if told.get("message") else what[:400],
        fix=told.get("fix") or "mend what it says, and start the pipeline again",
        code=told.get("code"),
    )


class StepFailedWith(interface.StepFailed):
    """A step that failed and has an output all the same: what the gate said."""

    def __init__(self, message: str, output: Output) -> None:
        super().__init__(message, fix="see the report; improve the data or the config, or promote with a reason")
        self.output = output
