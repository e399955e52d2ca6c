"""Training runs: did it learn? A list, one with its live curves, several beside each other."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.training.interface import Run
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, curves
from shuyuan.web.reading import Reader

MOST_COMPARED, MOST_CHARTS = 6, 4
OPEN = ("queued", "running")
DONE = {"pause": "pausing", "resume": "resumed", "cancel": "cancelling"}


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/runs…`, but for starting one."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/runs")
    def listed(request: Request, reader: Reader, notice: str = "") -> Response:
        runs = needs.training.runs(reader, limit=100)
        under_way = [run for run in runs if run.state in OPEN]
        changed = common.has_changed(request, request.query_params.get("seen", ""), _signature(under_way))
        return changed or common.show(
            needs,
            request,
            "runs.html",
            reader,
            "runs",
            notice=notice,
            runs=runs,
            under_way=under_way,
            signature=_signature(under_way),
            titles=titles(needs),
            main_figure=main_figure,
        )

    @api.get("/workshop/runs/compare")
    def compare(request: Request, reader: Reader, run: Annotated[list[str] | None, Query()] = None) -> Response:
        wanted = list(dict.fromkeys(run or []))[:MOST_COMPARED]
        runs = [needs.training.run(reader, one) for one in wanted]
        if len(runs) < 2:
            return common.lead("/workshop/runs", "pick_two")
        return common.show(
            needs,
            request,
            "compare.html",
            reader,
            "runs",
            runs=runs,
            titles=titles(needs),
            told=compared(needs, reader, runs),
        )

    @api.get("/workshop/runs/{run_id}")
    def one(request: Request, reader: Reader, run_id: str, notice: str = "", seen: str = "") -> Response:
        run = needs.training.run(reader, run_id)
        return common.has_changed(request, seen, _state(run)) or _one(needs, request, reader, run, notice=notice)

    @api.post("/workshop/runs/{run_id}/{verb}")
    def act(
        request: Request,
        reader: Reader,
        run_id: str,
        verb: str,
        model: Annotated[str, Form(max_length=120)] = "",
    ) -> Response:
        run = needs.training.run(reader, run_id)
        acts = {"pause": needs.training.pause, "resume": needs.training.resume, "cancel": needs.training.cancel}
        try:
            if verb == "register":
                version = needs.training.register(reader, run.id, model.strip())
                return common.lead(f"/workshop/models/{version.model}", "registered", version=version.number)
            if verb not in acts:
                raise errors.NotFound(f"a run cannot be asked to {verb[:20]!r}", fix="use a button of the page")
            acts[verb](reader, run.id)
        except (errors.BadInput, errors.Conflict, errors.Forbidden) as wrong:
            return _one(needs, request, reader, run, trouble=wrong)
        return common.lead(f"/workshop/runs/{run.id}", DONE[verb])

    return api


def titles(needs: WorkshopNeeds) -> dict[str, Mapping[str, str]]:
    """task → its title in both languages."""
    return {task.name: task.title.model_dump() for task in needs.training.tasks()}


def main_figure(run: Run) -> tuple[str, float] | None:
    """The figure one looks at first: of the validation part, by its usual name; else the first there is."""
    for name in ("accuracy", "macro_f1", "rmse", "ndcg_at_10", "perplexity", "chrf", "loss"):
        if f"validation_{name}" in run.figures:
            return f"validation_{name}", run.figures[f"validation_{name}"]
    return next(((name, value) for name, value in run.figures.items() if name.startswith("validation_")), None)


def compared(needs: WorkshopNeeds, reader: Principal, runs: Sequence[Run]) -> dict[str, object]:
    """Curves over each other, the settings that differ, and every figure but those of the test part.

    Whoever compares runs chooses among them, and by the test part nothing is chosen.
    """
    told = {run.id: curves.series(needs.training.metrics(reader, run.id)) for run in runs}
    figures = list(dict.fromkeys(figure for one in told.values() for figure in one))[:MOST_CHARTS]
    charts = [
        curves.chart(figure, {f"#{run.number}": _best_split(told[run.id].get(figure, {})) for run in runs})
        for figure in figures
    ]
    facts = {run.id: {"task": run.task, "data": run.data, "seed": run.seed, **run.config} for run in runs}
    names = dict.fromkeys(name for one in facts.values() for name in one)
    rows = [(name, [facts[run.id].get(name, "") for run in runs]) for name in names]
    said = dict.fromkeys(name for run in runs for name in run.figures if not name.startswith("test_"))
    return {
        "charts": [one for one in charts if one is not None],
        "differ": [(name, values) for name, values in rows if any(value != values[0] for value in values)],
        "figures": [(name, [run.figures.get(name) for run in runs]) for name in said],
        "warning": unlike(runs),
        "width": curves.WIDTH,
        "height": curves.HEIGHT,
    }


def unlike(runs: Sequence[Run]) -> str:
    """Why figures of these runs do not compare, as a key of workshop.compare; empty: they do."""
    folds = {run.id for run in runs if run.trial is not None and run.name.startswith("cv ")}  # each held out others
    if len({run.data_sha256 for run in runs}) > 1 or folds:
        return "other_data"
    measured = {any(name.startswith("validation_") for name in run.figures) for run in runs if run.figures}
    return "other_parts" if len(measured) > 1 else ""


def _best_split(lines: Mapping[str, list[curves.Point]]) -> list[curves.Point]:
    """Validation where it was measured."""
    return lines.get("validation") or lines.get("train") or next(iter(lines.values()), [])


def _one(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    run: Run,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    told = curves.series(needs.training.metrics(reader, run.id))
    charts = [curves.chart(figure, lines) for figure, lines in list(told.items())[:MOST_CHARTS]]
    reports = needs.evaluation.reports(reader.school_id, subject=run.uri)
    return common.show(
        needs,
        request,
        "run.html",
        reader,
        "runs",
        notice="" if is_over(notice, run) else notice,
        trouble=trouble,
        run=run,
        state=_state(run),
        titles=titles(needs),
        charts=[one for one in charts if one is not None],
        width=curves.WIDTH,
        height=curves.HEIGHT,
        reports=reports,
        main_figure=main_figure(run),
        train_only=bool(run.figures) and all(name.startswith("train_") for name in run.figures),
    )


def is_over(notice: str, run: Run) -> bool:
    """Whether what a notice says was true when it was said, and is not any more: it stands in the address."""
    still: Mapping[str, bool] = {
        "started": run.state in OPEN,
        "resumed": run.state in OPEN,
        "pausing": run.wanted == "pause",
        "cancelling": run.wanted == "cancel",
    }
    return not still.get(notice, True)


def _state(run: Run) -> str:
    return f"{run.state}{run.wanted}"


def _signature(runs: Sequence[Run]) -> str:
    return "-".join(f"{run.number}{run.state}" for run in runs) or "none"
