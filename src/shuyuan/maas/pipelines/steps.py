"""What each step does. Everything here may be done again after a crash: first it looks for what is there already.

A step gets the outputs of those before it and gives `Done`, or `Wait` with what must be remembered meanwhile (the id
of the child job). What cannot be done raises an expected error, and the pipeline ends there.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shuyuan.kernel import clock, errors
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
    """Look again in `seconds`. held: why nothing may change now."""

    output: Output
    seconds: float = LOOK_EVERY_S
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


def do(task: Task) -> Done | Wait:
    """One step, or a look at its child."""
    return _STEPS[task.step.name](task)


def stop(task: Task) -> None:
    """Cancel the child job of a step under way. What has ended meanwhile is left alone."""
    rooms, left = task.rooms, task.step.output
    try:
        if "work" in left:
            rooms.datasets.cancel(task.school_id, task.actor_id, str(left["work"]))
        elif task.step.name == "train" and "run" in left:
            rooms.training.cancel_for(task.school_id, task.actor_id, _run_id(left))
        elif "compression" in left and rooms.compression is not None:
            rooms.compression.cancel(task.school_id, task.actor_id, str(left["compression"]))
        elif task.step.name == "canary" and "since" in left:
            now = rooms.deployment.deployment(task.school_id, task.spec.model)
            if now.canary is not None and now.canary.version == _number(task.made):
                rooms.deployment.stop(task.school_id, task.actor_id, task.spec.model, "the pipeline was cancelled")
    except (errors.Conflict, errors.NotFound):
        return


def _prepare(task: Task) -> Done | Wait:
    said = task.spec.prepare
    assert said is not None
    datasets = task.rooms.datasets
    if "work" in task.step.output:
        work = datasets.work(task.school_id, str(task.step.output["work"]))
    else:
        source = datasets.version(task.school_id, task.spec.data)
        plan = plan_of(said)
        for made in datasets.versions(task.school_id, said.name):
            if made.parent_id == source.id and datasets_api.Plan.model_validate(made.plan) == plan:
                return Done({"data": made.uri})
        work = datasets.prepare(task.school_id, task.actor_id, source.uri, plan, name=said.name)
    if work.state == "finished":
        return Done({"data": work.version})
    if work.ended:
        raise _failed(f"preparing {work.state}", work.error)
    return Wait({"work": work.id})


def _train(task: Task) -> Done | Wait:
    said, training = task.spec.train, task.rooms.training
    if "run" in task.step.output:
        run = training.run_of(task.school_id, _run_id(task.step.output))
    else:
        data = task.rooms.datasets.version(task.school_id, task.data).uri
        new = training_api.NewRun(
            task=said.task,
            data=data,
            config=said.config,
            seed=said.seed,
            parent=said.parent,
            name=task.spec.name,
            processes=said.processes,
            key=f"pipeline:{task.pipeline.id}",
        )
        run = training.start_for(task.school_id, task.actor_id, new)
    if run.state == "finished":
        return Done({"run": run.uri, "data": run.data})
    if run.is_ended:
        raise _failed(f"run {run.number} {run.state}", run.error)
    return Wait({"run": run.uri})


def _evaluate(task: Task) -> Done:
    """The run's report, and the champion's on the same data to compare with."""
    run_id = _run_id(task.made)
    run = task.rooms.training.run_of(task.school_id, run_id)

    def files() -> evaluation_api.Subject:
        def file(name: str) -> Any:  # Any: a Path
            return task.rooms.training.artefact_of(task.school_id, run_id, name)

        return evaluation_api.Subject(
            uri=run.uri,
            task=run.task,
            model=file("model.onnx"),
            spec=json.loads(file("spec.json").read_text("utf-8")),
            features=_optional(file, "features.json"),
        )

    report = _report(task, run.uri, files)
    return Done({"report": report, "champion_report": _champion_report(task)})


def _compress(task: Task) -> Done | Wait:
    """The run is registered as the child's parent."""
    said, compression = task.spec.compress, task.rooms.compression
    assert said is not None
    assert compression is not None  # checked when it was started
    if "compression" in task.step.output:
        found = compression.compression(task.school_id, str(task.step.output["compression"]))
    else:
        parent = task.rooms.training.register_for(
            task.school_id, task.actor_id, _run_id(task.made), task.spec.model
        ).uri
        new = compression_api.NewCompression(version=parent, method=said.method, config=said.config, data=task.data)
        begun = [
            one
            for one in compression.compressions(task.school_id, parent=parent)
            if one.method == said.method and one.state != "cancelled" and _of_this(task, one)
        ]
        found = begun[0] if begun else compression.start_for(task.school_id, task.actor_id, new)
    if found.state == "finished" and found.child:
        return Done({"compression": found.id, "child": found.child, "parent": found.parent})
    if found.ended:
        raise _failed(f"compression {found.number} {found.state}", found.error)
    return Wait({"compression": found.id})


def _evaluate_child(task: Task) -> Done:
    return Done({"report": _report(task, str(task.made["child"]), None)})


def _gate(task: Task) -> Done:
    """Judged anew after a crash: a verdict that lies there may be of another gate."""
    evaluation, report = task.rooms.evaluation, str(task.made["report"])
    champion = _champion_report(task)  # of now: compressing may have taken a day
    verdict = evaluation.judge(task.school_id, task.actor_id, task.spec.gate.name, report, champion)
    if not verdict.passed:
        why = ", ".join(f"{line.figure} {line.value} {line.comparison} {line.said}" for line in verdict.failed)
        raise StepFailedWith(
            f"gate {verdict.gate} did not pass: {why}"[:400], {"verdict": verdict.id, "gate": verdict.gate}
        )
    return Done({"verdict": verdict.id, "gate": verdict.gate})


