"""HTTP for researchers: comparisons of learner models, and answers with pseudonyms."""

import csv
import io
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.learning.insight.interface import AnswersExport, Comparing, Comparison, ExportForm
from shuyuan.science.tracing import comparing as science

Form = Annotated[ExportForm, Query()]
_HIDDEN = {
    "items": "hidden_items",
    "of_items": "of_items",
    "answers": "answers_to_hidden_items",
    "vectors": "texts_read_by",
    "not_read": "texts_not_read",
}  # of a protocol of new items → heading


class NewComparison(BaseModel):
    """Which models, on which answers. seed: deals the learners.  control: fit to answers dealt at random, too.
    new_items: judge on items hidden from the fit as well, by their texts where they have some."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(max_length=200)
    models: list[str] = Field(min_length=1, max_length=12)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    control: bool = True
    new_items: bool = False


def router(comparing: Comparing, answers_out: AnswersExport) -> APIRouter:
    """`/api/comparisons…`, `/api/records/answers`."""
    api = APIRouter(tags=["research"])

    @api.get("/api/comparisons")
    def listed(principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Comparisons, newest first; the models and the answers one may compare."""
        return {
            "comparisons": [_told(one) for one in comparing.list(principal)],
            "models": [vars(one) for one in comparing.models()],
            "sources": [vars(one) for one in comparing.sources(principal)],
        }

    @api.post("/api/comparisons", status_code=202)
    def start(body: NewComparison, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Begin; follow it at /api/comparisons/{comparison_id}."""
        order = body.model_dump(exclude={"source"})
        return _told(comparing.start(principal, body.source, **order))

    @api.get("/api/comparisons/{comparison_id}")
    def one(comparison_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """How far it is; its protocol and figures once it is finished."""
        return _told(comparing.one(principal, comparison_id))

    @api.get("/api/comparisons/{comparison_id}/figures")
    def figures(comparison_id: str, form: Form = "csv", principal: Principal = Depends(caller)) -> Response:
        """Protocol and figures as a file; no answer is in it."""
        found = comparing.one(principal, comparison_id)
        if form == "json":
            return _file(json.dumps(_told(found), ensure_ascii=False, indent=1), "comparison.json")
        return _file(_csv(found), "comparison.csv")

    @api.get("/api/records/answers")
    def export(purpose: str = "research", form: Form = "csv", principal: Principal = Depends(caller)) -> Response:
        """Answers of the learners who agreed, with pseudonyms; noted in the activity log."""
        file = io.StringIO()
        answers_out.write(principal, purpose, form, file)
        return _file(file.getvalue(), f"answers.{form}")

    return api


def _told(one: Comparison) -> dict[str, Any]:  # Any: JSON
    return {**vars(one), "at": one.at.isoformat()}


def _csv(one: Comparison) -> str:
    """A line a figure, each with what it stands on."""
    out = io.StringIO()
    sheet = csv.writer(out)
    told = one.result.get("protocol", {})
    stands = [one.source, one.seed, told.get("data_sha256", ""), told.get("split", "")]
    hidden = told.get("new_items") or {}
    sheet.writerow(["model", "figure", "value", "source", "seed", "data_sha256", "split", *_HIDDEN.values()])
    stands += [hidden.get(key) for key in _HIDDEN]
    for model, figure, value in science.rows(one.result) if one.result else ():
        sheet.writerow([model, figure, "" if value is None else f"{value:.6g}", *stands])
    return out.getvalue()


def _file(body: str, name: str) -> Response:
    kind = "application/json" if name.endswith("json") else "text/csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(body, media_type=f"{kind}; charset=utf-8", headers=headers)
