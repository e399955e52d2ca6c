"""Consent to a data set, and what follows from a no: take it back, remove rows for good, take one person out."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.datasets.interface import DataSetVersion
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, data
from shuyuan.web.reading import Reader

Reason = Annotated[str, Form(max_length=400)]


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/data/…/consent|purge|erase`, `/workshop/data/from-answers`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/workshop/data/from-answers")
    def gather(
        request: Request,
        reader: Reader,
        name: Annotated[str, Form(max_length=80)] = "",
        purpose: Annotated[Literal["improvement", "research"], Form()] = "improvement",
        said: Reason = "",
    ) -> Response:
        try:
            work = needs.gathering.gather(reader, name.strip(), purpose, said=said.strip())
        except errors.ShuyuanError as wrong:
            return data.listing(needs, request, reader, trouble=wrong)
        return common.lead(f"/workshop/works/{work.id}")

    @api.post("/workshop/data/{name}/{number:int}/consent")
    def consent(
        request: Request, reader: Reader, name: str, number: int, consent: Annotated[str, Form()], reason: Reason = ""
    ) -> Response:
        def change(version: DataSetVersion) -> Response:
            if not reason.strip():
                raise errors.BadInput("no reason was given", fix="say in a sentence how, or why")
            needs.datasets.set_consent(reader.school_id, reader.account_id, version.uri, consent == "yes", reason)
            return _back(version, "consented" if consent == "yes" else "withdrawn")

        return _tried(needs, request, reader, name, number, change)

    @api.post("/workshop/data/{name}/{number:int}/purge")
    def purge(request: Request, reader: Reader, name: str, number: int, reason: Reason = "") -> Response:
        def remove(version: DataSetVersion) -> Response:
            needs.datasets.purge(reader.school_id, reader.account_id, version.uri, reason)
            return _back(version, "purged")

        return _tried(needs, request, reader, name, number, remove)

    @api.post("/workshop/data/{name}/{number:int}/erase")
    def erase(
        request: Request,
        reader: Reader,
        name: str,
        number: int,
        persons: Annotated[str, Form(max_length=400_000)] = "",
        reason: Reason = "",
    ) -> Response:
        def start(version: DataSetVersion) -> Response:
            who = [one.strip() for one in persons.splitlines() if one.strip()]
            work = needs.datasets.erase_persons(reader.school_id, reader.account_id, version.uri, who, reason)
            return common.lead(f"/workshop/works/{work.id}")

        return _tried(needs, request, reader, name, number, start)

    return api


def _back(version: DataSetVersion, notice: str) -> Response:
    return common.lead(f"/workshop/data/{version.name}/{version.number}", notice)


def _tried(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    name: str,
    number: int,
    verb: Callable[[DataSetVersion], Response],
) -> Response:
    """Do it; the page again with what is wrong where it is refused."""
    version = data.version_of(needs, reader, name, number)
    try:
        return verb(version)
    except errors.ShuyuanError as wrong:
        return data.page(needs, request, reader, version, trouble=wrong)
