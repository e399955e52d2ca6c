"""Reports, gates and cross-validations over HTTP. What takes long is ordered (202) and looked at until it is done."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.maas.evaluation.interface import (
    FAMILIES,
    Evaluation,
    Gate,
    NewCrossValidation,
    NewGate,
    NewReport,
    Reading,
    Refit,
    Report,
    Verdict,
    known_figures,
)
from shuyuan.maas.evaluation.page import document

Id = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z]*$")]
Name = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]
Filter = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


class Judging(BaseModel):
    """Which report is held against the gate. champion_report_id: of what is served now; None: the newest is found."""

    report_id: str = Field(max_length=40, pattern=r"^[0-9a-z]*$")
    champion_report_id: str | None = Field(None, max_length=40, pattern=r"^[0-9a-z]*$")


class Removing(BaseModel):
    """Why a gate goes."""

    reason: str = Field("", max_length=400, pattern=r"^[^\x00]*$")


def router(evaluation: Evaluation) -> APIRouter:
    """`/api/reports`, `/api/gates`, `/api/cross-validations`, `/api/test-readings`."""
    routes = APIRouter(tags=["evaluation"])
    _reports(routes, evaluation)
    _gates(routes, evaluation)
    _cross_validations(routes, evaluation)
    return routes


def _reports(routes: APIRouter, evaluation: Evaluation) -> None:

    @routes.get("/api/reports")
    def list_reports(
        subject: Filter = None,
        data: Filter = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        principal: Principal = Depends(caller),
    ) -> list[Report]:
        """Newest first, heads and figures only."""
        return evaluation.reports(principal.school_id, subject=subject, data=data, limit=limit)

    @routes.post("/api/reports", status_code=202)
    def order_report(new: NewReport, principal: Principal = Depends(caller)) -> Report:
        """Begin; look at the report until its state is `finished` or `failed`."""
        return evaluation.start(principal, new)

    @routes.get("/api/reports/{report_id}")
    def one_report(report_id: Id, principal: Principal = Depends(caller)) -> Report:
        """With every detail."""
        return evaluation.report(principal.school_id, report_id)

    @routes.post("/api/reports/{report_id}/cancel")
    def cancel_report(report_id: Id, principal: Principal = Depends(caller)) -> Report:
        """Stop one that is being made."""
        return evaluation.cancel_report(principal, report_id)

    @routes.get("/api/reports/{report_id}/html")
    def report_page(
        report_id: Id, language: Literal["zh", "en"] | None = None, principal: Principal = Depends(caller)
    ) -> Response:
        """One self-contained file that may run and fetch nothing."""
        content = evaluation.html(principal.school_id, report_id, language or principal.language)
        policy = f"{document.policy(content)}; frame-ancestors 'none'; sandbox"
        headers = {"content-security-policy": policy, "cache-control": "private, max-age=3600"}
        return Response(content, media_type="text/html; charset=utf-8", headers=headers)

    @routes.get("/api/reports/{report_id}/verdicts")
    def verdicts(report_id: Id, principal: Principal = Depends(caller)) -> list[Verdict]:
        """What gates said of it, newest first."""
        return evaluation.verdicts(principal.school_id, report_id)

    @routes.get("/api/test-readings")
    def readings(
        data: Filter = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        principal: Principal = Depends(caller),
    ) -> list[Reading]:
        """Who read which test part, for which run or version, and when."""
        return evaluation.readings(principal.school_id, data, limit)


def _gates(routes: APIRouter, evaluation: Evaluation) -> None:
    @routes.get("/api/gates")
    def list_gates(principal: Principal = Depends(caller)) -> list[Gate]:
        """The school's own, then the shipped ones it has not replaced."""
        return evaluation.gates(principal.school_id)

    @routes.put("/api/gates/{name}")
    def put_gate(name: Name, new: NewGate, principal: Principal = Depends(caller)) -> Gate:
        """Set a gate (administrators); what it was before stays on record."""
        return evaluation.put_gate(principal, name, new)

    @routes.post("/api/gates/{name}/judge")
    def judge(name: Name, body: Judging, principal: Principal = Depends(caller)) -> Verdict:
        """Every condition with the figure beside its limit."""
        return evaluation.judge(
            principal.school_id, principal.account_id, name, body.report_id, body.champion_report_id
        )

    @routes.delete("/api/gates/{name}", status_code=204)
    def remove_gate(name: Name, body: Removing, principal: Principal = Depends(caller)) -> None:
        """Out of force (administrators), for a reason; refused while a pipeline or a schedule names it."""
        evaluation.remove_gate(principal, name, body.reason)

    @routes.get("/api/gate-figures")
    def gate_figures(principal: Principal = Depends(caller)) -> dict[str, list[str]]:
        """What a condition may speak of, by family; beside these `subgroup_gap:COLUMN` and `cv_mean:FIGURE`."""
        return {family: list(known_figures(family)) for family in FAMILIES}


def _cross_validations(routes: APIRouter, evaluation: Evaluation) -> None:
    @routes.get("/api/cross-validations")
    def cross_validations(
        limit: Annotated[int, Query(ge=1, le=200)] = 50, principal: Principal = Depends(caller)
    ) -> list[Refit]:
        """Newest first."""
        return evaluation.refits(principal.school_id, limit=limit)

    @routes.post("/api/cross-validations", status_code=202)
    def cross_validate(new: NewCrossValidation, principal: Principal = Depends(caller)) -> Refit:
        """Begin: the folds are runs in the queue; look at it until its state is not `running`."""
        return evaluation.cross_validate(principal, new)

    @routes.get("/api/cross-validations/{refit_id}")
    def cross_validation(refit_id: Id, principal: Principal = Depends(caller)) -> Refit:
        """Each fold's figures, their mean and its interval."""
        return evaluation.refit(principal.school_id, refit_id)

    @routes.post("/api/cross-validations/{refit_id}/cancel")
    def cancel_cross_validation(refit_id: Id, principal: Principal = Depends(caller)) -> Refit:
        """Stop it and the folds under way."""
        return evaluation.cancel_refit(principal, refit_id)

    @routes.get("/api/reports/{report_id}/shuffled-fits")
    def shuffled_fits(report_id: Id, principal: Principal = Depends(caller)) -> list[Refit]:
        """Fits of the same kind with shuffled labels, newest first."""
        evaluation.report(principal.school_id, report_id)  # nothing of a report that is not there
        return evaluation.refits(principal.school_id, of_report=report_id)

    @routes.post("/api/reports/{report_id}/shuffled-fits", status_code=202)
    def retrain_shuffled(report_id: Id, principal: Principal = Depends(caller)) -> Refit:
        """Train once more with shuffled labels, a few steps: costs a run."""
        return evaluation.retrain_shuffled(principal, report_id)
