"""The class list: check first (nothing is written), then import, then print the join slips, whose PINs are shown once.

Between the check and the import nothing is kept here: the file travels in the form, so any process can finish it.
So do the slips when the page is wanted in the other language: the PINs are stored nowhere, and are not lost either.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from pydantic import TypeAdapter, ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.people.interface import RosterReport, RosterRow
from shuyuan.web import machine, preferences
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.pages import common
from shuyuan.web.reading import Reader

# What the importer says of a bad line, by a piece of its words, and the key of roster.problem that says it here.
PROBLEMS = (
    ("is twice in the list", "twice"),
    ("unknown class", "unknown_class"),
    ("the class is missing", "no_class"),
    ("the class '", "other_class"),
    ("the name is missing", "no_name"),
    ("the name has", "bad_name"),
    ("the student number is missing", "no_number"),
    ("the student number", "bad_number"),
    ("the PIN has", "bad_pin"),
    ("the age band", "bad_age"),
)

PIECE = 500_000  # characters
REPORT = TypeAdapter(RosterReport)
SLIPS = "/people/roster/slips"


def router(needs: OfficeNeeds) -> APIRouter:
    """`/people/roster`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/people/roster")
    def choose(request: Request, reader: Reader, class_id: str = "") -> Response:
        return _choose(needs, request, reader, class_id)

    @api.post("/people/roster")
    def check(
        request: Request,
        reader: Reader,
        file: Annotated[UploadFile, File()],
        class_id: Annotated[str, Form()] = "",
    ) -> Response:
        content, name = file.file.read(), file.filename or ""
        try:
            report = needs.people.import_roster(reader, class_id or None, name, content, dry_run=True)
        except (errors.BadInput, errors.TooLarge, errors.Malformed) as wrong:
            return _choose(needs, request, reader, class_id, wrong)
        return needs.shell.show(
            request,
            "admin/roster_check.html",
            _reach(request),
            principal=reader,
            here="people",
            report=report,
            filename=name,
            rows=worst_first(report.rows),
            problem=problem,
            class_id=class_id,
            same=_same(report),
            pieces=_pieces(content),
        )

    @api.post("/people/roster/import")
    def import_(
        request: Request,
        reader: Reader,
        content: Annotated[list[str], Form()],
        filename: Annotated[str, Form()] = "",
        class_id: Annotated[str, Form()] = "",
    ) -> Response:
        report = needs.people.import_roster(reader, class_id or None, filename, _bytes("".join(content)), dry_run=False)
        told = tuple(row for row in report.rows if row.action == "refuse")
        return _done(needs, request, reader, replace(report, rows=told, pins={}))

    @api.post(SLIPS)
    def slips(
        request: Request,
        reader: Reader,
        content: Annotated[list[str], Form()],
        lang: Annotated[str, Form()] = "",
        theme: Annotated[str, Form()] = "",
    ) -> Response:
        """What came of the import once more, from the form itself, in the language and theme now chosen."""
        preferences.choose(request, lang, theme)
        page = _done(needs, request, reader, _report(_bytes("".join(content))))
        common.remember(needs.identity, reader, page, lang, theme)
        return page

    return api


def problem(row: RosterRow) -> str:
    """The key of roster.problem for a refused line; "other" for words we do not know."""
    return next((key for words, key in PROBLEMS if words in (row.problem or "")), "other")


def worst_first(rows: Sequence[RosterRow]) -> list[RosterRow]:
    """Refused lines on top, then in the order of the file."""
    return sorted(rows, key=lambda row: (row.action != "refuse", row.line))


def _done(needs: OfficeNeeds, request: Request, reader: Principal, report: RosterReport) -> Response:
    return needs.shell.show(
        request,
        "admin/roster_done.html",
        _reach(request),
        principal=reader,
        here="people",
        report=report,
        problem=problem,
        keep=(SLIPS, [("content", piece) for piece in _pieces(REPORT.dump_json(report))]),
    )


def _reach(request: Request) -> dict[str, object]:
    """The address printed on slips, and whether only this machine can open it."""
    return {
        "address": str(request.base_url).rstrip("/"),
        "only_here": machine.only_here(request.url.hostname or ""),
    }


def _choose(
    needs: OfficeNeeds, request: Request, reader: Principal, class_id: str, trouble: errors.ShuyuanError | None = None
) -> Response:
    return needs.shell.show(
        request,
        "admin/roster.html",
        principal=reader,
        here="people",
        classes=needs.people.classes(reader),
        class_id=class_id,
        trouble=trouble,
        notice="",
        status=trouble.status if trouble else 200,
    )


def _same(report: RosterReport) -> int:
    return sum(1 for row in report.rows if row.action == "same")


def _pieces(content: bytes) -> list[str]:
    """The file as text for hidden fields, of which a form takes at most 1 MB each."""
    text = base64.urlsafe_b64encode(content).decode()
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def _report(content: bytes) -> RosterReport:
    try:
        return REPORT.validate_json(content)
    except ValidationError as broken:
        raise errors.Malformed("the slips in the form are damaged", fix="give new PINs on the class's page") from broken


def _bytes(content: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(content)
    except (binascii.Error, ValueError) as broken:
        raise errors.Malformed("the class list in the form is damaged", fix="choose the file once more") from broken
