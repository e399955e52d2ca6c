"""What can be known of a spec before anything is done: steps, data, training, compression and gate."""

from collections.abc import Mapping
from typing import Protocol

from shuyuan.kernel import errors
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.pipelines import abilities, interface, making, stepping
from shuyuan.maas.training import interface as training_api

_SPLIT_BY: Mapping[datasets_api.SplitBy, datasets_api.Role] = {
    "person": "person",
    "time": "time",
    "stratified": "label",
}


class Trains(training_api.TrainingWork, Protocol):
    """Training that also says beforehand what it would refuse, and which tasks there are."""

    def check_start(
        self, school_id: str, new: training_api.NewRun, plan: datasets_api.Plan | None = None
    ) -> training_api.NewRun: ...
    def tasks(self) -> list[training_api.TaskInfo]: ...


def checked(rooms: stepping.Rooms, training: Trains, school_id: str, spec: interface.Spec) -> interface.Spec:
    """The spec with its data version fixed, so that what is done again after a crash is the same.

    Raises CannotDoStep, UnknownDataSet, ConsentMissing, UnknownTask, BadConfig, UnknownMethod, UnknownGate, BadInput.
    """
    version = rooms.datasets.version(school_id, spec.data)
    spec = abilities.settled(spec.model_copy(update={"data": version.uri}))
    abilities.require(spec)
    plan = making.plan_of(spec.prepare) if spec.prepare is not None else None
    if plan is None:  # what is prepared is asked again before it is trained on
        rooms.datasets.require_trainable(version)
    _require_data(spec, version, plan)
    try:
        training.check_start(school_id, making.new_run(spec, version.uri), plan)
    except (datasets_api.ConsentMissing, datasets_api.RawPersons):
        if plan is None:
            raise
    _require_method(rooms.compression, spec)
    _require_gate(rooms.evaluation, school_id, spec)
    return spec


def _require_data(spec: interface.Spec, version: datasets_api.DataSetVersion, plan: datasets_api.Plan | None) -> None:
    """Raise CannotDoStep for a part to be judged on, a column to split by, or a label, that is not there and is not
    made on the way."""
    part, split = spec.evaluate.part, plan.split if plan is not None else None
    will_be = split.shares[datasets_api.PARTS.index(part)] > 0 if split is not None else part in version.parts
    if not will_be:
        raise interface.CannotDoStep(
            f"evaluate: there will be no part {part!r} of {version.uri} to be judged on",
            fix='say how to split: "prepare": {"plan": {"split": {"by": "random"}}}',
        )
    planned = plan.columns if plan is not None else {}
    roles = {column.name: column.role for column in version.columns}
    roles |= {name: said.role for name, said in planned.items() if said.role is not None}
    wanted = _SPLIT_BY.get(split.by) if split is not None and split.column is None else None
    if split is not None and wanted is not None and wanted not in roles.values():
        raise interface.CannotDoStep(
            f"prepare: a split by {split.by} needs a column of role {wanted}, and {version.uri} has none",
            fix=f'say which: "prepare": {{"plan": {{"columns": {{"NAME": {{"role": "{wanted}"}}}}}}}}',
        )
    if abilities.of(spec.train.task, spec.train.config).needs_label and "label" not in roles.values():
        raise interface.CannotDoStep(
            f"train: {spec.train.task} learns a label, and no column of {version.uri} has that role",
            fix='say which: "prepare": {"plan": {"columns": {"passed": {"role": "label"}}}}',
        )


def _require_method(compression: compression_api.Compressing | None, spec: interface.Spec) -> None:
    if spec.compress is None:
        return
    if compression is None:
        raise errors.Unavailable("compression is not part of this server", fix="leave `compress` out")
    compression.check(spec.compress.method, spec.compress.config)


def _require_gate(evaluation: evaluation_api.Evaluation, school_id: str, spec: interface.Spec) -> None:
    """Raise where the gate is unknown, or judges another part than the one the pipeline evaluates."""
    try:
        gate = evaluation.gate(school_id, spec.gate.name or spec.train.task)
    except evaluation_api.UnknownGate:
        if spec.gate.name:
            raise
        return  # the shipped one of the task's family, which judges any part
    if gate.part is not None and gate.part != spec.evaluate.part:
        raise interface.CannotDoStep(
            f"gate: {gate.name!r} judges reports on part {gate.part}, and this pipeline evaluates {spec.evaluate.part}",
            fix=f'send "evaluate": {{"part": "{gate.part}"}}, or name another gate',
        )
