"""What each step does. Everything here may be done again after a crash: first it looks for what is there already.

A step gets the outputs of those before it and gives `Done`, or `Wait` with what must be remembered meanwhile (the id
of the child job). What cannot be done raises an expected error, and the pipeline ends there.
"""

import contextlib
from collections.abc import Callable, Mapping

from shuyuan.kernel import errors
from shuyuan.maas.pipelines import interface, judgement, making, release, stepping

_STEPS: Mapping[interface.StepName, Callable[[stepping.Task], stepping.Done | stepping.Wait]] = {
    "prepare": making.prepare,
    "train": making.train,
    "evaluate": judgement.evaluate,
    "compress": making.compress,
    "evaluate_child": judgement.evaluate_child,
    "gate": judgement.gate,
    "register": making.register,
    "canary": release.canary,
    "promote": release.promote,
}


def do(task: stepping.Task) -> stepping.Done | stepping.Wait:
    """One step, or a look at its child."""
    return _STEPS[task.step.name](task)


def stop(task: stepping.Task) -> None:
    """Cancel the child job of a step under way, and end its canary. What has ended meanwhile is left alone."""
    rooms, left = task.rooms, task.step.output
    with contextlib.suppress(errors.Conflict, errors.NotFound):
        if "work" in left:
            rooms.datasets.cancel(task.school_id, task.actor_id, str(left["work"]))
        elif task.step.name == "train" and "run" in left:
            rooms.training.cancel_for(task.school_id, task.actor_id, stepping.run_id(left))
        elif "compression" in left and rooms.compression is not None:
            rooms.compression.cancel(task.school_id, task.actor_id, str(left["compression"]))
    release.withdraw(task, "the pipeline was cancelled")
