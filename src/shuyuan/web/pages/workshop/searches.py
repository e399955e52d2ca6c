"""Searches: which settings are best? A list, one with its trials live, and the form that begins one."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.training.interface import MOST_TRIALS, NewRun, NewSearch, Run, Search, TaskInfo
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, schemas, spaces, trialplots
from shuyuan.web.pages.workshop.runs import titles
from shuyuan.web.pages.workshop.starting import SEED, chosen_of, unfit
from shuyuan.web.reading import Reader

TRIALS = 20
_VALIDATION = "validation_"


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/searches…`, `/workshop/new-search`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/new-search")
    def ask(request: Request, reader: Reader, data: str = "", task: str = "", before: str = "") -> Response:
        chosen = "" if before and before != data else task  # another data set: suggest its task anew
        return _form(needs, request, reader, data, chosen, {})

    @api.get("/workshop/searches")
    def listed(request: Request, reader: Reader, seen: str = "") -> Response:
        found = needs.training.searches(reader)
        under_way = [one for one in found if one.state == "running"]
        changed = common.has_changed(request, seen, _signature(under_way))
        return changed or common.show(
            needs,
            request,
            "searches.html",
            reader,
            "runs",
            searches=found,
            under_way=under_way,
            signature=_signature(under_way),
            titles=titles(needs),
        )

    @api.post("/workshop/searches")
    async def start(request: Request, reader: Reader) -> Response:
        form = await common.said(request)
        return await run_in_threadpool(_start, needs, request, reader, form)

    @api.get("/workshop/searches/{search_id}")
    def one(request: Request, reader: Reader, search_id: str, notice: str = "", seen: str = "") -> Response:
        found = needs.training.search(reader, search_id)
        return common.has_changed(request, seen, found.state) or _one(needs, request, reader, found, notice=notice)

    @api.post("/workshop/searches/{search_id}/cancel")
    def cancel(request: Request, reader: Reader, search_id: str) -> Response:
        found = needs.training.search(reader, search_id)
        try:
            needs.training.cancel_search(reader, found.id)
        except (errors.Conflict, errors.Forbidden) as refused:
            return _one(needs, request, reader, found, trouble=refused)
        return common.lead(f"/workshop/searches/{found.id}", "search_stopped")

    return api


def scored(found: Search, trials: Sequence[Run]) -> list[tuple[int, float]]:
    """Trial and figure of those that ended with it."""
    ended = [run for run in trials if run.state == "finished" and found.metric in run.figures]
    return [(run.trial or 0, run.figures[found.metric]) for run in ended]


def others(found: Search, run: Run) -> list[tuple[str, float]]:
    """The validation figures of a trial beside the one it is chosen by."""
    return [
        (name, value) for name, value in run.figures.items() if name.startswith(_VALIDATION) and name != found.metric
    ]


def _one(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    found: Search,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    trials = needs.training.trials(reader, found.id)
    best = next((run for run in trials if run.id == found.best_run_id), None)
    return common.show(
        needs,
        request,
        "search.html",
        reader,
        "runs",
        notice=notice,
        trouble=trouble,
        search=found,
        trials=trials,
        best=best,
        others=others,
        plot=trialplots.plot(scored(found, trials), found.trials, larger_is_better=found.direction == "maximize"),
        width=trialplots.WIDTH,
        height=trialplots.HEIGHT,
        titles=titles(needs),
    )


def _start(needs: WorkshopNeeds, request: Request, reader: Principal, form: common.Form) -> Response:
    data, task = common.first(form, "data"), common.first(form, "task")
    found = next((one for one in needs.training.tasks() if one.name == task), None)
    try:
        new = NewSearch(
            run=NewRun(
                task=task,
                data=data,
                config=schemas.values(found.config, form) if found else {},
                seed=common.number(common.first(form, "seed"), SEED),
            ),
            space=spaces.space(found.config, form) if found else {},
            trials=common.number(common.first(form, "trials"), TRIALS),
            metric=common.first(form, "metric"),
            name=common.first(form, "name"),
        )
        search = needs.training.start_search(reader, new)
    except ValidationError as wrong:
        return _form(needs, request, reader, data, task, form, common.bad(wrong))
    except errors.ShuyuanError as refused:
        return _form(needs, request, reader, data, task, form, refused)
    return common.lead(f"/workshop/searches/{search.id}", "search_started")


def _form(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    data: str,
    task: str,
    form: common.Form,
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    versions, chosen, named = chosen_of(needs, reader, data, task)
    fields = schemas.fields(named.config, reader.language, schemas.typed(form))
    return common.show(
        needs,
        request,
        "new_search.html",
        reader,
        "runs",
        trouble=trouble,
        versions=versions,
        version=chosen,
        held_out=chosen is not None and "validation" in chosen.parts,
        unfit=unfit(needs, reader, chosen, named.name) if chosen is not None and trouble is None else None,
        tasks=needs.training.tasks(),
        task=named,
        dimensions=spaces.dimensions(fields, form),
        fields=fields,
        metrics=[(name, name) for name in _metrics(needs, reader, named)],
        said=lambda name, otherwise="": common.first(form, name, otherwise),
        most_trials=MOST_TRIALS,
        trials=TRIALS,
        seed=SEED,
    )


def _metrics(needs: WorkshopNeeds, reader: Principal, task: TaskInfo) -> list[str]:
    """Figures of the validation part that runs of the task have ended with."""
    runs = [run for run in needs.training.runs(reader, state="finished", limit=50) if run.task == task.name]
    named = {name for run in runs for name in run.figures if name.startswith(_VALIDATION)}
    return sorted(named | {f"{_VALIDATION}loss"})


def _signature(searches: Sequence[Search]) -> str:
    return "-".join(f"{one.number}.{one.ended}" for one in searches) or "none"
