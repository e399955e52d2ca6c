"""Start a run: which data set, which task; the questions come from the task's own schema, each with its default."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import runner_kinds
from shuyuan.maas.datasets.interface import ConsentMissing, DataSetVersion
from shuyuan.maas.training.interface import NewRun, Run, TaskInfo
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, schemas
from shuyuan.web.pages.workshop.data import newest_of
from shuyuan.web.reading import Reader

SEED = 7


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/new-run`, `POST /workshop/runs`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/new-run")
    def ask(
        request: Request, reader: Reader, data: str = "", task: str = "", before: str = "", like: str = ""
    ) -> Response:
        if like:
            run = needs.training.run(reader, like)
            return _page(needs, request, reader, run.data, run.task, _like(needs, run))
        chosen = "" if before and before != data else task  # another data set: suggest its task anew
        return _page(needs, request, reader, data, chosen, {})

    @api.post("/workshop/runs")
    async def start(request: Request, reader: Reader) -> Response:
        form = await common.said(request)
        return await run_in_threadpool(_start, needs, request, reader, form)

    return api


def suggested(version: DataSetVersion) -> str:
    """The task that fits the columns: what the label is, and what there is to learn it from."""
    label = next(iter(version.with_role("label")), None)
    features = {column.kind for column in version.with_role("feature")}
    if label is None:
        return "clustering"
    if "image" in features:
        return "image_classification"
    if "sequence" in features:
        return "sequence_classification"
    if "text" in features and not features & {"number", "integer", "category", "boolean"}:
        return "text_classification"
    return "tabular_regression" if label.kind == "number" else "tabular_classification"


def chosen_of(
    needs: WorkshopNeeds, reader: Principal, data: str, task: str
) -> tuple[list[DataSetVersion], DataSetVersion | None, TaskInfo]:
    """The data sets to choose from, the one that is chosen, and the task: as asked for, else what fits."""
    every = needs.datasets.versions(reader.school_id)
    versions = newest_of(every)
    asked = next((one for one in every if one.uri == data), None)
    chosen = asked or next((one for one in versions if len(one.parts) > 1), versions[0] if versions else None)
    tasks = needs.training.tasks()
    named = next((one for one in tasks if one.name == (task or (suggested(chosen) if chosen else ""))), tasks[0])
    return (versions if chosen is None or chosen in versions else [chosen, *versions]), chosen, named


def unfit(
    needs: WorkshopNeeds, reader: Principal, version: DataSetVersion, task: str, parent: str = ""
) -> errors.ShuyuanError | None:
    """Why this task cannot learn from this data as they stand, before anybody presses the button."""
    try:
        needs.training.check(reader, NewRun(task=task, data=version.uri, parent=parent or None))
    except ConsentMissing:
        return None  # said beside the data set
    except errors.ShuyuanError as refused:
        return refused
    return None


def is_held_out(version: DataSetVersion) -> bool:
    """Whether there are rows that are not learned from."""
    return any(version.parts[part].rows for part in ("validation", "test") if part in version.parts)


def _like(needs: WorkshopNeeds, run: Run) -> common.Form:
    """The form as it was when this run began."""
    schema = next((one.config for one in needs.training.tasks() if one.name == run.task), {})
    given = {"seed": [str(run.seed)], "processes": [str(run.processes)], "parent": [run.parent or ""]}
    return schemas.told(schema, run.config) | given


def _start(needs: WorkshopNeeds, request: Request, reader: Principal, form: common.Form) -> Response:
    said = form
    data, task = common.first(said, "data"), common.first(said, "task")
    found = next((one for one in needs.training.tasks() if one.name == task), None)
    try:
        new = NewRun(
            task=task,
            data=data,
            config=schemas.values(found.config, form) if found else {},
            seed=common.number(common.first(said, "seed"), SEED),
            parent=common.first(said, "parent") or None,
            name=common.first(said, "name"),
            processes=common.number(common.first(said, "processes"), 1),
        )
        run = needs.training.start(reader, new)
    except ValidationError as wrong:
        return _page(needs, request, reader, data, task, said, common.bad(wrong))
    except errors.ShuyuanError as refused:
        return _page(needs, request, reader, data, task, said, refused)
    return common.lead(f"/workshop/runs/{run.id}", "started")


def _page(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    data: str,
    task: str,
    form: common.Form,
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    versions, chosen, named = chosen_of(needs, reader, data, task)
    return common.show(
        needs,
        request,
        "new_run.html",
        reader,
        "runs",
        trouble=trouble,
        versions=versions,
        version=chosen,
        held_out=chosen is not None and is_held_out(chosen),
        unfit=_unfit(needs, reader, chosen, named, form) if trouble is None else None,
        tasks=needs.training.tasks(),
        task=named,
        fields=_fields(named, reader, form),
        parents=_parents(needs, reader),
        said=lambda name, otherwise="": common.first(form, name, otherwise),
        seed=SEED,
    )


def _unfit(
    needs: WorkshopNeeds, reader: Principal, version: DataSetVersion | None, task: TaskInfo, form: common.Form
) -> errors.ShuyuanError | None:
    return unfit(needs, reader, version, task.name, common.first(form, "parent")) if version is not None else None


def _fields(task: TaskInfo, reader: Principal, form: common.Form) -> list[schemas.Field]:
    return schemas.fields(task.config, reader.language, schemas.typed(form))


def _parents(needs: WorkshopNeeds, reader: Principal) -> list[tuple[str, str]]:
    """What a run may go on from: finished runs, and versions that a run made."""
    runs = [(run.uri, f"#{run.number} {run.name}") for run in needs.training.runs(reader, state="finished", limit=50)]
    entries = {info.entry.name for info in needs.catalogue.models()}
    versions = [
        (version.uri, version.uri)
        for name in needs.catalogue.known(reader.school_id)
        if name not in entries
        for version in needs.catalogue.versions(reader.school_id, name)
        if "run" in version.lineage and version.runner in runner_kinds()
    ]
    return [*versions, *runs]