def _register(task: Task) -> Done:
    """A compressed child is a version already."""
    if "child" in task.made:
        return Done({"version": task.made["child"]})
    found = task.rooms.training.register_for(task.school_id, task.actor_id, _run_id(task.made), task.spec.model)
    return Done({"version": found.uri})


def _canary(task: Task) -> Done | Wait:
    said, number = task.spec.canary, _number(task.made)
    assert said is not None
    deployments, model = task.rooms.deployment, task.spec.model
    now = deployments.deployment(task.school_id, model)
    if now.champion == number:
        return Done({"canary": "the champion already"})
    if now.champion is None:
        return Done({"canary": "the first version: nobody to compare with"})
    if "since" not in task.step.output:
        if now.canary is not None and now.canary.version == number:  # begun before a crash
            return Wait({"since": task.now().isoformat()}, LOOK_EVERY_S)
        try:
            deployments.deploy(
                task.school_id,
                task.actor_id,
                model,
                number,
                share=said.share,
                rules=said.rules,
                reason=f"pipeline {task.pipeline.number}",
                automatic=True,
            )
        except deployment_api.Frozen as frozen:
            return Wait(task.step.output, HELD_S, held=frozen.message)
        return Wait({"since": task.now().isoformat()}, LOOK_EVERY_S)
    if now.canary is None or now.canary.version != number:
        raise _failed(f"the canary was taken back: {now.reason}", None)
    held_s = (task.now() - datetime.fromisoformat(str(task.step.output["since"]))).total_seconds()
    standing = deployments.standing(task.school_id, model)
    calls = sum(one.calls for one in standing if one.part == "canary")
    if held_s >= said.hold_s and calls >= said.rules.min_calls:
        return Done({"canary": f"{calls} calls in {held_s:.0f} s", "calls": calls})
    if held_s >= said.longest_s:
        raise _failed(f"only {calls} calls in {held_s:.0f} s: too few to judge the canary by", None)
    return Wait(task.step.output, min(HELD_S, max(LOOK_EVERY_S, said.hold_s - held_s)))


def _promote(task: Task) -> Done | Wait:
    number, deployments = _number(task.made), task.rooms.deployment
    if deployments.deployment(task.school_id, task.spec.model).champion == number:
        return Done({"champion": number})
    verdict = task.rooms.evaluation.verdict(task.school_id, str(task.made["verdict"]))
    try:
        deployments.promote(
            task.school_id,
            task.actor_id,
            task.spec.model,
            number,
            verdict,
            reason=f"pipeline {task.pipeline.number}: gate {verdict.gate} passed",
            automatic=True,
        )
    except deployment_api.Frozen as frozen:
        return Wait({}, HELD_S, held=frozen.message)
    return Done({"champion": number})


def plan_of(said: interface.Prepare) -> datasets_api.Plan:
    """The plan of a spec. Raises BadInput naming the first word that is wrong."""
    try:
        return datasets_api.Plan.model_validate(said.plan)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise errors.BadInput(f"plan: {where or 'it'} {first['msg']}", fix="mend the plan") from wrong


class StepFailedWith(interface.StepFailed):
    """A step that failed and has an output all the same: what the gate said."""

    def __init__(self, message: str, output: Output) -> None:
        super().__init__(message, fix="see the report; improve the data or the config, or promote with a reason")
        self.output = output


def _report(task: Task, subject: str, files: Callable[[], evaluation_api.Subject] | None) -> str:
    """The report of a subject made for this pipeline, or made now."""
    said, evaluation = task.spec.evaluate, task.rooms.evaluation
    data = task.rooms.datasets.version(task.school_id, task.data).uri
    for known in evaluation.reports(task.school_id, subject=subject, data=data):
        if known.part == said.part and known.state == "finished" and _of_this(task, known):
            return known.id
    new = evaluation_api.NewReport(subject=subject, data=data, part=said.part, groups=said.groups)
    made = evaluation.evaluate(
        task.school_id,
        task.actor_id,
        new,
        subject=files() if files is not None else None,
        on_progress=task.on_progress,
    )
    return made.id


def _of_this(task: Task, made: evaluation_api.Report | compression_api.Compression) -> bool:
    """Whether it was made since the pipeline began, by whom it acts for."""
    return made.created_at >= task.pipeline.created_at and made.created_by == task.actor_id


def _champion_report(task: Task) -> str | None:
    """What is served now, on the same part of the same data; None: nothing is."""
    try:
        champion = task.rooms.catalogue.resolve(task.school_id, task.spec.model)
    except catalogue_api.UnknownModel:
        return None
    return _report(task, champion.uri, None)


def _optional(file: Callable[[str], Any], name: str) -> Any:  # Any: a Path or None
    try:
        return file(name)
    except errors.NotFound:
        return None


def _run_id(output: Output) -> str:
    return str(output["run"]).removeprefix(training_api.RUNS)


def _number(output: Output) -> int:
    return int(str(output["version"]).rpartition("/")[2])


def _failed(what: str, error: Mapping[str, str] | None) -> interface.StepFailed:
    told = error or {}
    return interface.StepFailed(
        f"{what}: {told['message']}"[:400] if told.get("message") else what[:400],
        fix=told.get("fix") or "mend what it says, and start the pipeline again",
        code=told.get("code"),
    )


_STEPS: Mapping[str, Callable[[Task], Done | Wait]] = {
    "prepare": _prepare,
    "train": _train,
    "evaluate": _evaluate,
    "compress": _compress,
    "evaluate_child": _evaluate_child,
    "gate": _gate,
    "register": _register,
    "canary": _canary,
    "promote": _promote,
}
