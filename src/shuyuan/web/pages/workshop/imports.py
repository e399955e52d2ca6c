"""A model from elsewhere: will it be served here? A file is sent, looked at, converted; or refused, with the reason."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.conversion.interface import NewImport
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, models
from shuyuan.web.reading import Reader


@dataclass(frozen=True)
class Given:
    """What the form said; the file has to be chosen again."""

    name: str = ""
    labels: str = ""
    file: UploadFile | None = None

    def new(self) -> NewImport:
        """Raises BadInput naming the field."""
        if self.file is None:
            raise errors.BadInput("no file was chosen", fix=f"choose a file that ends in {models.ENDINGS}")
        labels = tuple(one.strip() for one in self.labels.replace("\n", ",").split(",") if one.strip())
        try:
            return NewImport(model=self.name, filename=(self.file.filename or "model")[-255:], labels=labels)
        except ValidationError as wrong:
            raise common.bad(wrong) from wrong


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/imports…`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/workshop/imports")
    async def send(request: Request, reader: Reader) -> Response:
        given = Given()
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                given = _given(form)
                started = await run_in_threadpool(_start, needs, reader, given)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(models.shelf, needs, request, reader, trouble=wrong, given=given)
        return common.lead(f"/workshop/imports/{started}")

    @api.get("/workshop/imports/{import_id}")
    def one(request: Request, reader: Reader, import_id: str) -> Response:
        found = needs.conversion.one(reader.school_id, import_id)
        if found.version is not None and request.headers.get("hx-request") == "true":
            return Response(headers={"hx-redirect": _page_of(found.version)})
        return common.show(needs, request, "import.html", reader, "models", one=found)

    @api.post("/workshop/imports/{import_id}/cancel")
    def cancel(reader: Reader, import_id: str) -> Response:
        needs.conversion.cancel(reader.school_id, import_id)
        return common.lead(f"/workshop/imports/{import_id}")

    return api


def _start(needs: WorkshopNeeds, reader: Principal, given: Given) -> str:
    new = given.new()
    assert given.file is not None  # else `new` has refused
    return needs.conversion.start(reader.school_id, reader.account_id, given.file.file, new).id


def _given(form: FormData) -> Given:
    def text(name: str) -> str:
        value = form.get(name)
        return value.strip() if isinstance(value, str) else ""

    file = form.get("file")
    sent = file if isinstance(file, UploadFile) and file.filename else None
    return Given(name=text("name"), labels=text("labels"), file=sent)


def _page_of(version: str) -> str:
    _, name, number = version.split("/")
    return f"/workshop/models/{name}?version={number}&notice=brought"
