"""Cross-validations: is it as good on every fold? Begun from a run or by task and data; figures by fold."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from shuyuan.kernel import errors
from shuyuan.maas.evaluation.interface import NewCrossValidation, Refit
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, figurewords, reports
from shuyuan.web.reading import Reader


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/cross-validations…`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/workshop/cross-validations")
    def begin(
        request: Request,
        reader: Reader,
        run: Annotated[str, Form(max_length=200)] = "",
        k: Annotated[str, Form(max_length=3)] = "5",
        by: Annotated[str, Form(max_length=20)] = "auto",
        test: Annotated[str, Form(max_length=1)] = "",
    ) -> Response:
        asked = {"subject": "", "data": "", "run": run}
        parts = ("train", "validation", "test") if test else ("train", "validation")
        try:
            new = NewCrossValidation.model_validate(
                {"run": run, "k": common.number(k, 0), "by": by, "parts": parts if run else ()}
            )
            begun = needs.evaluation.cross_validate(reader, new)
        except ValidationError as wrong:
            return reports.listing(needs, request, reader, asked, trouble=common.bad(wrong))
        except errors.ShuyuanError as refused:
            return reports.listing(needs, request, reader, asked, trouble=refused)
        return common.lead(f"/workshop/cross-validations/{begun.id}")

    @api.get("/workshop/cross-validations/{refit_id}")
    def one(request: Request, reader: Reader, refit_id: str, seen: str = "", notice: str = "") -> Response:
        found = needs.evaluation.refit(reader.school_id, refit_id)
        now = _signature(found)
        return common.has_changed(request, seen, now) or common.show(
            needs,
            request,
            "crossvalidation.html",
            reader,
            "reports",
            notice=notice,
            refit=found,
            signature=now,
            runs=[needs.training.run(reader, uri) for uri in found.runs],
            **figurewords.WORDS,
        )

    @api.post("/workshop/cross-validations/{refit_id}/cancel")
    def cancel(reader: Reader, refit_id: str) -> Response:
        found = needs.evaluation.cancel_refit(reader, refit_id)
        return common.lead(f"/workshop/cross-validations/{found.id}")

    return api


def _signature(found: Refit) -> str:
    """What is worth a new page."""
    return f"{found.state}.{found.stage}.{len(found.runs)}.{found.ended}"
