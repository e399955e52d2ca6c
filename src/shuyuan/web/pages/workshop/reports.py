"""Reports: is it better? Order one, read its figures, hold it against a gate; the whole report is one file."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.evaluation.interface import NewReport, Report
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, figurewords, modelshelf
from shuyuan.web.reading import Reader

FIGURES_SHOWN = 40


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/reports…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/reports")
    def listed(request: Request, reader: Reader, subject: str = "", data: str = "", notice: str = "") -> Response:
        asked = {"subject": subject, "data": data}
        return listing(needs, request, reader, asked, notice=notice)

    @api.post("/workshop/reports")
    def order(
        request: Request,
        reader: Reader,
        subject: Annotated[str, Form(max_length=200)] = "",
        data: Annotated[str, Form(max_length=200)] = "",
        part: Annotated[str, Form(max_length=20)] = "validation",
        groups: Annotated[str, Form(max_length=400)] = "",
    ) -> Response:
        asked = {"subject": subject, "data": data, "part": part, "groups": groups}
        names = tuple(one.strip() for one in groups.replace("，", ",").split(",") if one.strip())
        try:
            new = NewReport.model_validate({"subject": subject, "data": data, "part": part, "groups": names})
            report = needs.evaluation.start(reader, new)
        except ValidationError as wrong:
            return listing(needs, request, reader, asked, trouble=common.bad(wrong))
        except errors.ShuyuanError as refused:
            return listing(needs, request, reader, asked, trouble=refused)
        return common.lead(f"/workshop/reports/{report.id}")

    @api.get("/workshop/reports/{report_id}")
    def one(request: Request, reader: Reader, report_id: str, notice: str = "", seen: str = "") -> Response:
        report = needs.evaluation.report(reader.school_id, report_id)
        return common.has_changed(request, seen, report.state) or _one(needs, request, reader, report, notice=notice)

    @api.post("/workshop/reports/{report_id}/cancel")
    def cancel(request: Request, reader: Reader, report_id: str) -> Response:
        try:
            needs.evaluation.cancel_report(reader, report_id)
        except errors.Conflict as over:
            return _one(needs, request, reader, needs.evaluation.report(reader.school_id, report_id), trouble=over)
        return common.lead(f"/workshop/reports/{report_id}")

    @api.post("/workshop/reports/{report_id}/judge")
    def judge(
        request: Request,
        reader: Reader,
        report_id: str,
        gate: Annotated[str, Form(max_length=64)] = "",
        champion: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        report = needs.evaluation.report(reader.school_id, report_id)
        try:
            verdict = needs.evaluation.judge(reader.school_id, reader.account_id, gate, report.id, champion or None)
        except errors.ShuyuanError as wrong:
            return _one(needs, request, reader, report, trouble=wrong)
        return common.lead(f"/workshop/reports/{report.id}", "gate_passed" if verdict.passed else "gate_failed")

    @api.post("/workshop/reports/{report_id}/shuffled")
    def shuffled(request: Request, reader: Reader, report_id: str) -> Response:
        report = needs.evaluation.report(reader.school_id, report_id)
        try:
            needs.evaluation.retrain_shuffled(reader, report.id)
        except errors.ShuyuanError as wrong:
            return _one(needs, request, reader, report, trouble=wrong)
        return common.lead(f"/workshop/reports/{report.id}", "shuffled_begun")

    return api


def listing(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    asked: Mapping[str, str],
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    """Reports and cross-validations of the school, and the forms that order them."""
    return common.show(
        needs,
        request,
        "reports.html",
        reader,
        "reports",
        notice=notice,
        trouble=trouble,
        reports=needs.evaluation.reports(reader.school_id),
        subjects=_subjects(needs, reader),
        runs=[
            (run.uri, f"#{run.number} {run.name}") for run in needs.training.runs(reader, state="finished", limit=50)
        ],
        validations=needs.evaluation.refits(reader.school_id, limit=20),
        **figurewords.WORDS,
        sets=[one for one in needs.datasets.versions(reader.school_id) if len(one.parts) > 1],
        asked=asked,
    )


def _subjects(needs: WorkshopNeeds, reader: Principal) -> list[tuple[str, str]]:
    """(reference, label) of what can be evaluated: versions first, then runs."""
    versions = [
        (version.uri, version.uri) for shelf in modelshelf.own(needs, reader.school_id) for version in shelf.versions
    ]
    runs = needs.training.runs(reader, state="finished", limit=50)
    return [*versions, *((run.uri, f"#{run.number} {run.name}") for run in runs)]


def _one(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    report: Report,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    others = needs.evaluation.reports(reader.school_id, data=report.data)
    first = [report.main_figure] if report.main_figure in report.figures else []
    names = [*first, *(name for name in report.figures if name not in first)]
    return common.show(
        needs,
        request,
        "report.html",
        reader,
        "reports",
        notice=notice,
        trouble=trouble,
        report=report,
        names=names[:FIGURES_SHOWN],
        shuffled=needs.evaluation.refits(reader.school_id, of_report=report.id, limit=1),
        can_shuffle=report.family in ("classification", "regression") and not report.folds,
        **figurewords.WORDS,
        verdicts=needs.evaluation.verdicts(reader.school_id, report.id),
        gates=needs.evaluation.gates(reader.school_id),
        others=[one for one in others if one.id != report.id and one.state == "finished" and one.part == report.part],
    )
