"""From data to a version: prepare, train, compress, register. Each looks for what it has made before it makes it."""

from pydantic import ValidationError

from shuyuan.kernel import errors
from shuyuan.maas.compression import interface as compression_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.pipelines import interface, stepping
from shuyuan.maas.training import interface as training_api


def prepare(task: stepping.Task) -> stepping.Done | stepping.Wait:
    """The data set version that this plan makes of the source; one that lies there is taken."""
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
                return stepping.Done({"data": made.uri})
        work = datasets.prepare(task.school_id, task.actor_id, source.uri, plan, name=said.name)
    if work.state == "finished":
        return stepping.Done({"data": work.version})
    if work.ended:
        raise stepping.failed(f"preparing {work.state}", work.error)
    return stepping.Wait({"work": work.id})


def train(task: stepping.Task) -> stepping.Done | stepping.Wait:
    """The run, found again by the pipeline's key."""
    training = task.rooms.training
    if "run" in task.step.output:
        run = training.run_of(task.school_id, stepping.run_id(task.step.output))
    else:
        data = task.rooms.datasets.version(task.school_id, task.data).uri
        new = new_run(task.spec, data, key=f"pipeline:{task.pipeline.id}")
        run = training.start_for(task.school_id, task.actor_id, new)
    if run.state == "finished":
        return stepping.Done({"run": run.uri, "data": run.data})
    if run.is_ended:
        raise stepping.failed(f"run {run.number} {run.state}", run.error)
    return stepping.Wait({"run": run.uri})


def new_run(spec: interface.Spec, data: str, key: str = "") -> training_api.NewRun:
    """What training is asked for. key: by which a run that was started before a crash is found again."""
    said = spec.train
    return training_api.NewRun(
        task=said.task,
        data=data,
        config=said.config,
        seed=said.seed,
        parent=said.parent,
        name=spec.name,
        processes=said.processes,
        key=key,
    )


def compress(task: stepping.Task) -> stepping.Done | stepping.Wait:
    """The run is registered as the child's parent; that is noted before anything is made of it."""
    said, compression = task.spec.compress, task.rooms.compression
    assert said is not None
    assert compression is not None  # checked when it was started
    if "compression" in task.step.output:
        found = compression.compression(task.school_id, str(task.step.output["compression"]))
    elif "parent" not in task.step.output:
        made = task.rooms.training.register_for(
            task.school_id, task.actor_id, stepping.run_id(task.made), task.spec.model
        )
        return stepping.Wait({"parent": made.uri}, 0.0)
    else:
        parent = str(task.step.output["parent"])
        new = compression_api.NewCompression(version=parent, method=said.method, config=said.config, data=task.data)
        begun = [
            one
            for one in compression.compressions(task.school_id, parent=parent)
            if one.method == said.method and one.state != "cancelled" and task.is_mine(one)
        ]
        found = begun[0] if begun else compression.start_for(task.school_id, task.actor_id, new)
    if found.state == "finished" and found.child:
        return stepping.Done({"compression": found.id, "child": found.child, "parent": found.parent})
    if found.ended:
        raise stepping.failed(f"compression {found.number} {found.state}", found.error)
    return stepping.Wait({"compression": found.id, "parent": found.parent})


def register(task: stepping.Task) -> stepping.Done:
    """A compressed child is a version already."""
    if "child" in task.made:
        return stepping.Done({"version": task.made["child"]})
    found = task.rooms.training.register_for(task.school_id, task.actor_id, stepping.run_id(task.made), task.spec.model)
    return stepping.Done({"version": found.uri})


def plan_of(said: interface.Prepare) -> datasets_api.Plan:
    """The plan of a spec. Raises BadInput naming the first word that is wrong."""
    try:
        return datasets_api.Plan.model_validate(said.plan)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise errors.BadInput(f"plan: {where or 'it'} {first['msg']}", fix="mend the plan") from wrong
