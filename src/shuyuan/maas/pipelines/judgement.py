"""What a pipeline is judged by: reports of the run, of the compressed child and of the champion, and the gate."""

from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.evaluation import interface as evaluation_api
from shuyuan.maas.pipelines import stepping


def evaluate(task: stepping.Task) -> stepping.Done:
    """The run's report, and the champion's on the same data to compare with."""
    run = task.rooms.training.run_of(task.school_id, stepping.run_id(task.made))
    report = _report(task, run.uri)
    return stepping.Done({"report": report, "champion_report": _champion_report(task)})


def evaluate_child(task: stepping.Task) -> stepping.Done:
    """The compressed version's own report: what is served is what is judged."""
    return stepping.Done({"report": _report(task, str(task.made["child"]))})


def gate(task: stepping.Task) -> stepping.Done:
    """Judged anew after a crash: a verdict that lies there may be of another gate."""
    evaluation, report = task.rooms.evaluation, str(task.made["report"])
    champion = _champion_report(task)  # of now: compressing may have taken a day
    verdict = evaluation.judge(task.school_id, task.actor_id, task.spec.gate.name, report, champion)
    if not verdict.passed:
        why = ", ".join(_told(line) for line in verdict.failed)
        raise stepping.StepFailedWith(
            f"gate {verdict.gate} did not pass: {why}"[:400], {"verdict": verdict.id, "gate": verdict.gate}
        )
    return stepping.Done({"verdict": verdict.id, "gate": verdict.gate})


def _told(line: evaluation_api.Line) -> str:
    value = "missing" if line.value is None else f"{line.value:.4g}"
    return f"{line.figure} {value} {line.comparison} {line.said}"


def _report(task: stepping.Task, subject: str) -> str:
    """The report of a subject made for this pipeline, or made now."""
    said, evaluation = task.spec.evaluate, task.rooms.evaluation
    data = task.rooms.datasets.version(task.school_id, task.data).uri
    for known in evaluation.reports(task.school_id, subject=subject, data=data):
        if known.part == said.part and known.state == "finished" and task.is_mine(known):
            return known.id
    new = evaluation_api.NewReport(subject=subject, data=data, part=said.part, groups=said.groups)
    return evaluation.evaluate(task.school_id, task.actor_id, new, on_progress=task.on_progress).id


def _champion_report(task: stepping.Task) -> str | None:
    """What is served now, on the same part of the same data; None: nothing is, or it cannot be asked again.

    A model that is no ONNX graph is known by what its own run predicted. The gate then says what it misses.
    """
    try:
        champion = task.rooms.catalogue.resolve(task.school_id, task.spec.model)
        return _report(task, champion.uri)
    except (catalogue_api.UnknownModel, evaluation_api.UnknownSubject, evaluation_api.EvaluationFailed):
        return None
