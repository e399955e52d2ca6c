"""Data sets: may I use it? A list, a file brought in, one data set with its columns, findings and first rows."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.datasets.interface import (
    DataSetVersion,
    NewDataSet,
    UnknownDataSet,
    Work,
    for_reader,
    require_may_consent,
    sees_rows,
)
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, findings, planning, reach
from shuyuan.web.reading import Reader

FORMATS = ("csv", "jsonl", "parquet", "images", "xapi")
EXAMPLES, CELL = 3, 60  # values shown of a column, letters of a cell
MOST_RUNS, PAGE = 200, 50
GATHERERS = ("admin", "teacher")  # who may make a data set of answers


@dataclass(frozen=True)
class Given:
    """What the upload form said; the file has to be chosen again."""

    name: str = ""
    purpose: str = ""
    format: str = ""
    delimiter: str = ""
    encoding: str = ""
    personal: bool = False
    consent: bool = False
    file: UploadFile | None = None

    def new(self) -> NewDataSet:
        """Raises BadInput naming the field."""
        if self.file is None:
            raise errors.BadInput("no file was chosen", fix="choose a CSV, JSON lines or Parquet file, or a zip")
        told = {
            "name": self.name,
            "purpose": self.purpose,
            "filename": (self.file.filename or "")[-255:],
            "format": self.format or None,
            "delimiter": {"tab": "\t", "": None}.get(self.delimiter, self.delimiter),
            "encoding": self.encoding or None,
            "personal": self.personal,
            "consent": self.consent,
        }
        try:
            return NewDataSet.model_validate(told)
        except ValidationError as wrong:
            raise common.bad(wrong) from wrong


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/data…`, `/workshop/works…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop")
    def start() -> Response:
        return common.lead("/workshop/data")

    @api.get("/workshop/data")
    def listed(request: Request, reader: Reader, notice: str = "", after: str = "") -> Response:
        return listing(needs, request, reader, notice=notice, after=after[:80])

    @api.post("/workshop/data/upload")
    async def upload(request: Request, reader: Reader) -> Response:
        given = Given()
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                given = _given(form)
                work = await run_in_threadpool(_create, needs, reader, given)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(listing, needs, request, reader, trouble=wrong, given=given)
        return common.lead(f"/workshop/works/{work}")

    @api.get("/workshop/works/{work_id}")
    def work(request: Request, reader: Reader, work_id: str) -> Response:
        found = needs.datasets.work(reader.school_id, work_id)
        if found.state == "finished" and request.headers.get("hx-request") == "true":
            return Response(headers={"hx-redirect": _page_of(found.version, _came_to(needs, found))})
        if found.state == "finished":
            return common.lead(_page_of(found.version, _came_to(needs, found)))
        return common.show(needs, request, "work.html", reader, "data", work=found)

    @api.post("/workshop/works/{work_id}/cancel")
    def cancel(reader: Reader, work_id: str) -> Response:
        needs.datasets.cancel(reader.school_id, reader.account_id, work_id)
        return common.lead(f"/workshop/works/{work_id}")

    @api.get("/workshop/data/{name}")
    def newest(reader: Reader, name: str) -> Response:
        return common.lead(f"/workshop/data/{name}/{needs.datasets.version(reader.school_id, name).number}")

    @api.get("/workshop/data/{name}/{number:int}")
    def one(request: Request, reader: Reader, name: str, number: int, notice: str = "") -> Response:
        return page(needs, request, reader, version_of(needs, reader, name, number), notice=notice)

    @api.post("/workshop/data/{name}/{number:int}/prepare")
    async def prepare(request: Request, reader: Reader, name: str, number: int) -> Response:
        form = await common.said(request)
        version = await run_in_threadpool(version_of, needs, reader, name, number)
        try:
            plan = planning.plan(version, form)
            told = {"name": common.first(form, "name") or None, "purpose": common.first(form, "purpose")[:400]}
            work = await run_in_threadpool(
                lambda: needs.datasets.prepare(reader.school_id, reader.account_id, version.uri, plan, **told)  # type: ignore[arg-type]  # two texts
            )
        except (errors.ShuyuanError, ValidationError) as wrong:
            trouble = common.bad(wrong) if isinstance(wrong, ValidationError) else wrong
            return await run_in_threadpool(page, needs, request, reader, version, trouble=trouble, form=form)
        return common.lead(f"/workshop/works/{work.id}")

    @api.post("/workshop/data/{name}/{number:int}/delete")
    def delete(request: Request, reader: Reader, name: str, number: int) -> Response:
        version = version_of(needs, reader, name, number)
        try:
            needs.datasets.delete(reader.school_id, reader.account_id, version.uri)
        except errors.Conflict as wrong:
            return page(needs, request, reader, version, trouble=wrong)
        return common.lead("/workshop/data", "deleted")

    return api


def newest_of(versions: list[DataSetVersion]) -> list[DataSetVersion]:
    """The newest version of each data set that has rows, the newest first."""
    found: dict[str, DataSetVersion] = {}
    for version in sorted((one for one in versions if one.purged_at is None), key=lambda one: one.number):
        found[version.name] = version
    return sorted(found.values(), key=lambda one: one.created_at, reverse=True)


def _create(needs: WorkshopNeeds, reader: Principal, given: Given) -> str:
    new = given.new()
    require_may_consent(new, reader)
    assert given.file is not None  # else `new` has refused
    return needs.datasets.create(reader.school_id, reader.account_id, given.file.file, new).id


def _given(form: FormData) -> Given:
    def text(name: str) -> str:
        value = form.get(name)
        return value.strip() if isinstance(value, str) else ""

    file = form.get("file")
    return Given(
        name=text("name"),
        purpose=text("purpose"),
        format=text("format"),
        delimiter=text("delimiter"),
        encoding=text("encoding"),
        personal=bool(text("personal")),
        consent=bool(text("consent")),
        file=file if isinstance(file, UploadFile) and file.filename else None,
    )


def listing(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    given: Given | None = None,
    after: str = "",
) -> Response:
    """One page of the list, with the forms that add to it."""
    found = needs.datasets.newest(reader.school_id, limit=PAGE + 1, after=after)
    sets, versions = needs.datasets.count(reader.school_id)
    works = [one for one in needs.datasets.works(reader.school_id) if not one.ended]
    return common.show(
        needs,
        request,
        "data.html",
        reader,
        "data",
        notice=notice,
        trouble=trouble,
        newest=found[:PAGE],
        sets=sets,
        count=versions,
        after=after,
        more=found[PAGE - 1].name if len(found) > PAGE else "",
        gatherable=needs.gathering.gatherable(reader) if reader.role in GATHERERS else None,
        works=works,
        given=given or Given(),
        may_consent=reader.role == "admin",
        formats=FORMATS,
        most=needs.settings.max_data_bytes,
    )


def page(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    version: DataSetVersion,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    form: common.Form | None = None,
) -> Response:
    """One version: its facts, columns, findings, first rows, and what may be done with it."""
    said = form or {}
    every = needs.datasets.versions(reader.school_id)
    touched, kin = reach.family(version, every), reach.kin(version, every)
    by_id = {one.id: one for one in every}
    label = next(iter(version.with_role("label")), None)
    default_split = planning.split_of(version.columns) if len(version.parts) < 2 else planning.OFF
    return common.show(
        needs,
        request,
        "dataset.html",
        reader,
        "data",
        notice=notice,
        trouble=trouble,
        version=for_reader(version, reader),
        label=label,
        split_done=len(version.parts) > 1,
        trainable=version.purged_at is None and (version.consent or not version.personal),
        preview=[dict(row) for row in needs.datasets.preview(version)] if sees_rows(version, reader) else [],
        siblings=[one for one in every if one.name == version.name],
        parent=by_id.get(version.parent_id or ""),
        children=[one for one in every if one.parent_id == version.id],
        runs=[one for one in needs.training.runs(reader, limit=MOST_RUNS) if one.data == version.uri],
        kinds=planning.KINDS,
        proposed=planning.proposed(version),
        roles=planning.ROLES,
        rules=[(rule, rule.chosen(said)) for rule in planning.RULES],
        splits=planning.SPLITS,
        split=common.first(said, "split", default_split),
        copies=planning.COPIES,
        augmentations=planning.augmentations(version.columns),
        said=lambda name, otherwise="": common.first(said, name, otherwise),
        findings=findings,
        cell=_cell,
        keeper=reader.role == "admin",
        family=touched,
        kin=kin,
        stops=reach.readers(needs, reader, kin) if reader.role == "admin" else [],
        users=sorted({by for one in touched for by in needs.datasets.users(one)}),
        person=next((one.name for one in version.with_role("person")), ""),
    )


def _cell(value: object) -> str:
    """A value of the preview, short."""
    text = "" if value is None else str(value)
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def version_of(needs: WorkshopNeeds, reader: Principal, name: str, number: int) -> DataSetVersion:
    if number > 2**31 - 1:
        raise UnknownDataSet(f"there is no data set {name[:40]}/{number}", fix="choose one of the list")
    return needs.datasets.version(reader.school_id, f"{name}/{number}")


def _came_to(needs: WorkshopNeeds, work: Work) -> str:
    """The notice: a new version, or one that lay there with the same content."""
    version = needs.datasets.version(work.school_id, work.version)
    return "same_rows" if version.created_at < work.created_at else "ready"


def _page_of(uri: str, notice: str) -> str:
    return f"/workshop/data/{uri.removeprefix('data:/')}?notice={notice}"
