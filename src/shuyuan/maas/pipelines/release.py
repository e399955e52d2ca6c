"""From a version to what people are answered by: a share of them first, then everybody; held in school and exams."""

import contextlib
from datetime import datetime

from shuyuan.kernel import errors
from shuyuan.maas.deployment import interface as deployment_api
from shuyuan.maas.pipelines import interface, stepping


def canary(task: stepping.Task) -> stepping.Done | stepping.Wait:
    """A share of the people, until time and calls are enough; without a champion there is nothing to try it against."""
    said, number = task.spec.canary, stepping.number(task.made)
    assert said is not None
    deployments, model = task.rooms.deployment, task.spec.model
    now = deployments.deployment(task.school_id, model)
    if now.champion == number:
        return stepping.Done({"canary": "the champion already"})
    if now.champion is None:
        return stepping.Done({"canary": "the first version: nobody to compare with"})
    if "since" not in task.step.output:
        if now.canary is not None and now.canary.version == number:  # begun before a crash
            return stepping.Wait({"since": task.now().isoformat()})
        try:
            deployments.deploy(
                task.school_id,
                task.actor_id,
                model,
                number,
                share=said.share,
                rules=said.rules,
                reason=named(task),
                automatic=True,
            )
        except deployment_api.Frozen as frozen:
            return stepping.Wait(task.step.output, stepping.HELD_S, held=frozen.message)
        return stepping.Wait({"since": task.now().isoformat()})
    return _watched(task, said, now, number)


def promote(task: stepping.Task) -> stepping.Done | stepping.Wait:
    """Everybody, by the verdict this pipeline was given."""
    number, deployments = stepping.number(task.made), task.rooms.deployment
    if deployments.deployment(task.school_id, task.spec.model).champion == number:
        return stepping.Done({"champion": number})
    verdict = task.rooms.evaluation.verdict(task.school_id, str(task.made["verdict"]))
    try:
        deployments.promote(
            task.school_id,
            task.actor_id,
            task.spec.model,
            number,
            verdict,
            reason=f"{named(task)}: gate {verdict.gate} passed",
            automatic=True,
        )
    except deployment_api.Frozen as frozen:
        return stepping.Wait({}, stepping.HELD_S, held=frozen.message)
    return stepping.Done({"champion": number})


def withdraw(task: stepping.Task, why: str) -> None:
    """End the canary that this pipeline began, where it still runs: nobody waits for what would come of it."""
    if "version" not in task.made or task.spec.canary is None:
        return
    deployments, model = task.rooms.deployment, task.spec.model
    with contextlib.suppress(errors.Conflict, errors.NotFound):  # taken back, or deleted, just now
        now = deployments.deployment(task.school_id, model)
        is_noted = "since" in task.step.output or "calls" in task.made
        if now.canary is None or now.canary.version != stepping.number(task.made):
            return
        if is_noted or now.reason == named(task):  # it may have died between the two
            deployments.stop(task.school_id, task.actor_id, model, why)


def named(task: stepping.Task) -> str:
    """The pipeline, as the history of a deployment names it."""
    return f"pipeline {task.pipeline.number}"


def _watched(
    task: stepping.Task, said: interface.Canary, now: deployment_api.Deployment, number: int
) -> stepping.Done | stepping.Wait:
    if now.canary is None or now.canary.version != number:
        raise stepping.failed(f"the canary was taken back: {now.reason}")
    held_s = (task.now() - datetime.fromisoformat(str(task.step.output["since"]))).total_seconds()
    standing = task.rooms.deployment.standing(task.school_id, task.spec.model)
    calls = sum(one.calls for one in standing if one.part == "canary")
    if held_s >= said.hold_s and calls >= said.rules.min_calls:
        return stepping.Done({"canary": f"{calls} calls in {held_s:.0f} s", "calls": calls})
    if held_s >= said.longest_s:
        raise stepping.failed(f"only {calls} calls in {held_s:.0f} s: too few to judge the canary by")
    return stepping.Wait(task.step.output, min(stepping.HELD_S, max(stepping.LOOK_EVERY_S, said.hold_s - held_s)))
